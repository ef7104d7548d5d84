"""Lines that scroll, of which only those are repainted that changed."""

from collections.abc import Iterable
from typing import Any

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tui import bindings
from tui.look import Look


class ScrolledLines(ScrollView, can_focus=True):
    """What is shown is given as a whole to `show_lines`, however little of it is new."""

    BINDINGS = bindings.SCROLL

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._strips: list[Strip] = []

    def show_lines(self, lines: Iterable[Text]) -> None:
        """Repaint the lines that changed and are in sight, and no others."""
        old, self._strips = self._strips, [self._strip(line) for line in lines]
        top = self.scroll_offset.y
        self.virtual_size = Size(self.size.width, len(self._strips))
        if top != self.scroll_offset.y or len(old) != len(self._strips):
            self.refresh()
            return
        for y in range(min(self.size.height, max(0, len(self._strips) - top))):
            if list(old[top + y]) != list(self._strips[top + y]):
                self.refresh(Region(0, y, self.size.width, 1))

    def to_top(self) -> None:
        self.scroll_to(y=0, animate=False, immediate=True, force=True)

    def plain(self) -> str:
        """All lines, also those out of sight, without colours."""
        return "\n".join(strip.text.rstrip() for strip in self._strips)

    def _strip(self, line: Text) -> Strip:
        return Strip([Segment(s.text, s.style) for s in line.render(self.app.console, end="") if s.text])

    def render_line(self, y: int) -> Strip:
        width, at = self.size.width, self.scroll_offset.y + y
        strip = self._strips[at] if at < len(self._strips) else Strip.blank(width)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)
