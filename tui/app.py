"""The App: a table of contents. It paints first; storage, numpy and plotext are imported after that, by the watcher."""

import os
from pathlib import Path
from typing import Any, ClassVar

from textual.app import App
from textual.command import CommandPalette
from textual.screen import Screen
from textual.theme import Theme, ThemeProvider

from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from tui import bindings
from tui.look import Look
from tui.screens.help import HelpScreen
from tui.screens.home import HomeScreen
from tui.screens.palette import Actions
from tui.watcher import Watcher

_DARK = Theme(
    name="aetui-dark",
    primary="#56b4e9",
    secondary="#7f8c9b",
    accent="#e69f00",
    foreground="#d6dae0",
    background="#12161b",
    surface="#181d24",
    panel="#222933",
    success="#3fbf8f",
    warning="#e6b13a",
    error="#ef6b5e",
    dark=True,
)
_LIGHT = Theme(
    name="aetui-light",
    primary="#0072b2",
    secondary="#5f6b7a",
    accent="#b35c00",
    foreground="#22272e",
    background="#fbfbf9",
    surface="#f1f2ef",
    panel="#e3e6e3",
    success="#007a5a",
    warning="#8a6100",
    error="#b3261e",
    dark=False,
)


class AetuiApp(App[object]):
    TITLE = "aetui"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings.APP
    COMMANDS: ClassVar = {Actions}
    COMMAND_PALETTE_BINDING = "ctrl+p"

    def __init__(
        self, root: Root, storage: str | None = None, *, data_dir: Path | None = None, focus: RunName | None = None
    ) -> None:
        super().__init__()
        for theme in (_DARK, _LIGHT):
            self.register_theme(theme)
        # Before there is anything to restyle: a theme that changes later costs another pass over every widget.
        self.set_reactive(App.theme, _DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self.look = Look.of()
        self.watcher = Watcher(root, storage, self._post_home)
        self.home = HomeScreen(root, self.watcher, self.look, data_dir=data_dir, focus=focus)

        self.set_class(not self.look.is_unicode, "-ascii")
        if os.environ.get("SSH_CONNECTION"):
            self.animation_level = "none"

    def get_default_screen(self) -> Screen[Any]:
        return self.home

    def on_unmount(self) -> None:
        self.watcher.stop()

    def _post_home(self, message: object) -> None:
        self.home.post_message(message)  # type: ignore[arg-type]  # the watcher posts Textual messages

    def action_help(self) -> None:
        self.push_screen(HelpScreen())

    def action_command_palette(self) -> None:
        if not CommandPalette.is_open(self):
            self.push_screen(CommandPalette(placeholder="What should happen?", id="--command-palette"))

    def search_themes(self) -> None:
        self.push_screen(CommandPalette(providers=[ThemeProvider], placeholder="Which colours?"))

    def action_hint_quit(self) -> None:
        self.notify("q leaves the screen; runs go on in the background.")

    def action_nothing(self) -> None:
        """ctrl+q is unused: terminals take it for flow control."""


def run(root: Root, storage: str | None, *, data_dir: Path | None, mouse: bool, focus: RunName | None = None) -> None:
    """Open the screen and stay until the user leaves; then say in one line what goes on in the background.

    Raises:
        RequestError: this terminal cannot show it.
        SystemExit: the screen itself failed (status 1; Textual has printed why).
    """
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        raise RequestError("This terminal (TERM=dumb) cannot show the screen: use `aetui ls` and `aetui show RUN`.")
    app = AetuiApp(root, storage, data_dir=data_dir, focus=focus)
    app.run(mouse=mouse)
    if app.return_code:
        raise SystemExit(app.return_code)
    print(farewell(*_going_on(app.watcher)))


def _going_on(watcher: Watcher) -> tuple[int, int]:
    """How many runs are live and how many wait, asked anew: the screen may not have seen the last one."""
    from store.listing import num_running, queue_length  # SQLAlchemy: the screen has brought it in by now

    try:
        database = watcher.open()
    except RequestError:
        return 0, 0
    return num_running(database), queue_length(database)


def farewell(num_live: int, num_waiting: int) -> str:
    if not num_live and not num_waiting:
        return "Nothing runs in the background."
    waiting = f" and {num_waiting} wait{'s' if num_waiting == 1 else ''}" if num_waiting else ""
    verb = "goes" if num_live == 1 else "go"
    return (
        f"{num_live} run{'' if num_live == 1 else 's'} {verb} on in the background{waiting}; `aetui` shows them again."
    )
