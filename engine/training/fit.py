"""The training of one run, from its start or its last checkpoint to its test figures."""

import json
import math
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, optim

from engine import catalog
from engine.data.loading import load_splits
from engine.models.base import Autoencoder
from engine.session import Outcome, RunDiverged, Session
from engine.spec import DenoisingSpec, RunSpec
from engine.training import checkpoints, evaluate
from engine.training.device import prepare_device
from engine.training.keeping import Keeper
from engine.training.optimizers import build_optimizer, set_rate
from engine.training.schedules import RateSchedule
from engine.training.stopping import EarlyStopping
from store.errors import RequestError
from store.names import RunName
from store.paths import Root, RunPaths

_STEP_LINES_AN_EPOCH = 20
_SAME_COURSE = ("kind", "dataset", "seed", "train_limit", "model", "optim")
"""The fields of a configuration that decide what its validation errors mean."""


def train(session: Session) -> Outcome:
    """Train the run of ``session`` to its end, or until a stop is asked for.

    Goes on from the run's last checkpoint if there is one, to the same numbers as without the interruption (on one
    device, with one number of threads); else from the checkpoint of ``spec.start_from``; else from the seed.

    Raises:
        RequestError: the data set, the device or a checkpoint cannot be used.
        RunDiverged: the loss is not finite any more.
        RunPaused, store.errors.LeaseLost: from ``session``.
    """
    spec, paths = session.spec, session.paths
    device = prepare_device(spec)
    splits = load_splits(spec.dataset, session.data_dir, spec.train_limit)
    training, validation = splits.train.to(device), splits.validation.to(device)
    model: Autoencoder = catalog.resolve(catalog.kind(spec.kind).model)(spec.model, training.shape)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    optimizer = build_optimizer(spec.optim, model.parameters())
    num_batches = count_batches(len(training), spec.optim.batch_size)
    schedule = RateSchedule(name=spec.optim.schedule, peak=spec.optim.lr, num_steps=spec.epochs * num_batches)
    course = _Course(session, model, optimizer, num_batches, device)
    keeper = Keeper(session, validation, spec.keep)
    session.begin(course.epoch, course.record)

    while course.epoch < spec.epochs and not course.stopping.is_over:
        if session.stop_requested:
            return Outcome(value=course.best_value if math.isfinite(course.best_value) else None, was_stopped=True)
        epoch = course.epoch + 1
        started, train_losses, rate = time.monotonic(), _Sums(), math.nan

        # One pass over the training images.
        model.train()
        line_every = math.ceil(num_batches / _STEP_LINES_AN_EPOCH)
        since_line = _Sums()
        for batch, indices in enumerate(shuffled_batches(len(training), num_batches, spec.seed, epoch, device), 1):
            rate = schedule.rate(course.step)
            set_rate(optimizer, rate)
            targets = training.batch(indices)  # [B, C, H, W] in [0, 1]
            losses = model.losses(model.corrupt(targets), targets, epoch - 1 + (batch - 1) / num_batches)
            optimizer.zero_grad(set_to_none=True)
            losses.loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            course.step += 1
            for sums in (train_losses, since_line):
                sums.add(losses.named(), len(indices))
            if batch % line_every == 0 or batch == num_batches:  # the only places where the CPU waits for a GPU
                loss = since_line.means()["loss"]
                session.step({"epoch": epoch, "step": course.step, "loss": loss, "time": course.elapsed()})
                if not math.isfinite(loss):
                    raise RunDiverged(f"the loss became {loss} in epoch {epoch}: try a lower lr")
                since_line = _Sums()
            session.between_steps()
        train_time = time.monotonic() - started

        # Look at it, and write down what was seen: pictures, checkpoints, metrics, in this order.
        val_losses = evaluate.mean_losses(model, validation, epoch)
        course.record = {
            "epoch": epoch,
            "step": course.step,
            **{f"train_{name}": value for name, value in train_losses.means().items()},
            **{f"val_{name}": value for name, value in val_losses.items()},
            **model.extra_metrics(epoch),
            "lr": rate,
            "images_per_s": len(training) / train_time,
            "time": course.elapsed(),
        }
        if not all(math.isfinite(value) for value in val_losses.values()):
            session.step({"epoch": epoch, "step": course.step, "loss": math.nan, "time": course.elapsed()})
            raise RunDiverged(f"the validation loss became {val_losses['loss']} in epoch {epoch}: try a lower lr")
        course.epoch = epoch
        course.stopping.update(val_losses["loss"], schedule.still_falls(course.step))
        keeper.keep(model, epoch)
        course.save(val_losses["mse"])
        session.end_epoch(epoch, val_losses["mse"], course.record)
        keeper.thin(epoch)

    # The one look at the test images, with the weights that were best in validation.
    checkpoints.read(paths.best).restore_model(model)
    factors = sorted({*spec.model.noise_range} - {0.0}) if isinstance(spec.model, DenoisingSpec) else []
    test = evaluate.figures(model, splits.test.to(device), factors)
    results = {"value": course.best_value, "best_epoch": course.best_epoch, "epochs": course.epoch, "test": test}
    session.write(paths.results, lambda aside: _write_json(aside, results))
    return Outcome(value=course.best_value, test=test)


class _Course:
    """Where a run stands: all that its next epoch depends on, and all that a checkpoint holds."""

    def __init__(
        self,
        session: Session,
        model: Autoencoder,
        optimizer: optim.Optimizer,
        num_batches: int,
        device: torch.device,
    ) -> None:
        self._session, self._model, self._optimizer, self._device = session, model, optimizer, device
        self.epoch = 0
        self.step = 0
        self.record: Mapping[str, object] | None = None
        self.best_value = math.inf
        self.best_epoch = 0
        self.stopping = EarlyStopping(patience=session.spec.optim.patience)
        elapsed = 0.0
        if session.paths.last.exists():
            elapsed = self._resume(session.paths.last)
        elif session.spec.start_from is not None:
            elapsed = self._start_from(session.spec.start_from, num_batches)
        self._began = time.monotonic() - elapsed

    def elapsed(self) -> float:
        """Seconds since the run began, of all its attempts, without the time between them."""
        return time.monotonic() - self._began

    def save(self, value: float) -> None:
        """Write the checkpoint of the epoch that ended with the validation error ``value``; the best one first.

        Killed between the two, the run repeats the epoch and writes the same best again.
        """
        improved = value < self.best_value
        if improved:
            self.best_value, self.best_epoch = value, self.epoch
        packed = checkpoints.pack(
            epoch=self.epoch,
            step=self.step,
            spec=self._session.spec.as_json(),
            record=self.record or {},
            state={
                "best_value": self.best_value,
                "best_epoch": self.best_epoch,
                "elapsed": self.elapsed(),
                "stopping": asdict(self.stopping),
            },
            model=self._model,
            optimizer=self._optimizer,
            device=self._device,
        )
        paths = self._session.paths
        for path in (paths.best, paths.last) if improved else (paths.last,):
            self._session.write(path, lambda aside: _write_bytes(aside, packed))

    def _resume(self, path: Path) -> float:
        """Go on from this run's own checkpoint; returns the seconds it took to get there."""
        last = checkpoints.read(path)
        try:
            last.restore_model(self._model)
            last.restore_optimizer(self._optimizer)
            last.restore_rng(self._device)
            self._take_state(last)
        except (ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
            raise RequestError(f"The checkpoint {path} does not fit this run ({error}).") from error
        self.step = last.step
        return float(last.state["elapsed"])

    def _start_from(self, name: str, num_batches: int) -> float:
        """Go on from the last checkpoint of the run ``name``; with the same settings, as if it were that run."""
        source, spec = _run_paths(self._session.paths, name), self._session.spec
        if not source.last.exists():
            raise RequestError(f"The run {name} has no checkpoint to start from.")
        last = checkpoints.read(source.last)
        if last.epoch >= spec.epochs:
            raise RequestError(f"The run {name} has {last.epoch} epochs already: ask for more than that with --epochs.")
        try:
            last.restore_model(self._model)
            if last.spec["optim"]["optimizer"] == spec.optim.optimizer:
                last.restore_optimizer(self._optimizer)
            last.restore_rng(self._device)
            if _is_same_course(spec, last.spec):
                self._take_state(last)
        except (ValueError, KeyError, TypeError, IndexError, RuntimeError) as error:
            raise RequestError(f"The run {name} cannot be started from ({error}).") from error
        if self.best_epoch and source.best.exists():
            self._session.write(self._session.paths.best, lambda aside: _copy(source.best, aside))
        self.epoch, self.record = last.epoch, last.record
        self.step = last.epoch * num_batches
        return float(last.state["elapsed"])

    def _take_state(self, checkpoint: checkpoints.Checkpoint) -> None:
        self.epoch, self.record = checkpoint.epoch, checkpoint.record
        self.best_value = checkpoint.state["best_value"]
        self.best_epoch = checkpoint.state["best_epoch"]
        self.stopping = EarlyStopping(**checkpoint.state["stopping"])


class _Sums:
    """Sums of named losses on their device, weighed by images; read only when asked for."""

    def __init__(self) -> None:
        self._sums: dict[str, Tensor] = {}
        self._num_images = 0

    def add(self, losses: Mapping[str, Tensor], num_images: int) -> None:
        for name, value in losses.items():
            total = value.detach() * num_images
            self._sums[name] = self._sums[name] + total if name in self._sums else total
        self._num_images += num_images

    def means(self) -> dict[str, float]:
        return {name: total.item() / self._num_images for name, total in self._sums.items()}


def count_batches(num_images: int, batch_size: int) -> int:
    """Batches an epoch: of ``batch_size`` images at most, and (for batch normalization) never of a single one."""
    return min(math.ceil(num_images / batch_size), num_images // 2)


def shuffled_batches(
    num_images: int, num_batches: int, seed: int, epoch: int, device: torch.device
) -> Iterator[Tensor]:
    """Positions of the images of each batch, int64 [B] on ``device``; sizes differ by one at most.

    The order follows from ``seed`` and ``epoch`` alone, so an epoch is the same whatever came before it.
    """
    generator = torch.Generator().manual_seed(_mix(seed, epoch))
    order = torch.randperm(num_images, generator=generator).to(device)
    yield from order.tensor_split(num_batches)


def _mix(seed: int, epoch: int) -> int:
    """A seed for each epoch of each run seed; neighbours give unrelated ones."""
    return int(np.random.SeedSequence((seed, epoch)).generate_state(1, np.uint64)[0] >> 1)


def _is_same_course(spec: RunSpec, other: Mapping[str, object]) -> bool:
    ours = json.loads(json.dumps(spec.as_json()))
    return all(ours[field] == other.get(field) for field in _SAME_COURSE)


def _run_paths(own: RunPaths, name: str) -> RunPaths:
    return Root(own.folder.parents[1]).run(RunName.parse(name))


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)
