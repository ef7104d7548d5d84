"""What the machine does: processor, memory, disk, GPUs, and what each worker takes. Read as long as it is looked at."""

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical, VerticalScroll
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Static

from store.errors import RequestError
from tui import bindings
from tui.look import Look, printable
from tui.watcher import Watcher
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from store.records import Worker
    from tui.machine import Machine

PERIOD_S = 2.0
_FIRST_S = 0.3
"""A load is that since the reading before: the first figures come after so long."""


class MachineScreen(ModalScreen[None]):
    BINDINGS = bindings.MACHINE

    @dataclass
    class Read(Message):
        machine: "Machine"

    def __init__(self, watcher: Watcher, look: Look) -> None:
        super().__init__()
        self._watcher, self._look = watcher, look
        self._machine: Machine | None = None
        self._left = threading.Event()

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="machine"):
            yield Static(Text("Machine", style="bold"), classes="dialog-title")
            with VerticalScroll(can_focus=False):
                yield Lines(id="machine-lines")

    def on_mount(self) -> None:
        threading.Thread(target=self._read, name="machine", daemon=True).start()

    def on_unmount(self) -> None:
        self._left.set()

    def _read(self) -> None:
        from tui.machine import Meter  # psutil, NVML, SQLAlchemy

        meter = Meter(self._watcher.root)
        meter.read(self._workers())
        wait = _FIRST_S
        while not self._left.wait(wait):
            self.post_message(self.Read(meter.read(self._workers())))
            wait = PERIOD_S

    def _workers(self) -> "list[Worker]":
        """As the storage knows them: the listing of the screen leaves the ages of heartbeats out."""
        from sqlalchemy.exc import SQLAlchemyError

        from store.workers import workers

        try:
            found = workers(self._watcher.open())
        except (RequestError, SQLAlchemyError):  # there is none yet, or it hiccups: the main screen tells
            return []
        return [worker for worker in found if worker.alive]

    @on(Read)
    def _take(self, message: Read) -> None:
        if self._machine is None:
            title = Text("Machine", style="bold").append(f"  {printable(message.machine.host)}", style="not bold dim")
            self.query_one(".dialog-title", Static).update(title)
        self._machine = message.machine
        self._draw()

    def on_resize(self) -> None:
        self._draw()

    def _draw(self) -> None:
        shown = self.query_one("#machine-lines", Lines)
        if self._machine is None:
            shown.show_text(Text("reading", style="dim"))
            return
        from tui.machine import machine_lines

        lines = machine_lines(self._machine, self._look, self.query_one(VerticalScroll).size.width - 1)
        shown.styles.height = len(lines)
        shown.show_strips([shown.strip(line) for line in lines])

    def action_close(self) -> None:
        self.dismiss(None)

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
