"""The line that filters a table, with what it may go on with in grey (right arrow takes it)."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from textual.suggester import Suggester
from textual.widgets import Input

from tui.bindings import key_of
from tui.tables.filtering import completion

Choices = Callable[[], Mapping[str, Iterable[str]]]


class _Completion(Suggester):
    def __init__(self, choices: Choices) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._choices = choices

    async def get_suggestion(self, value: str) -> str | None:
        return completion(value, self._choices())


class FilterLine(Input):
    """``choices`` gives the fields of what is filtered, and their values, when they are asked for."""

    def __init__(self, choices: Choices, **options: Any) -> None:
        super().__init__(
            compact=True,
            placeholder=f"words, state:running, val<0.02, !word, a | b; {key_of('go.back')}: all",
            suggester=_Completion(choices),
            select_on_focus=False,  # its message comes late: what was typed ahead would be replaced by what follows
            **options,
        )
