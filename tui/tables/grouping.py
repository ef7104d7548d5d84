"""Runs by what they have in common: a head for each group, its runs below unless it is folded. Pure functions."""

import math
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

from store.records import Run, RunState
from tui.look import number_text, printable
from tui.tables.filtering import run_field
from tui.tables.sorting import shown_word

_NONE = "none"


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """``best``: the run with the lowest value, failed ones aside; of a group without a value, its first run."""

    title: str
    runs: tuple[Run, ...]
    best: Run


def grouped(runs: Sequence[Run], by: str, *, is_sorted: bool = False) -> list[Group]:
    """``runs`` by the field ``by``; none where no run has it.

    The groups stand in the order of their values, those without one last; where the runs are sorted, as their first
    ones do.
    """
    members: dict[str, list[Run]] = {}
    values: dict[str, Any] = {}
    known: dict[Hashable, list[Run]] = {}
    for run, value in zip(runs, map(run_field(by), runs), strict=True):
        key = str(value) if isinstance(value, list | dict) else value
        if key not in known:
            title = _NONE if value is None or value == () else _title(value)
            known[key] = members.setdefault(title, [])
            values.setdefault(title, value)
        known[key].append(run)
    titles = list(members)
    if titles == [_NONE]:
        return []
    if not is_sorted:
        titles.sort(key=lambda title: (title == _NONE, *_place(values[title], title)))
    return [_group(title, members[title]) for title in titles]


class Grouper:
    """`grouped`, asked again of runs of which few have changed: where they are still in the same groups, at once."""

    def __init__(self) -> None:
        self._asked: Sequence[Run] = ()
        self._way = "", False
        self._found: list[Group] = []
        self._places: dict[int, tuple[int, int]] = {}
        """Trial id -> its group, and where in it."""

    def grouped(self, runs: Sequence[Run], by: str, *, is_sorted: bool) -> list[Group]:
        changed = self._changed(runs, by) if self._way == (by, is_sorted) else None
        if changed is None:
            self._found, self._places = grouped(runs, by, is_sorted=is_sorted), {}
        elif changed and self._found:
            self._found = self._patched(changed)
        self._asked, self._way = runs, (by, is_sorted)
        return self._found

    def _changed(self, runs: Sequence[Run], by: str) -> list[Run] | None:
        """Those that are others than before; None where one of them may belong elsewhere."""
        if len(runs) != len(self._asked):
            return None
        get = run_field(by)
        pairs = [(old, run) for old, run in zip(self._asked, runs, strict=True) if old is not run]
        stay = all((old.trial_id, get(old)) == (run.trial_id, get(run)) for old, run in pairs)
        return [run for _, run in pairs] if stay else None

    def _patched(self, changed: Sequence[Run]) -> list[Group]:
        if not self._places:
            self._places = {
                run.trial_id: (number, at)
                for number, group in enumerate(self._found)
                for at, run in enumerate(group.runs)
            }
        members: dict[int, list[Run]] = {}
        for run in changed:
            number, at = self._places[run.trial_id]
            members.setdefault(number, list(self._found[number].runs))[at] = run
        return [
            _group(group.title, members[number]) if number in members else group
            for number, group in enumerate(self._found)
        ]


def rows(groups: Sequence[Group], folded: Collection[str]) -> list[Group | Run]:
    """Each head with its runs below, but for those in ``folded``."""
    found: list[Group | Run] = []
    for group in groups:
        found.append(group)
        if group.title not in folded:
            found += group.runs
    return found


def _group(title: str, runs: Sequence[Run]) -> Group:
    return Group(title=title, runs=tuple(runs), best=min(runs, key=_value))


def _title(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else printable(shown_word(value))


def _place(value: Any, title: str) -> tuple[float, str]:
    """Numbers in front of words."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return (value, "") if is_number else (math.inf, title)


def _value(run: Run) -> float:
    value = run.last_value if run.value is None else run.value
    return math.inf if value is None or run.state is RunState.FAILED or math.isnan(value) else value
