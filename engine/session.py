"""What a training sees of the world: one `Session`, handed in by the worker. Free of torch.

The training loop calls `checkpoint` between steps, writes files through `write`, and ends each epoch with `end_epoch`.
Each of them raises once the run is no longer this worker's, so that a worker that slept through its own takeover
changes nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from engine.spec import RunSpec
from store.paths import RunPaths


class RunPaused(Exception):
    """Leave at once; the run goes on later from its last checkpoint."""


class RunPruned(Exception):
    """Others of the search are better: given up, with the last ``value``."""

    def __init__(self, reason: str, value: float) -> None:
        super().__init__(reason)
        self.value = value


class RunDiverged(Exception):
    """The loss is not finite any more, or has exploded: failed, with this reason, and not tried again."""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a training ended: ``value`` is the validation error of the best epoch, ``test`` holds the test figures.

    ``was_stopped``: the user asked for it, before the planned end (early stopping is an ordinary end).
    """

    value: float | None
    was_stopped: bool = False
    test: Mapping[str, float] = field(default_factory=dict)


class Session(Protocol):
    """One attempt at one run."""

    spec: RunSpec
    paths: RunPaths
    data_dir: Path

    @property
    def stop_requested(self) -> bool:
        """Finish this epoch, then return."""
        ...

    def between_steps(self) -> None:
        """Cheap; call after every optimizer step.

        Raises:
            RunPaused: pause (or the worker leaves): keep the last checkpoint, drop the epoch begun.
            store.errors.LeaseLost: another worker has the run.
        """
        ...

    def begin(self, epoch: int, epoch_record: Mapping[str, Any] | None) -> None:
        """Say which epoch the checkpoint holds (0: none) and the metrics line written for it; metrics are cut there."""
        ...

    def step(self, record: Mapping[str, Any]) -> None:
        """Add a line of kind ``step`` to the metrics; ``record`` holds at least ``epoch`` and ``step``."""
        ...

    def end_epoch(self, epoch: int, value: float, record: Mapping[str, Any]) -> None:
        """After the checkpoint was written: add the metrics line of kind ``epoch``, then report ``value``.

        Raises:
            RunPruned: the search gives the run up.
        """
        ...

    def write(self, path: Path, write: Callable[[Path], None]) -> None:
        """Let ``write`` fill a temporary file beside ``path``, then rename it into place."""
        ...

    def set_aside(self, path: Path) -> Path:
        """Rename a damaged file of this run, so that nobody reads it any more and it can be looked at."""
        ...

    def discard(self, path: Path) -> None:
        """Remove a file of this run (a thinned epoch)."""
        ...
