"""One line below the runs, there only when there is something to say: what is hidden, filtered, grouped, marked."""

from typing import Any

from rich.text import Text

from tui.look import Look
from tui.widgets.lines import Lines


class TableFoot(Lines):
    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._parts: tuple[str, ...] = ()

    def show_parts(self, *parts: str) -> None:
        """As many as there is room for, the first ones first; empty ones are nothing."""
        found = tuple(part for part in parts if part)
        if found != self._parts:
            self._parts = found
            self.set_class(bool(found), "-open")
            self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        text = Text(" ", style="dim", no_wrap=True)
        for part in self._parts:
            between = "" if text.cell_len == 1 else self._look.pick(" · ", ", ")
            if text.cell_len + len(between) + len(part) <= self.size.width or text.cell_len == 1:
                text.append(between + part)
        self.show_text(text)
