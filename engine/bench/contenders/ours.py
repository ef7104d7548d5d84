"""The training of this package itself, with a session that keeps nothing."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from engine.bench.turns import Turns
from engine.spec import RunSpec
from engine.training.fit import train
from store.paths import RunPaths, find_data_dir


def run(spec: RunSpec, turns: Turns) -> None:
    train(_Racing(spec, turns))


class _Racing:
    """A `engine.session.Session` that begins an epoch when its turn has come.

    Of an epoch, the pass over the training images counts, as ``images_per_s`` has it; validation is not raced.
    """

    stop_requested = False

    def __init__(self, spec: RunSpec, turns: Turns) -> None:
        self.spec = spec
        self.paths = RunPaths(Path())
        self.data_dir = find_data_dir()
        self._turns = turns

    def begin(self, epoch: int, epoch_record: Mapping[str, Any] | None) -> None:
        self._turns.ready()
        self._turns.wait()

    def between_steps(self) -> None:
        pass

    def step(self, record: Mapping[str, Any]) -> None:
        pass

    def end_epoch(self, epoch: int, value: float, record: Mapping[str, Any]) -> None:
        self._turns.tell(self.spec.train_limit / record["images_per_s"], record["train_loss"])
        self._turns.wait()

    def write(self, path: Path, write: Callable[[Path], None]) -> None:
        pass

    def set_aside(self, path: Path) -> Path:
        return path

    def discard(self, path: Path) -> None:
        pass
