"""The list behind ``o``: which columns the runs have, and in which order."""

from collections.abc import Iterable, Sequence
from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from store.records import Run
from tui import bindings
from tui.look import Look, printable
from tui.tables.columns import ALWAYS, cell_of, readable, usual
from tui.widgets.key_line import KeyLine
from tui.widgets.lines import Lines

_NAME_WIDTH = 30
_HEIGHTS = [(0, "-low"), (32, "-high")]


class ColumnsScreen(ModalScreen[tuple[str, ...] | None]):
    """Gives the columns that were chosen, none for the usual ones; None when it was turned away.

    ``chosen``: those that there are; ``known``: all fields that ``runs`` have.
    """

    VERTICAL_BREAKPOINTS = _HEIGHTS

    def __init__(self, chosen: Sequence[str], known: Iterable[str], runs: Sequence[Run], look: Look) -> None:
        super().__init__()
        self._usual = usual(runs)
        self._chosen = list(chosen or self._usual)
        self._others = sorted(set(known) - {*ALWAYS, *self._chosen})
        self._example = runs[-1] if runs else None
        self._look = look
        self._cursor = 0

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog form", id="columns"):
            yield Static(Text("Columns", style="bold"), classes="dialog-title")
            yield _Search(placeholder="type to search", id="columns-search", compact=True)
            yield _Rows(id="columns-list")
            yield Static(
                "The last ones are left out where there is no room; run and state never are.",
                id="columns-says",
                markup=False,
            )
            yield KeyLine(id="form-keys")

    def on_mount(self) -> None:
        self.query_one(Input).focus()
        self.call_after_refresh(self._draw)

    def on_resize(self) -> None:
        self.call_after_refresh(self._draw)

    def on_input_changed(self) -> None:
        self._cursor = 0
        self._draw()

    def _found(self) -> list[str]:
        words = self.query_one(Input).value.lower().split()
        return [name for name in (*self._chosen, *self._others) if all(word in name.lower() for word in words)]

    def _current(self) -> str | None:
        found = self._found()
        return found[min(self._cursor, len(found) - 1)] if found else None

    def action_move(self, rows: int) -> None:
        self._cursor = max(0, min(self._cursor + rows, len(self._found()) - 1))
        self._draw()

    def action_choose(self) -> None:
        name = self._current()
        if name is None:
            return
        if name in self._chosen:
            self._chosen.remove(name)
            self._others = sorted([*self._others, name])
        else:
            self._others.remove(name)
            self._chosen.append(name)
        self._stay_on(name)

    def action_shift(self, places: int) -> None:
        name = self._current()
        if name not in self._chosen:
            return
        index = self._chosen.index(name)
        self._chosen.insert(max(0, min(index + places, len(self._chosen) - 1)), self._chosen.pop(index))
        self._stay_on(name)

    def action_usual(self) -> None:
        known = {*self._chosen, *self._others}
        self._chosen = [name for name in self._usual if name in known]
        self._others = sorted(known - set(self._chosen))
        self._cursor = 0
        self._draw()

    def _stay_on(self, name: str) -> None:
        self._cursor = self._found().index(name)
        self._draw()

    def action_take(self) -> None:
        chosen = readable(self._chosen)
        self.dismiss(() if chosen == self._usual else chosen)

    def action_cancel(self) -> None:
        self.dismiss(None)

    def _draw(self) -> None:
        found = self._found()
        self._cursor = max(0, min(self._cursor, len(found) - 1))
        lines = [self._line(index, name) for index, name in enumerate(found)]
        self.query_one(_Rows).show_rows(lines or [Text("  No field is called so.", style="dim")], self._cursor)

    def _line(self, index: int, name: str) -> Text:
        is_cursor, is_chosen = index == self._cursor, name in self._chosen
        place = f"{self._chosen.index(name) + 1:>2}" if is_chosen else "  "
        line = Text(
            f"{self._look.pick('▸', '>') if is_cursor else ' '} [{'x' if is_chosen else ' '}] {place} ", no_wrap=True
        )
        line.append(printable(name).ljust(_NAME_WIDTH), style="bold" if is_chosen else "")
        line.append(f" {cell_of(name)(self._example) if self._example else ''}", style="dim")
        if is_cursor:
            line.stylize("reverse", 2, 2 + len(f"[ ] {place} ") + _NAME_WIDTH)
        return line


class _Search(Input):
    BINDINGS = bindings.COLUMNS


class _Rows(Lines):
    """As many rows as there is room for, the cursor's among them."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._top = 0

    def show_rows(self, rows: Sequence[Text], cursor: int) -> None:
        height = max(1, self.size.height)
        self._top = max(0, min(self._top, cursor, len(rows) - height), cursor - height + 1)
        self.show_strips([self.strip(row) for row in rows[self._top : self._top + height]])
