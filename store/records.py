"""What the store tells: plain frozen records, no database in them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from store.names import RunName

TAGS_ATTRIBUTE, NOTE_ATTRIBUTE = "tags", "note"
"""User attributes of a trial that hold what users wrote beside its run: a list of words, and a line."""


class RunState(StrEnum):
    """A run's state as shown everywhere; the table in the README says how it follows from Optuna's."""

    WAITING = "waiting"
    HELD = "held"
    RUNNING = "running"
    STALLED = "stalled"
    LOST = "lost"
    PAUSED = "paused"
    STOPPED = "stopped"
    PRUNED = "pruned"
    COMPLETE = "complete"
    FAILED = "failed"

    @property
    def is_live(self) -> bool:
        """A worker has it, or had it a moment ago."""
        return self in (RunState.RUNNING, RunState.STALLED, RunState.LOST)

    @property
    def is_finished(self) -> bool:
        return self in (RunState.STOPPED, RunState.PRUNED, RunState.COMPLETE, RunState.FAILED)


class Request(StrEnum):
    """What a user asked of a run and a worker has still to obey, or keeps obeying."""

    HOLD = "hold"
    PAUSE = "pause"
    STOP = "stop"


@dataclass(frozen=True, kw_only=True, slots=True)
class Experiment:
    """One Optuna study of ours. ``states`` counts runs that are not deleted; ``best`` is the lowest complete value."""

    study_id: int
    experiment: str
    kind: str
    dataset: str
    states: Mapping[RunState, int]
    best: float | None

    @property
    def num_runs(self) -> int:
        return sum(self.states.values())

    def as_json(self) -> dict[str, Any]:
        return {
            "experiment": self.experiment,
            "kind": self.kind,
            "dataset": self.dataset,
            "states": {str(state): count for state, count in self.states.items()},
            "best": self.best,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Run:
    """One Optuna trial of ours.

    ``value`` is the validation error of the best epoch (lower is better), None until the run has ended; ``last_value``
    that of the last finished epoch. ``epoch`` counts finished epochs, ``epochs`` those planned. ``duration_s`` covers
    all attempts.
    """

    trial_id: int
    name: RunName
    kind: str
    dataset: str
    state: RunState
    value: float | None
    last_value: float | None
    epoch: int
    epochs: int
    params: Mapping[str, Any]
    seed: int
    threads: int
    attempt: int
    device: str
    host: str | None
    directory: str
    reason: str | None
    duration_s: float
    locked: bool = False
    deleted: bool = False
    request: Request | None = None
    test: Mapping[str, float] = field(default_factory=dict)
    user_attrs: Mapping[str, Any] = field(default_factory=dict)

    @property
    def tags(self) -> tuple[str, ...]:
        """What users call it; `store.control.annotate` writes them."""
        found = self.user_attrs.get(TAGS_ATTRIBUTE)
        return tuple(map(str, found)) if isinstance(found, list) else ()

    @property
    def note(self) -> str:
        return str(self.user_attrs.get(NOTE_ATTRIBUTE) or "")

    def as_json(self) -> dict[str, Any]:
        return {
            "run": str(self.name),
            "experiment": self.name.experiment,
            "number": self.name.number,
            "kind": self.kind,
            "dataset": self.dataset,
            "state": str(self.state),
            "value": self.value,
            "epoch": self.epoch,
            "epochs": self.epochs,
            "params": dict(self.params),
            "seed": self.seed,
            "threads": self.threads,
            "attempt": self.attempt,
            "user_attrs": dict(self.user_attrs),
            "test": dict(self.test),
            "duration_s": round(self.duration_s, 3),
            "device": self.device,
            "host": self.host,
            "directory": self.directory,
            "reason": self.reason,
            "locked": self.locked,
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A run that one worker holds, on ``device``: it writes under this attempt number, or not at all.

    The run of a search that is not ``is_drawn`` has its base for a ``spec``: what it varies is still to be drawn.
    """

    trial_id: int
    name: RunName
    attempt: int
    worker_id: str
    device: str
    data_dir: str | None
    spec: Mapping[str, Any]
    study_id: int
    is_drawn: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Worker:
    """A worker process. ``alive`` as judged from the pid (same host) or the age of its heartbeat (elsewhere)."""

    worker_id: str
    host: str
    pid: int
    device: str
    started_at: float
    heartbeat_age_s: float
    alive: bool
    run: RunName | None
    log: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "worker": self.worker_id,
            "host": self.host,
            "pid": self.pid,
            "device": self.device,
            "started_at": self.started_at,
            "heartbeat_age_s": round(self.heartbeat_age_s, 1),
            "run": str(self.run) if self.run else None,
            "log": self.log,
        }
