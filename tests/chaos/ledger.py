"""What was promised and what was seen, kept outside the root: at the end it must all be there."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from store.records import Run, RunState


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A run as it was when it was first seen at its end."""

    state: str
    value: float | None
    attempt: int


@dataclass
class Ledger:
    """Runs by name.

    Attributes:
        acknowledged: by the status 0 of a command: its words.
        seeds: of the runs that were asked for anew, with the words: each seed was asked for once.
        ended: as seen first, by `aetui ls --json` or in the storage.
        may_be_held: a pause was asked for, or something that pauses what it follows was interrupted.
        may_be_removed: `aetui rm` was begun on it.
        damaged: files of runs, by run and name, that were damaged on purpose: the run's next attempt makes them whole,
            but for codes.
        starved: workers that were given no more memory for a while.
        faults: by kind.
        left_behind: what killed processes and lost terminals leave, and nobody takes away: told, and no failure.
        wrong: what should never have been, in words, by kind.
    """

    acknowledged: dict[str, tuple[str, ...]] = field(default_factory=dict)
    seeds: dict[int, tuple[str, ...]] = field(default_factory=dict)
    ended: dict[str, Ended] = field(default_factory=dict)
    may_be_held: set[str] = field(default_factory=set)
    may_be_removed: set[str] = field(default_factory=set)
    damaged: set[tuple[str, str]] = field(default_factory=set)
    starved: set[str] = field(default_factory=set)
    faults: Counter[str] = field(default_factory=Counter)
    commands: Counter[str] = field(default_factory=Counter)
    left_behind: list[str] = field(default_factory=list)
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def acknowledge(self, run: str, words: tuple[str, ...]) -> None:
        self.acknowledged[run] = words

    def see(self, runs: Iterable[Run]) -> None:
        """Look at runs in the storage."""
        for run in runs:
            if run.state.is_finished:
                self._see(str(run.name), Ended(state=run.state, value=run.value, attempt=run.attempt))
            elif str(run.name) in self.ended:
                self.complain("doubled", f"{run.name} had ended, and is {run.state} again")

    def see_told(self, runs: Iterable[dict[str, Any]]) -> None:
        """Look at runs as a command's JSON tells of them."""
        for run in runs:
            if RunState(run["state"]).is_finished:
                self._see(run["run"], Ended(state=run["state"], value=run["value"], attempt=run["attempt"]))

    def _see(self, name: str, now: Ended) -> None:
        before = self.ended.setdefault(name, now)
        if before.attempt != now.attempt:
            self.complain("doubled", f"{name} ended at attempt {before.attempt} and was begun again: {now.attempt}")
        elif before != now:
            self.complain("values lost", f"{name} ended as {before}, and is {now}")

    def complain(self, kind: str, what: str) -> None:
        told = self.wrong.setdefault(kind, [])
        if what not in told:
            told.append(what)
