"""What a search has found so far, as the search pane shows it, and what mattered, which is asked for on the side."""

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from engine import search
from engine.search import SearchProgress
from engine.space import Parameter, Space
from store import listing
from store.records import Run, RunState
from tui.helpers.answers import Answers
from tui.helpers.aside import Aside

if TYPE_CHECKING:
    from store.database import Database

_LEAST_RUNS = 2  # of one alone nothing can be told


@dataclass(frozen=True, kw_only=True)
class Importance:
    """Each setting's part of 1, largest first; where there is none, ``says`` tells why."""

    shares: Mapping[str, float] = field(default_factory=dict)
    says: str = ""


@dataclass(frozen=True, kw_only=True)
class Findings:
    """``complete`` are the runs that count, by number, each with a finite value; ``parameters`` what was searched."""

    experiment: str
    sampler: str
    pruner: str
    parameters: Sequence[Parameter]
    progress: SearchProgress
    complete: Sequence[Run]
    importance: Importance = field(default_factory=Importance)

    def best_so_far(self) -> list[tuple[int, float]]:
        """The number of each complete run, and the lowest value among it and those before it."""
        found: list[tuple[int, float]] = []
        for run in self.complete:
            value = value_of(run)
            found.append((run.name.number, min(value, found[-1][1]) if found else value))
        return found

    def settings_of(self, run: Run) -> list[tuple[str, object]]:
        """What was searched, and the run's value of it; settings that it does not have are left out."""
        return [(each.name, run.params[each.name]) for each in self.parameters if each.applies(run.params)]


def value_of(run: Run) -> float:
    return math.nan if run.value is None else run.value


def read(database: "Database", experiment: str) -> Findings | None:
    """All but the importance; None where the experiment has no search."""
    found = search.find(database, experiment)
    if found is None:
        return None
    progress = search.progress(database, experiment)
    runs = listing.runs(database, experiment)
    return Findings(
        experiment=experiment,
        sampler=found[0].sampler,
        pruner=found[0].pruner,
        parameters=Space.from_json(found[0].space).parameters,
        progress=progress,
        complete=[run for run in runs if run.state is RunState.COMPLETE and math.isfinite(value_of(run))],
    )


class Importances:
    """Asks what mattered, when another run is complete; ``wake`` is called when there is an answer to fetch."""

    def __init__(self, answers: Answers, wake: Callable[[], None]) -> None:
        self._answers, self._wake = answers, wake
        self._known: dict[str, tuple[int, Importance]] = {}
        self._aside = Aside("importance")

    def of(self, experiment: str, num_complete: int) -> Importance:
        """The last answer, perhaps not the newest yet; one that is overdue is asked for."""
        if num_complete < _LEAST_RUNS:
            return Importance(says="Too few runs are complete to tell.")
        known = self._known.get(experiment)
        if (known is None or known[0] != num_complete) and not self._aside.is_busy:
            self._aside.start(functools.partial(self._ask, experiment, num_complete))
        return known[1] if known else Importance(says="Being worked out.")

    def _ask(self, experiment: str, num_complete: int) -> None:
        answered = self._answers.ask({"importance": experiment})
        answer = Importance(shares=answered.get("shares", {}), says=answered.get("says", ""))
        self._known[experiment] = num_complete, answer
        self._wake()
