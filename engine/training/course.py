"""Where a run stands: all that its next epoch depends on, all that a checkpoint holds."""

import logging
import math
import shutil
import time
from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path

import torch
from torch import optim

from engine import catalog
from engine.models.base import Model
from engine.session import Session
from engine.spec import RunSpec
from engine.training import checkpoints
from engine.training.averaging import WeightAverage
from engine.training.stopping import EarlyStopping, Growth
from store.errors import RequestError
from store.names import RunName
from store.paths import Root, RunPaths

_SAME_COURSE = ("kind", "dataset", "seed", "train_limit", "augment", "folds", "fold", "model", "optim")
"""The fields of a configuration that decide what its validation errors mean."""
log = logging.getLogger("aetui")
_MISFITS = (ValueError, KeyError, TypeError, IndexError, RuntimeError)
"""What restoring from the checkpoint of another model raises."""


class Course:
    """Begins at the run's last checkpoint, else at that of the run it starts from, else at the seed.

    A checkpoint of its own that is damaged is set aside; then it begins at the one of its best epoch, or anew: to the
    same numbers, only later.

    Raises:
        RequestError: a checkpoint is absent, or does not fit, or that of another run is damaged.
    """

    def __init__(
        self, session: Session, average: WeightAverage[Model], optimizer: optim.Optimizer, device: torch.device
    ) -> None:
        self._session, self._average, self._optimizer, self._device = session, average, optimizer, device
        self.epoch = 0
        self.step = 0
        self.record: Mapping[str, object] | None = None
        self.best_value = math.inf
        self.best_epoch = 0
        self.stopping = EarlyStopping(patience=session.spec.optim.patience)
        self.growth = Growth()
        self._began = time.monotonic()
        if (own := self._own()) is not None:
            self._resume(*own)
        elif session.spec.start_from is not None:
            self._start_from(session.spec.start_from)
        elif session.spec.model.needs_start:
            raise RequestError("What is frozen must come from a run: name one to start from.")

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
        paths = self._session.paths
        self._write(*((paths.best, paths.last) if improved else (paths.last,)))

    def _write(self, *paths: Path) -> None:
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
                "growth": asdict(self.growth),
            },
            average=self._average,
            optimizer=self._optimizer,
            device=self._device,
        )
        for path in paths:
            self._session.write(path, lambda aside: _write_bytes(aside, packed))

    def _own(self) -> tuple[Path, checkpoints.Checkpoint] | None:
        """The checkpoint of its own that this run can go on from, and where it lies."""
        paths = self._session.paths
        is_damaged, last = self._read(paths.last)
        _, best = self._read(paths.best) if last is not None or is_damaged else (False, None)
        if last is None:
            # That of another run, which this one started from, is not its own.
            if best is None or not _is_same_run(self._session.spec, best.spec):
                return None
            self._session.write(paths.last, lambda aside: _copy(paths.best, aside))
            return paths.last, best
        best_epoch = last.state["best_epoch"]
        if best is None and best_epoch == last.epoch:
            self._session.write(paths.best, lambda aside: _copy(paths.last, aside))
        elif best is None and best_epoch:
            log.warning("the weights of the best epoch, %d, are gone: begins anew", best_epoch)
            return None
        return paths.last, last

    def _read(self, path: Path) -> tuple[bool, checkpoints.Checkpoint | None]:
        """Whether it was there but damaged, and has been set aside; and what it holds, else None."""
        if not path.exists():
            return False, None
        try:
            return False, checkpoints.read(path)
        except checkpoints.DamagedCheckpoint as error:
            log.warning("%s It is now %s.", error, self._session.set_aside(path).name)
            return True, None

    def _resume(self, path: Path, last: checkpoints.Checkpoint) -> None:
        """Go on from this run's own checkpoint."""
        try:
            self._restore_weights(last)
            last.restore_optimizer(self._optimizer)
            last.restore_rng(self._device)
            self._take_state(last)
        except _MISFITS as error:
            raise RequestError(f"The checkpoint {path} does not fit this run ({error}).") from error
        self._began = time.monotonic() - last.state["elapsed"]

    def _start_from(self, name: str) -> None:
        """Take over the course of the run ``name``, or a part of its weights alone (see `Model.begins_anew`)."""
        source = _run_paths(self._session.paths, name)
        if not source.last.exists():
            raise RequestError(f"The run {name} has no checkpoint to start from.")
        last = checkpoints.read(source.last)
        try:
            if self._average.model.begins_anew and last.spec["kind"] != self._session.spec.kind:
                best = checkpoints.read(source.best)
                for model in {self._average.trained, self._average.model}:
                    model.adopt(best.weights)
            else:
                self._go_on(name, source, last)
        except RequestError:  # it says by itself what is wrong
            raise
        except _MISFITS as error:
            raise RequestError(f"The run {name} cannot be started from ({error}).") from error

    def _go_on(self, name: str, source: RunPaths, last: checkpoints.Checkpoint) -> None:
        """Go on from the last checkpoint of the run ``name``; with the same settings, as if it were that run.

        It is this run's own from now on: stopped before its first epoch ends, the run can be resumed all the same.
        """
        spec = self._session.spec
        if last.epoch >= spec.epochs:
            raise RequestError(f"The run {name} has {last.epoch} epochs already: ask for more than that with --epochs.")
        self._restore_weights(last)
        if last.spec["optim"]["optimizer"] == spec.optim.optimizer:
            last.restore_optimizer(self._optimizer)
        last.restore_rng(self._device)
        if _is_same_course(spec, last.spec):
            self._take_state(last)
        if self.best_epoch:
            best = source.last if self.best_epoch == last.epoch else source.best
            checkpoints.read(best)  # now, rather than after the last epoch
            self._session.write(self._session.paths.best, lambda aside: _copy(best, aside))
        self.epoch, self.step, self.record = last.epoch, last.step, last.record
        self._began = time.monotonic() - last.state["elapsed"]
        self._write(self._session.paths.last)

    def _restore_weights(self, checkpoint: checkpoints.Checkpoint) -> None:
        checkpoint.restore_trained(self._average.trained)
        checkpoint.restore_model(self._average.model)

    def _take_state(self, checkpoint: checkpoints.Checkpoint) -> None:
        self.epoch, self.record = checkpoint.epoch, checkpoint.record
        self.best_value = checkpoint.state["best_value"]
        self.best_epoch = checkpoint.state["best_epoch"]
        self.stopping = EarlyStopping(**checkpoint.state["stopping"])
        self.growth = Growth(**checkpoint.state.get("growth", {}))  # older checkpoints have none


def _is_same_course(spec: RunSpec, other: Mapping[str, object]) -> bool:
    theirs = catalog.read_spec(other)
    return all(getattr(spec, field) == getattr(theirs, field) for field in _SAME_COURSE)


def _is_same_run(spec: RunSpec, other: Mapping[str, object]) -> bool:
    """Whatever device either was on."""
    return replace(catalog.read_spec(other), device=spec.device) == spec


def _run_paths(own: RunPaths, name: str) -> RunPaths:
    return Root(own.folder.parents[1]).run(RunName.parse(name))


def _write_bytes(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _copy(source: Path, path: Path) -> None:
    shutil.copyfile(source, path)
