"""The training of one run, from its start or its last checkpoint to its test figures."""

import json
import math
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from engine.data.loading import splits_of
from engine.models.building import build_model
from engine.session import Outcome, RunDiverged, Session
from engine.training import checkpoints, evaluate
from engine.training.averaging import WeightAverage
from engine.training.course import Course
from engine.training.device import prepare_device
from engine.training.keeping import Keeper, Sample
from engine.training.optimizers import build_optimizer, set_rate
from engine.training.precision import mixed
from engine.training.schedules import RateSchedule
from engine.training.warping import warp

_STEP_LINES_AN_EPOCH = 20
_UNITS_SAMPLE = 2000
"""Validation images over which the units of a variational code are looked at in every epoch."""


def train(session: Session) -> Outcome:
    """Train the run of ``session`` to its end, or until a stop is asked for.

    Goes on from the run's last checkpoint if there is one, to the same numbers as without the interruption (on one
    device, with one number of threads); else from the checkpoint of ``spec.start_from``; else from the seed.

    Raises:
        RequestError: the data set, the device or a checkpoint cannot be used.
        RunDiverged: the loss is not finite any more, or has exploded.
        RunPaused, store.errors.LeaseLost: from ``session``.
    """
    spec, paths = session.spec, session.paths
    device = prepare_device(spec)
    splits = splits_of(spec, session.data_dir)
    model = build_model(spec, splits.train)
    model.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in its stubs
    optimizer = build_optimizer(spec.optim, (weight for weight in model.parameters() if weight.requires_grad))
    average = WeightAverage(model, spec.optim.ema)
    course = Course(session, average, optimizer, device)
    # Now that the weights are those to go on with: a frozen part is applied once, here.
    training, validation = (model.prepare(images.to(device)) for images in (splits.train, splits.validation))
    num_batches = count_batches(len(training), spec.optim.batch_size)
    course.step = course.epoch * num_batches
    schedule = RateSchedule(name=spec.optim.schedule, peak=spec.optim.lr, num_steps=spec.epochs * num_batches)
    keeper = Keeper(session, splits.validation.to(device), spec.keep)
    units_sample = Sample.draw(splits.validation.to(device), _UNITS_SAMPLE).images
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
            inputs, labels = training.batch(indices), training.labels[indices]  # [B, C, H, W] in [0, 1]; [B]
            if spec.augment:
                inputs = warp(inputs, spec.augment)
            with mixed(spec.optim.precision, device):
                losses = model.batch_losses(inputs, labels, epoch - 1 + (batch - 1) / num_batches, None)
            if course.growth.first is None:
                course.growth.first = losses.loss.item()
            model.zero_grad(set_to_none=True)
            losses.loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            course.step += 1
            average.update(course.step)
            for sums in (train_losses, since_line):
                sums.add(losses.named(), len(indices))
            if batch % line_every == 0 or batch == num_batches:  # the only places where the CPU waits for a GPU
                loss = since_line.means()["loss"]
                session.step({"epoch": epoch, "step": course.step, "loss": loss, "time": course.elapsed()})
                if course.growth.is_too_much(loss):
                    raise RunDiverged(f"the loss became {loss:.6g} in epoch {epoch}: try a lower lr")
                since_line = _Sums()
            session.between_steps()
        train_time = time.monotonic() - started

        # Look at it, and write down what was seen: pictures, checkpoints, metrics, in this order.
        val_losses = evaluate.mean_losses(average.model, validation, epoch)
        value = val_losses[model.value_name]
        course.record = {
            "epoch": epoch,
            "step": course.step,
            "value": value,
            **{f"train_{name}": value for name, value in train_losses.means().items()},
            **{f"val_{name}": value for name, value in val_losses.items()},
            **model.extra_metrics(epoch),
            **evaluate.unit_metrics(average.model, units_sample),
            "lr": rate,
            "images_per_s": len(training) / train_time,
            "time": course.elapsed(),
        }
        is_finite = all(math.isfinite(value) for value in val_losses.values())
        if not is_finite or course.growth.is_too_much(val_losses["loss"]):
            session.step({"epoch": epoch, "step": course.step, "loss": math.nan, "time": course.elapsed()})
            raise RunDiverged(f"the validation loss became {val_losses['loss']:.6g} in epoch {epoch}: try a lower lr")
        course.epoch = epoch
        course.stopping.update(val_losses["loss"], schedule.still_falls(course.step))
        keeper.keep(average.model, epoch)
        course.save(value)
        session.end_epoch(epoch, value, course.record)
        keeper.thin(epoch)

    # The one look at the test images, with the weights that were best in validation.
    checkpoints.read(paths.best).restore_model(model)
    test = splits.test.to(device)
    results = evaluate.measure(model, test)
    found = {"value": course.best_value, "best_epoch": course.best_epoch, "epochs": course.epoch}
    content = {**found, "test": dict(results.figures), **results.tables, **evaluate.details(model, test)}
    session.write(paths.results, lambda aside: _write_json(aside, content))
    return Outcome(value=course.best_value, test=results.figures)


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


def _write_json(path: Path, content: Mapping[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
