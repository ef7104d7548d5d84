"""A list drawn line by line: 50,000 rows cost what the visible ones cost (DataTable: 30 s)."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

from rich.cells import cell_len, set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import bindings
from tui.look import Look

Item = TypeVar("Item")


@dataclass(frozen=True, kw_only=True)
class Column(Generic[Item]):
    """``cell`` gives the text and the component class that colours it ("" for none).

    ``width`` 0 takes what is left. ``from_width``: the column is there in tables at least so wide. ``is_cut_inside``:
    of a text too long the beginning and the end are shown.
    """

    title: str
    width: int
    cell: Callable[[Item], tuple[str, str]]
    is_right: bool = False
    from_width: int = 0
    is_cut_inside: bool = False


class RowTable(ScrollView, Generic[Item], can_focus=True):
    """Rows with a cursor that stays on its row (by ``key``) while rows come, change and go."""

    BINDINGS = bindings.TABLE
    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "table--header",
        "table--header-focused",
        "table--cursor",
        "table--cursor-focused",
        "table--muted",
        "table--good",
        "table--busy",
        "table--warn",
        "table--bad",
    }
    GUTTER = 2

    @dataclass
    class Moved(Message):
        """The cursor stands on another row, or on none."""

        table: "RowTable[Any]"

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RowTable.Moved) and message.table is self.table

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self.look = look
        self.items: list[Item] = []
        self.cursor = 0
        self.empty_text = ""
        self._wanted: Hashable = None
        self._tones: dict[str, Style] = {}

    def columns(self) -> Sequence[Column[Item]]:
        raise NotImplementedError

    def key(self, item: Item) -> Hashable:
        raise NotImplementedError

    def mark_cell(self, item: Item) -> tuple[str, Style | None]:
        """A mark of one cell beside the cursor's, and its colour."""
        return " ", None

    def across(self, item: Item) -> tuple[str, str] | None:
        """What stands left and right of a row that has no columns; None: it has them."""
        return None

    @property
    def row(self) -> Item | None:
        """The item under the cursor."""
        return self.items[self.cursor] if self.items else None

    @property
    def current(self) -> Item | None:
        """What the row under the cursor stands for."""
        return self.row

    def set_items(self, items: Sequence[Item]) -> None:
        """Show ``items``; the cursor follows its row, or stays at its height when that is gone."""
        if not self._wanted and self.items == list(items):
            return
        row = self.row
        before = self.key(row) if row is not None else None
        old, self.items = self.items, list(items)
        found = None
        if self._wanted:
            found = self._place(self._wanted)
            self._wanted = self._wanted if found is None else None
        if found is None and row is not None:
            found = self._place(before, row)
        self.cursor = found if found is not None else max(0, min(self.cursor, len(self.items) - 1))
        self.virtual_size = Size(self.size.width, len(self.items) + 1)
        if len(old) != len(self.items) or not old:
            self.refresh()
        else:
            self._refresh_changed(old)
        self._keep_in_sight()
        now = self.key(self.row) if self.row is not None else None
        if now != before:
            self.refresh()
            self.post_message(self.Moved(self))

    def _place(self, key: Hashable, item: Item | None = None) -> int | None:
        """Where the row ``key`` is; ``item`` is what it was, and is looked for first."""
        items = self.items
        if item is not None:
            if self.cursor < len(items) and self.key(items[self.cursor]) == key:
                return self.cursor
            if (found := next((index for index, each in enumerate(items) if each is item), None)) is not None:
                return found
        return next((index for index, each in enumerate(items) if self.key(each) == key), None)

    def go_to(self, key: Hashable) -> None:
        """Put the cursor on that row, as soon as there is one."""
        found = self._place(key)
        self._wanted = key if found is None else None
        if found is not None:
            self._move_to(found)

    def repaint_rows(self) -> None:
        """The looks of the rows changed, not the rows."""
        self.refresh()

    def _refresh_changed(self, old: Sequence[Item]) -> None:
        top = self.scroll_offset.y
        for y in range(1, self.size.height):
            index = top + y - 1
            if index < len(old) and old[index] != self.items[index]:
                self.refresh(Region(0, y, self.size.width, 1))

    def _move_to(self, index: int) -> None:
        index = max(0, min(index, len(self.items) - 1))
        if index == self.cursor or not self.items:
            return
        self._wanted = None
        for row in (self.cursor, index):
            self.refresh(Region(0, row - self.scroll_offset.y + 1, self.size.width, 1))
        self.cursor = index
        self._keep_in_sight()
        self.post_message(self.Moved(self))

    def _keep_in_sight(self) -> None:
        rows = max(1, self.size.height - 1)
        top = self.scroll_offset.y
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, immediate=True, force=True)
        elif self.cursor >= top + rows:
            self.scroll_to(y=self.cursor - rows + 1, animate=False, immediate=True, force=True)

    def action_move(self, rows: int) -> None:
        self._move_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        self._move_to(self.cursor + pages * max(1, self.size.height - 2))

    def action_first(self) -> None:
        self._move_to(0)

    def action_last(self) -> None:
        self._move_to(len(self.items) - 1)

    def on_click(self, event: events.Click) -> None:
        if event.y > 0:
            self._move_to(self.scroll_offset.y + event.y - 1)

    def on_resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self.items) + 1)
        self._keep_in_sight()

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def notify_style_update(self) -> None:
        self._tones.clear()
        super().notify_style_update()

    def _style(self, name: str) -> Style:
        if name not in self._tones:
            self._tones[name] = self.get_component_rich_style(name, partial=name not in _WHOLE)
        return self._tones[name]

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        if y == 0:
            return self._header(width)
        index = self.scroll_offset.y + y - 1
        if index < len(self.items):
            return self._row(index, width)
        lines = self.empty_text.split("\n") if not self.items else []
        text = f"  {lines[y - 2]}" if 2 <= y < len(lines) + 2 else ""
        style = self.rich_style + self._style("table--muted")
        return Strip([Segment(set_cell_size(text, width), style)])

    def _fitting(self, width: int) -> list[tuple[Column[Item], int]]:
        shown = [column for column in self.columns() if width >= column.from_width]
        left = width - self.GUTTER - sum(column.width + 1 for column in shown if column.width)
        flexible = sum(1 for column in shown if not column.width)
        return [(column, column.width or max(1, left // max(1, flexible) - 1)) for column in shown]

    def _header(self, width: int) -> Strip:
        style = self._style("table--header-focused" if self.has_focus else "table--header")
        text = " " * self.GUTTER
        for column, size in self._fitting(width):
            text += _fitted(column.title, size, column.is_right, self.look) + " "
        return Strip([Segment(set_cell_size(text, width), style)])

    def _row(self, index: int, width: int) -> Strip:
        item = self.items[index]
        is_cursor = index == self.cursor
        base = self.rich_style
        if is_cursor:
            base = base + self._style("table--cursor-focused" if self.has_focus else "table--cursor")
        mark, mark_style = self.mark_cell(item)
        pointer = self.look.pick("▸", ">") if is_cursor else " "
        segments = [Segment(pointer, base), Segment(mark, base + mark_style if mark_style else base)]
        if (parts := self.across(item)) is not None:
            right = parts[1] + " " if parts[1] else ""
            left = _fitted(parts[0], width - self.GUTTER - cell_len(right), False, self.look)
            segments.append(Segment(left + right, base + _BOLD))
            return Strip(segments).adjust_cell_length(width, base)
        for column, size in self._fitting(width):
            text, name = column.cell(item)
            if column.is_cut_inside:
                text = _without_middle(text, size, self.look)
            colour = self._style(name) if name and not (is_cursor and self.has_focus) else None
            segments.append(
                Segment(_fitted(text, size, column.is_right, self.look) + " ", base + colour if colour else base)
            )
        return Strip(segments).adjust_cell_length(width, base)

    def plain(self) -> str:
        """What is shown, without colours."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(self.size.height))


_BOLD = Style(bold=True)
_WHOLE = {"table--header", "table--header-focused", "table--cursor", "table--cursor-focused"}
"""Component classes with a background of their own; the others only lend their colour to a row."""


def _without_middle(text: str, width: int, look: Look) -> str:
    if cell_len(text) <= width or width < 5:
        return text
    half = width // 2
    return text[: width - half - 1] + look.pick("…", "~") + text[-half:]


def _fitted(text: str, width: int, is_right: bool, look: Look) -> str:
    if cell_len(text) > width:
        text = set_cell_size(text, width - 1) + look.pick("…", "~") if width > 1 else set_cell_size(text, width)
    return " " * (width - cell_len(text)) + text if is_right else set_cell_size(text, width)
