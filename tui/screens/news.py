"""What ended while nobody looked and since then, the newest first; from here to the run."""

import time
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from store.names import RunName
from tui import bindings
from tui.look import Look, number_text, printable
from tui.widgets.key_line import KeyLine
from tui.widgets.lines import Lines
from tui.widgets.states import state_tone
from tui.widgets.table import Column, RowTable

if TYPE_CHECKING:
    from store.news import Ended


class NewsTable(RowTable["Ended"]):
    def key(self, item: "Ended") -> Hashable:
        return item.name, item.at

    def columns(self) -> "Sequence[Column[Ended]]":
        look = self.look
        return (
            Column(title="when", width=11, cell=lambda e: (_when(e.at), "table--muted")),
            Column(title="run", width=0, cell=lambda e: (str(e.name), ""), is_cut_inside=True),
            Column(title="state", width=10, cell=lambda e: (f"{look.glyph(e.state)} {e.state}", state_tone(e.state))),
            Column(title="error", width=8, cell=lambda e: (number_text(e.value, ""), ""), is_right=True),
            Column(title="why", width=0, cell=lambda e: (printable(e.reason or ""), "table--muted"), from_width=70),
        )


class NewsScreen(Screen[RunName | None]):
    """Left with the run to go to."""

    BINDINGS: ClassVar[list[BindingType]] = bindings.NEWS
    AUTO_FOCUS = "#news"

    def __init__(self, ended: "Sequence[Ended]", look: Look) -> None:
        super().__init__()
        self._ended, self._look = list(ended), look

    def compose(self) -> ComposeResult:
        yield Lines(id="news-head")
        yield NewsTable(self._look, id="news")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        table = self.query_one(NewsTable)
        table.empty_text = "Nothing has ended since you looked last."
        table.set_items(list(reversed(self._ended)))
        head = Text(" news", style="bold", no_wrap=True)
        head.append("  what ended while you were away, and since; the newest first", style="not bold dim")
        self.query_one("#news-head", Lines).show_text(head)

    def take_news(self, ended: "Sequence[Ended]") -> None:
        self._ended += ended
        for table in self.query(NewsTable):  # none while it is taken down
            table.set_items(list(reversed(self._ended)))

    def action_open(self) -> None:
        current = self.query_one(NewsTable).current
        self.dismiss(current.name if current else None)

    def action_back(self) -> None:
        self.dismiss(None)


def _when(at: float) -> str:
    """The time today, the day before that."""
    moment = time.localtime(at)
    is_today = time.strftime("%F", moment) == time.strftime("%F")
    return time.strftime("%H:%M:%S" if is_today else "%d %b %H:%M", moment)
