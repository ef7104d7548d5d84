"""Two lines over a pane: the tabs, and the run that is shown."""

from dataclasses import dataclass
from typing import Any

from rich.text import Text
from textual import events
from textual.message import Message

from store.records import Run, RunState
from tui.bindings import key_of
from tui.look import Look, duration_text, printable
from tui.panes import PANES
from tui.widgets.lines import Lines
from tui.widgets.states import shown_state, shown_value


def time_left(run: Run) -> str:
    """How long a running run has still to go, by its epochs so far; "" where that cannot be said."""
    if run.state is not RunState.RUNNING or not run.epoch or run.epoch >= run.epochs:
        return ""
    return f", {duration_text(run.duration_s / run.epoch * (run.epochs - run.epoch))} to go"


def _key(pane: str) -> str:
    return key_of(f"pane.{pane}")


class PaneStrip(Lines):
    @dataclass
    class Chosen(Message):
        pane: str

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._pane = PANES[0]
        self._run: Run | None = None
        self._is_active = False
        self._is_alarmed = False

    def show_pane(self, pane: str) -> None:
        self._pane = pane
        self._draw()

    def show_run(self, run: Run | None) -> None:
        self._run = run
        self._draw()

    def show_alarm(self, is_alarmed: bool) -> None:
        """Whether the numbers pane says that something is wrong with the run."""
        if is_alarmed != self._is_alarmed:
            self._is_alarmed = is_alarmed
            self._draw()

    def show_active(self, is_active: bool) -> None:
        """Whether the pane below has the focus."""
        self._is_active = is_active
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def on_click(self, event: events.Click) -> None:
        start = 1
        for pane in PANES:
            end = start + len(self._tab(pane))
            if event.y == 0 and start <= event.x < end:
                self.post_message(self.Chosen(pane))
            start = end

    def _tab(self, pane: str) -> str:
        shown = f"{pane}!" if pane == "numbers" and self._is_alarmed else pane
        for tab in (" {} {} ", "{} {} "):
            if self.size.width > sum(len(tab.format(_key(each), each)) for each in PANES):
                return tab.format(_key(pane), shown)
        return f"{_key(pane)}{shown} "

    def _draw(self) -> None:
        tabs = Text(" ", no_wrap=True)
        for pane in PANES:
            is_shown = pane == self._pane
            style = ("bold reverse" if self._is_active else "bold underline") if is_shown else "dim"
            tabs.append(self._tab(pane), style=style)
        self.show_text(tabs.append("\n").append_text(self._title()))

    def _title(self) -> Text:
        run = self._run
        if run is None:
            return Text()
        title = Text("  ", no_wrap=True)
        title.append(str(run.name), style="bold").append(f"  {shown_state(run, self._look)}")
        title.append(f"  {run.epoch}/{run.epochs}")
        if value := shown_value(run):
            title.append(f"  error {value}")
        if run.duration_s:
            title.append(f"  {duration_text(run.duration_s)}{time_left(run)}", style="dim")
        title.append("  locked" if run.locked else "", style="bold")
        title.append(f"  {run.kind} on {printable(run.dataset)}", style="dim")
        title.truncate(self.size.width, overflow="ellipsis" if self._look.is_unicode else "crop")
        return title
