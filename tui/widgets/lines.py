"""A widget of ready-made lines that repaints only those that changed (over SSH, bytes are what a repaint costs)."""

from collections.abc import Sequence
from typing import Any

from rich.segment import Segment
from rich.text import Text
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget


class Lines(Widget):
    """Subclasses hand over their lines with `show_text` or `show_strips`."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._strips: list[Strip] = []

    def show_text(self, text: Text) -> None:
        self.show_strips([self.strip(line) for line in text.split("\n", allow_blank=True)])

    def show_strips(self, strips: Sequence[Strip]) -> None:
        old, self._strips = self._strips, list(strips)
        for y in range(max(len(old), len(strips))):
            before = old[y] if y < len(old) else None
            after = strips[y] if y < len(strips) else None
            if before is None or after is None or list(before) != list(after):
                self.refresh(Region(0, y, self.size.width, 1))

    def strip(self, text: Text) -> Strip:
        return Strip([Segment(s.text, s.style) for s in text.render(self.app.console) if s.text and s.text != "\n"])

    def render_line(self, y: int) -> Strip:
        width = self.size.width
        strip = self._strips[y] if y < len(self._strips) else Strip.blank(width)
        return strip.adjust_cell_length(width).apply_style(self.rich_style)

    def plain(self) -> str:
        """What is shown, without colours."""
        return "\n".join(strip.text.rstrip() for strip in self._strips)
