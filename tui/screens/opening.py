"""The frame of the home screen, painted while that is still being imported."""

from textual import events
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.screen import Screen
from textual.widgets import Static

from store.paths import Root
from tui.bindings import key_of
from tui.look import Look
from tui.panes.strip import PaneStrip
from tui.screens.sizes import HEIGHTS, TOO_SMALL, WIDTHS, fitting, too_small
from tui.widgets.top_line import TopLine


class OpeningScreen(Screen[None]):
    """``keys`` are those that were pressed on it and wait for the home screen. Only leaving is done at once."""

    AUTO_FOCUS = None
    HORIZONTAL_BREAKPOINTS = WIDTHS
    VERTICAL_BREAKPOINTS = HEIGHTS

    def __init__(self, root: Root, look: Look) -> None:
        super().__init__()
        self._root, self._look = root, look
        self.keys: list[events.Key] = []

    def compose(self) -> ComposeResult:
        self.set_classes(fits := fitting(self.app.size))
        if TOO_SMALL & set(fits):
            yield Static(too_small(), id="too-small", markup=False)
            return
        yield TopLine(self._root, self._look, id="top")
        with Horizontal(id="body"):
            yield Static("Opening.", id="left")
            with Vertical(id="right"):
                yield PaneStrip(self._look, id="strip")
        help, leave = ((key_of(id), "bold") for id in ("app.help", "app.quit"))
        yield Static(Content.assemble(" ", help, " ", ("keys", "dim"), "  ", leave, " ", ("leave", "dim")), id="keys")

    def on_key(self, event: events.Key) -> None:
        pressed = self.active_bindings.get(event.key)
        if pressed and pressed.binding.action == "quit":
            return
        event.prevent_default()
        event.stop()
        self.keys.append(events.Key(event.key, event.character))  # this one counts as handled
