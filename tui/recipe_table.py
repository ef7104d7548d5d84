"""A recipe's table for the screen; the helper process works it out, since it reads many files and imports Optuna."""

import functools
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from textual.message import Message

from engine.recipes.driving import DrivenRecipe
from store.names import RunName
from tui.helpers.answers import Answers
from tui.helpers.aside import Aside
from tui.messages import RowsChanged

PERIOD_S = 2.0
_MOST_SHARE = 0.1
"""Of one core's time that goes into tables while things change: others train on it."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One figure, its numbers as they are written; ``better`` than the reference, None where that cannot be said."""

    id: str
    title: str
    reference: str
    ours: str
    spread: str
    better: bool | None
    runs: tuple[RunName, ...]
    command: str
    notes: tuple[str, ...]

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """What `engine.answers` tells of a row."""
        return cls(
            **{key: data[key] for key in ("id", "title", "better", "command")},
            **{key: data["shown"][key] for key in ("reference", "ours", "spread")},
            runs=tuple(map(RunName.parse, data["runs"])),
            notes=tuple(data["notes"]),
        )


class RecipeTables:
    """``post`` is given each table that is another than the last."""

    def __init__(self, answers: Answers, post: Callable[[Message], Any]) -> None:
        self._answers, self._post = answers, post
        self._aside = Aside("recipe table")
        self._seen: object = None
        self._told: RowsChanged | None = None
        self._not_before = 0.0

    def see_to(self, recipe: DrivenRecipe, changes: object) -> None:
        """Work the table out anew where ``changes`` (of the storage) or the steps are others than last time."""
        seen = (recipe.name, changes, tuple((step.state, step.num_done) for step in recipe.steps))
        is_other = self._told is None or self._told.name != recipe.name
        if seen == self._seen or self._aside.is_busy or (time.monotonic() < self._not_before and not is_other):
            return
        self._seen = seen
        self._aside.start(functools.partial(self._work_out, recipe))

    def _work_out(self, recipe: DrivenRecipe) -> None:
        began = time.monotonic()
        answered = self._answers.ask({"table": recipe.asked.as_json()})
        rows = tuple(map(Row.from_json, answered.get("rows", ())))
        now = time.monotonic()
        self._not_before = now + max(PERIOD_S, (now - began) / _MOST_SHARE)
        told = RowsChanged(recipe.name, rows, answered.get("says", ""))
        before = self._told
        if before is None or (told.name, told.rows, told.says) != (before.name, before.rows, before.says):
            self._told = told
            self._post(told)
