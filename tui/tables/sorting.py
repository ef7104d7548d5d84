"""In which order the runs stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from store.records import Run, RunState
from tui.tables.filtering import field_name, run_field

BY_NUMBER = "number"


@dataclass(frozen=True, kw_only=True)
class Order:
    """``by``: a field as the filter knows it."""

    by: str = BY_NUMBER
    is_down: bool = False


def in_order(runs: Sequence[Run], order: Order) -> list[Run]:
    """By the field, equal ones by number; failed runs, and those that do not have the field, last either way."""
    if field_name(order.by) == BY_NUMBER:
        return list(reversed(runs)) if order.is_down else list(runs)
    values: list[Any] = list(map(run_field(order.by), runs))
    numbers: list[int] = []  # places in `runs`: tuples of 50,000 would be a load on the garbage collector
    words: list[int] = []
    rest: list[Run] = []
    for place, (run, value) in enumerate(zip(runs, values, strict=True)):
        if value is None or run.state is RunState.FAILED:
            rest.append(run)
        elif type(value) is float or type(value) is int:
            if value - value == 0:
                numbers.append(place)
            else:  # not finite
                rest.append(run)
        else:
            values[place] = value if isinstance(value, str) else shown_word(value)
            words.append(place)
    for known in (numbers, words):
        known.sort(key=values.__getitem__, reverse=order.is_down)
    return [*(runs[place] for place in (words + numbers if order.is_down else numbers + words)), *rest]


class Sorter:
    """`in_order`, asked again of runs of which few have changed: where they still stand in the same places, at once."""

    def __init__(self) -> None:
        self._order = Order()
        self._asked: Sequence[Run] = ()
        self._found: list[Run] = []
        self._places: dict[int, int] = {}

    def in_order(self, runs: Sequence[Run], order: Order) -> list[Run]:
        if field_name(order.by) == BY_NUMBER:
            return in_order(runs, order)
        changed = self._changed(runs) if order == self._order else None
        if changed is None:
            self._found = in_order(runs, order)
            self._places = {}
        elif changed:
            self._places = self._places or {run.trial_id: place for place, run in enumerate(self._found)}
            self._found = list(self._found)
            for run in changed:
                self._found[self._places[run.trial_id]] = run
        self._order, self._asked = order, runs
        return self._found

    def _changed(self, runs: Sequence[Run]) -> list[Run] | None:
        """Those that are others than before; None where one of them may stand in another place."""
        if len(runs) != len(self._asked):
            return None
        get = run_field(self._order.by)
        pairs = [(old, run) for old, run in zip(self._asked, runs, strict=True) if old is not run]

        def place(run: Run) -> tuple[object, ...]:
            return run.trial_id, get(run), run.state is RunState.FAILED

        return [run for _, run in pairs] if all(place(old) == place(run) for old, run in pairs) else None


def shown_word(value: Any) -> str:
    """A value that is no number, as a word: of several (tags), one after the other."""
    return ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
