"""What the worker wrote about the run: follows the end while one is there."""

import re
from typing import Any, ClassVar

from rich.segment import Segment
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from store.names import RunName
from tui import bindings
from tui.look import Look

MOST_LINES = 20_000
_BAD = re.compile(r"^Traceback|\b(?:\w+Error|\w+Exception|ERROR|CRITICAL)\b")


class LogPane(ScrollView, can_focus=True):
    BINDINGS = bindings.SCROLL
    COMPONENT_CLASSES: ClassVar = {"log--muted", "log--bad"}

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._run_name: RunName | None = None
        self._lines: list[str] = []
        self._widest = 0

    def show_run(self, name: RunName | None) -> None:
        if name != self._run_name:
            self._run_name = name
            self._replace([])

    def take_lines(self, name: RunName, lines: list[str], is_new: bool) -> None:
        if name != self._run_name:
            return
        at_end = self.scroll_offset.y >= self.max_scroll_y
        if not self._look.is_unicode:
            lines = [line.encode("ascii", "replace").decode() for line in lines]
        self._replace(lines if is_new else [*self._lines, *lines])
        if at_end or is_new:
            self.scroll_end(animate=False, immediate=True, x_axis=False)

    def _replace(self, lines: list[str]) -> None:
        self._lines = lines[-MOST_LINES:]
        self._widest = max(map(len, self._lines), default=0) + 2
        self.virtual_size = Size(self._widest, len(self._lines))
        self.refresh()

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        left, top = self.scroll_offset
        if not self._lines:
            text = "   Nothing in the log yet." if y == 2 else ""
            return Strip([Segment(text, self.get_component_rich_style("log--muted"))]).adjust_cell_length(
                width, self.rich_style
            )
        line = self._lines[top + y] if top + y < len(self._lines) else ""
        is_bad = _BAD.search(line) is not None
        style = self.get_component_rich_style("log--bad") if is_bad else self.rich_style
        return Strip([Segment(f" {line}", style)]).crop_extend(left, left + width, self.rich_style)

    def plain(self) -> str:
        """What is shown, without colours."""
        return "\n".join(self.render_line(y).text.rstrip() for y in range(self.size.height))
