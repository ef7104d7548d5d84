"""In which order the runs stand. Pure functions."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store.records import Run, RunState
from tui.filtering import RunRow, field_name

BY_NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class Order:
    """``by``: a field as the filter knows it."""

    by: str = BY_NUMBER
    is_down: bool = False


def in_order(runs: Sequence[Run], order: Order) -> list[Run]:
    """By the field, equal ones by number; failed runs, and those that do not have the field, last either way."""
    name = field_name(order.by)
    if name == BY_NUMBER:
        return list(reversed(runs)) if order.is_down else list(runs)
    known: list[tuple[tuple[int, float, str], Run]] = []
    rest: list[Run] = []
    for run in runs:
        value = RunRow(run).field(name)
        is_there = value is not None and not (isinstance(value, float) and not math.isfinite(value))
        if is_there and run.state is not RunState.FAILED:
            known.append((_sortable(value), run))
        else:
            rest.append(run)
    known.sort(key=lambda each: each[0], reverse=order.is_down)
    return [*(run for _, run in known), *rest]


def _sortable(value: Any) -> tuple[int, float, str]:
    """Numbers before words."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    return (0, float(value), "") if is_number else (1, 0.0, str(value))
