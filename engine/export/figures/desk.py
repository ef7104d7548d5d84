"""Where the figures of a scope are worked out: its cast, and the models of its runs, each loaded once."""

import functools
import shlex
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engine.export.figures.cast import Cast
from engine.export.figures.made import Lacks
from store.errors import RequestError
from store.metrics import read_metrics
from store.names import RunName
from store.records import Run

if TYPE_CHECKING:  # torch
    from engine.export.figures.sights import Sights

_MOST_LOADED = 8
"""Models with their data sets at once: the figures of a run follow each other, and come again under its experiment."""


def looking(load: Callable[[RunName], "Sights"]) -> Callable[[RunName], "Sights"]:
    return functools.lru_cache(_MOST_LOADED)(load)


@dataclass(frozen=True)
class Desk:
    """``look`` loads a run; it raises RequestError where that cannot be done."""

    cast: Cast
    look: Callable[[RunName], "Sights"]

    def sights(self, run: Run) -> "Sights":
        """Raises Lacks: the run cannot be loaded any more."""
        try:
            return self.look(run.name)
        except RequestError as error:
            raise Lacks(str(error), again(run)) from error

    def need(self, run: Run | None, kind: str, **settings: Any) -> Run:
        """``run``; raises Lacks: there is none, and how one of ``kind`` would be trained."""
        if run is None:
            raise Lacks(f"there is no complete run of kind {kind}", self.train(kind, **settings))
        return run

    def train(self, kind: str, **settings: Any) -> str:
        """The command that trains one on the data set of the scope, in its experiment where it has one of that kind."""
        words = ["aetui", "run", kind]
        scope = self.cast.scope
        if scope.runs:
            words += ["--dataset", scope.runs[0].dataset]
        if scope.runs and not scope.is_whole and scope.runs[0].kind == kind:
            words += ["--name", scope.runs[0].name.experiment]
        return shlex.join([*words, *(word for key, value in settings.items() for word in ("--set", f"{key}={value}"))])

    def epochs(self, run: Run) -> list[dict[str, Any]]:
        """Its epochs' lines; raises Lacks: there are none."""
        lines = read_metrics(self.cast.database.root.run(run.name).metrics)
        found = [line for line in lines if line.get("kind") == "epoch"]
        if not found:
            raise Lacks(f"{run.name} has no metrics any more", again(run))
        return found


def again(run: Run) -> str:
    return shlex.join(["aetui", "run", run.kind, "--from", str(run.name), "--name", run.name.experiment])


def numbers(lines: list[dict[str, Any]], key: str) -> tuple[list[float], list[float]]:
    """Epochs and values of those lines that have ``key``."""
    found = [(float(line["epoch"]), float(line[key])) for line in lines if _is_number(line.get(key))]
    return [x for x, _ in found], [y for _, y in found]


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def whose(run: Run) -> str:
    """For a caption: which run, on what, how it was made."""
    return f"Run {run.name} ({run.kind} on {run.dataset}, seed {run.seed}, {run.epoch} epochs)."


def told(figures: Mapping[str, float], *keys: str) -> str:
    """A sentence of those of a run's test figures that there are, "" of none: "Test MSE 0.0123."."""
    known = ", ".join(
        f"{key.replace('mse', 'MSE').replace('kl', 'KL')} {figures[key]:.4g}" for key in keys if key in figures
    )
    return f"Test {known}." if known else ""
