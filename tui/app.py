"""The App: a table of contents. It paints a frame first; all that stands in it is imported after that."""

import asyncio
import contextlib
import os
import signal
import sys
import threading
from functools import cached_property
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import Binding
from textual.command import CommandPalette, Provider
from textual.events import Key, Print, Resize
from textual.message import Message
from textual.theme import Theme, ThemeProvider
from textual.widget import Widget
from textual.widgets import Input

from store.address import UNDER_ROOT, Addresses
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from tui import bindings
from tui.guard import ScreenLog, Terminal, terminal_alone
from tui.keys.keymap import Keymap, read_keymap, shown, whole
from tui.look import Look, printable
from tui.pictures.graphics import Graphics, find_graphics
from tui.remembered import Remembered
from tui.screens.opening import OpeningScreen

if TYPE_CHECKING:
    from tui.first_look import FirstLook
    from tui.screens.home import HomeScreen
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


def _actions() -> type[Provider]:
    from tui.screens.palette import Actions

    return Actions


class AetuiApp(App[object]):
    TITLE = "aetui"
    CSS_PATH = "app.tcss"
    BINDINGS = bindings.APP
    COMMANDS: ClassVar = {_actions}
    COMMAND_PALETTE_BINDING = "ctrl+p"
    _home: "HomeScreen"
    """There once the first frame is painted."""

    def __init__(
        self,
        root: Root,
        addresses: Addresses = UNDER_ROOT,
        *,
        data_dir: Path | None = None,
        focus: RunName | None = None,
        keymap: Keymap | None = None,
        graphics: Graphics | None = None,
        first_look: "FirstLook | None" = None,
    ) -> None:
        super().__init__()
        bindings.OWN_KEYS.clear()
        if keymap:
            bindings.OWN_KEYS.update({id: shown(keys) for id, keys in keymap.items()})
            self.set_keymap(whole(keymap))
        for theme in (_DARK, _LIGHT):
            self.register_theme(theme)
        # Before there is anything to restyle: a theme that changes later costs another pass over every widget.
        remembered = Remembered.read(root)
        self.set_reactive(App.theme, remembered.theme if remembered.theme in self.available_themes else _DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self.look = Look.of()
        self.look.ground.is_light = not self.current_theme.dark
        self.failure: Exception | None = None
        self.terminal: Terminal | None = None
        self._root, self._addresses, self._data_dir, self._focus = root, addresses, data_dir, focus
        self._graphics, self._remembered = graphics or Graphics(), remembered
        self._first_look = first_look
        self._opening = OpeningScreen(root, self.look)
        self._is_home = threading.Event()
        self.set_class(not self.look.is_unicode, "-ascii")
        if os.environ.get("SSH_CONNECTION"):
            self.animation_level = "none"

    def get_default_screen(self) -> OpeningScreen:
        return self._opening

    def on_ready(self) -> None:
        self._opening.call_after_refresh(self.run_worker, self._prepare_home)

    async def _prepare_home(self) -> None:
        """In a thread: keys reach the opening screen meanwhile, and the one that leaves is obeyed."""
        from tui.view import View

        # At once: its first query takes as long as all there is to mount, and runs beside it.
        self.watcher.show(View(experiment=self._remembered.opens_at(self._focus)))
        self.watcher.start()
        await asyncio.to_thread(import_module, "tui.screens.home")
        self.call_later(self._go_home)

    async def _go_home(self) -> None:
        """Open the home screen above the first: in its place would have Textual read all styles again, twice."""
        from tui.screens.home import HomeScreen

        self._home = HomeScreen(
            self._root,
            self.watcher,
            self.look,
            self._graphics,
            data_dir=self._data_dir,
            focus=self._focus,
            remembered=self._remembered,
        )
        await self.push_screen(self._home)
        self._is_home.set()
        for key in self._opening.keys:
            await self.on_event(key)

    @cached_property
    def watcher(self) -> "Watcher":
        from tui.watcher import Watcher

        return Watcher(self._root, self._addresses, self._post_home, first_look=self._first_look)

    def _post_home(self, message: Message) -> None:
        """In the watcher's thread."""
        self._is_home.wait()
        self._home.post_message(message)

    def on_mount(self) -> None:
        self.theme_changed_signal.subscribe(self, self._change_ground)
        if not self.is_headless:
            self.begin_capture_print(self)
            for number in (signal.SIGTERM, signal.SIGHUP):  # by themselves they leave the terminal as it is drawn on
                asyncio.get_running_loop().add_signal_handler(number, self._leave_by, number)
                signal.signal(number, self._hear)  # beside the loop, which may wait for a terminal that is frozen

    def on_print(self, event: Print) -> None:
        """Warnings, and what threads die of: Textual keeps it off the terminal, and descriptor 2 is the log."""
        with contextlib.suppress(OSError):  # its disk is full
            os.write(2, event.text.encode(errors="replace"))

    def _change_ground(self, theme: Theme) -> None:
        """What has colours of its own is drawn anew, as it is at a change of size."""
        self.look.ground.is_light = not theme.dark
        for screen in self.screen_stack:
            for widget in screen.walk_children(Widget):
                widget.post_message(Resize(widget.size, widget.virtual_size))

    def _hear(self, number: int, _frame: FrameType | None) -> None:
        if self.terminal is not None:
            threading.Thread(target=self.terminal.end_if_stuck, args=(number,), daemon=True).start()

    def _leave_by(self, number: signal.Signals) -> None:
        self.exit(return_code=128 + number)

    def _handle_exception(self, error: Exception) -> None:
        """Leave with nothing on the terminal: Textual would print a page of everybody's local variables."""
        if self._exit:  # keys that came behind the last one: what they opened finds nothing to stand on
            return
        self.failure = self.failure or error
        super()._handle_exception(error)
        self._exit_renderables.clear()

    def on_unmount(self) -> None:
        self.watcher.stop()

    def on_key(self, event: Key) -> None:
        """What was typed ahead of a line that has opened since belongs into it; it is no key of the screen's.

        Over a slow link `/state` comes in one piece, and the letters pass by the table before the line has the focus.
        """
        if isinstance(self.focused, Input) and event.is_printable and event.character:
            # Behind the event of its focus, which selects what stands there.
            self.focused.post_message(Key(event.key, event.character))
            event.prevent_default()

    def action_help(self) -> None:
        from tui.keys.doing import do
        from tui.screens.help import HelpScreen

        async def do_it(binding: Binding | None) -> None:
            if binding is not None:
                await do(self, binding)

        self.push_screen(HelpScreen(self.screen), do_it)

    def action_machine(self) -> None:
        from tui.screens.machine import MachineScreen

        self.push_screen(MachineScreen(self.watcher, self.look))

    def action_command_palette(self) -> None:
        if not CommandPalette.is_open(self):
            self.push_screen(CommandPalette(placeholder="What should happen?", id="--command-palette"))

    def search_themes(self) -> None:
        self.push_screen(CommandPalette(providers=[ThemeProvider], placeholder="Which colours?"))

    def action_hint_quit(self) -> None:
        self.notify(f"{bindings.key_of('app.quit')} leaves the screen; runs go on in the background.", markup=False)

    def action_nothing(self) -> None:
        """ctrl+q is unused: terminals take it for flow control."""


def run(
    root: Root,
    addresses: Addresses,
    *,
    data_dir: Path | None,
    mouse: bool,
    focus: RunName | None = None,
    first_look: "FirstLook | None" = None,
    debug: bool = False,
) -> None:
    """Open the screen and stay until the user leaves; then say in one line what goes on in the background.

    Raises:
        RequestError: this terminal cannot show it, or the user's keymap cannot be used.
        SystemExit: the screen itself failed (status 1, and one sentence says where the log is) or was sent a signal.
    """
    if os.environ.get("TERM", "dumb") in ("", "dumb"):
        raise RequestError("This terminal (TERM=dumb) cannot show the screen: use `aetui ls` and `aetui show RUN`.")
    app = AetuiApp(
        root,
        addresses,
        data_dir=data_dir,
        focus=focus,
        keymap=read_keymap(),
        graphics=find_graphics(),
        first_look=first_look,
    )
    log = ScreenLog(root)
    try:
        with terminal_alone(log) as app.terminal:
            app.run(mouse=mouse)
        if app.failure is not None:
            where = log.add(app.failure)
            if debug:
                print(where, end="", file=sys.stderr)
            print(f"aetui: {_what_failed(app.failure, log.path)}", file=sys.stderr)
            raise SystemExit(1)
    finally:
        log.close()
    if app.return_code:
        raise SystemExit(app.return_code)
    print(_going_on(app.watcher))


def _what_failed(error: Exception, log: Path) -> str:
    what = printable(str(error).strip().partition("\n")[0]) or "no message"
    return f"The screen failed ({type(error).__name__}: {what}); runs go on, and {log} says where it was."


def _going_on(watcher: "Watcher") -> str:
    """Of runs that are live or wait, asked anew: the screen may not have seen the last one."""
    from store.database import database_exists  # SQLAlchemy: the screen has brought it in by now
    from store.listing import num_running, queue_length

    if not database_exists(watcher.root, watcher.addresses.storage):
        return farewell(0, 0)
    try:
        database = watcher.open()
        return farewell(num_running(database), queue_length(database))
    except RequestError as error:
        return f"Runs go on in the background, if there are any: {error}"


def farewell(num_live: int, num_waiting: int) -> str:
    if not num_live:
        waits = f"; {num_waiting} run{' waits' if num_waiting == 1 else 's wait'} for a worker" if num_waiting else ""
        return f"Nothing runs in the background{waits}."
    waiting = f" and {num_waiting} wait{'s' if num_waiting == 1 else ''}" if num_waiting else ""
    verb = "goes" if num_live == 1 else "go"
    return (
        f"{num_live} run{'' if num_live == 1 else 's'} {verb} on in the background{waiting}; `aetui` shows them again."
    )
