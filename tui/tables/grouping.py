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
    is_folded: bool
    best: Run


def grouped(runs: Sequence[Run], by: str, folded: Collection[str], *, is_sorted: bool = False) -> list[Group | Run]:
    """The rows of ``runs`` by the field ``by``, those in ``folded`` as a head alone.

    The groups stand in the order of their values, those without one last; where the runs are sorted, as their first
    ones do. Where no run has the field there are no groups.
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
        return list(runs)
    if not is_sorted:
        titles.sort(key=lambda title: (title == _NONE, *_place(values[title], title)))
    rows: list[Group | Run] = []
    for title in titles:
        found = members[title]
        rows.append(Group(title=title, runs=tuple(found), is_folded=title in folded, best=min(found, key=_value)))
        if title not in folded:
            rows += found
    return rows


def _title(value: Any) -> str:
    return number_text(value) if isinstance(value, float) else printable(shown_word(value))


def _place(value: Any, title: str) -> tuple[float, str]:
    """Numbers in front of words."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return (value, "") if is_number else (math.inf, title)


def _value(run: Run) -> float:
    value = run.last_value if run.value is None else run.value
    return math.inf if value is None or run.state is RunState.FAILED or math.isnan(value) else value
