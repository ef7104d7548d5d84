"""What waits, in the order in which it is begun, and how many workers each device may have."""

from collections.abc import Callable
from typing import TYPE_CHECKING, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from store.names import RunName
from tui import actions, bindings
from tui.look import Look
from tui.messages import QueueChanged
from tui.queue import Queue
from tui.watcher import Watcher
from tui.widgets.key_line import KeyLine
from tui.widgets.lines import Lines
from tui.widgets.queue_tables import DeviceTable, QueueTable
from tui.widgets.table import RowTable

if TYPE_CHECKING:
    from store.waiting import Place


class QueueScreen(Screen[RunName | None]):
    """Left with the run to go to, None for where one was. ``act`` does something in a thread of its own."""

    BINDINGS: ClassVar[list[BindingType]] = bindings.QUEUE
    AUTO_FOCUS = "#waiting"

    def __init__(self, watcher: Watcher, look: Look, act: Callable[[actions.Action], None]) -> None:
        super().__init__()
        self._watcher, self._look, self._act = watcher, look, act
        self._queue: Queue | None = None

    def compose(self) -> ComposeResult:
        yield Lines(id="queue-head")
        yield DeviceTable(self._look, id="devices")
        yield QueueTable(self._look, id="waiting")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        self._watcher.show_queue(True)
        self._show()

    def on_unmount(self) -> None:
        self._watcher.show_queue(False)

    @property
    def _devices(self) -> DeviceTable:
        return self.query_one("#devices", DeviceTable)

    @property
    def _waiting(self) -> QueueTable:
        return self.query_one("#waiting", QueueTable)

    def take_queue(self, message: QueueChanged) -> None:
        self._queue = message.queue
        if all(self.query(f"#{part}") for part in ("queue-head", "devices", "waiting")):  # not while it is taken down
            self._show()

    def _show(self) -> None:
        queue = self._queue
        self._waiting.empty_text = "Nothing waits." if queue else "Reading the queue."
        self._waiting.set_items(queue.waiting if queue else [])
        self._devices.set_items(queue.devices if queue else [])
        self._devices.styles.height = len(self._devices.items) + 2
        self._show_head()
        self.refresh_bindings()

    def _show_head(self) -> None:
        queue = self._queue or Queue()
        num_aside = sum(each.request is not None for each in queue.waiting)
        facts = [f"{len(queue.waiting) - num_aside} waiting"]
        if num_aside:
            facts.append(f"{num_aside} held or paused: {bindings.key_of('queue.hold')} lets them go on")
        if queue.num_elsewhere:
            facts.append(f"{queue.num_elsewhere} workers on other hosts")
        if any(device.slots == 0 for device in queue.devices):
            facts.append("a device without a slot begins nothing")
        facts += queue.crowded
        text = Text(" queue", style="bold", no_wrap=True)
        text.append(f"  {self._look.pick(' · ', ' | ').join(facts)}", style="not bold")
        text.truncate(self.size.width, overflow="ellipsis" if self._look.is_unicode else "crop")
        self.query_one("#queue-head", Lines).show_text(text)

    def on_resize(self) -> None:
        self._show_head()

    @on(RowTable.Moved)
    def _moved(self) -> None:
        self.refresh_bindings()

    def on_descendant_focus(self) -> None:
        self.refresh_bindings()

    # Keys

    def action_place(self, place: "Place") -> None:
        if (chosen := self._waiting.current) is not None:
            self._act(actions.move_in_queue([chosen.name], place))

    def action_hold(self) -> None:
        if (chosen := self._waiting.current) is not None:
            act = actions.pause if chosen.request is None else actions.resume
            self._act(act([chosen.name]))

    def action_slots(self, step: int) -> None:
        device = self._devices.current
        if device is not None and device.slots + step >= 0:
            self._act(actions.choose_slots(device.device, device.slots + step, starts_workers=step > 0))

    def action_side(self) -> None:
        (self._waiting if self.focused is self._devices else self._devices).focus()

    def action_open(self) -> None:
        if self._place() is not None:
            self.dismiss(self._place())

    def action_back(self) -> None:
        self.dismiss(None)

    def _place(self) -> RunName | None:
        if self.focused is self._devices:
            device = self._devices.current
            return device.runs[0] if device and device.runs else None
        return self._waiting.current.name if self._waiting.current else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        if not self.is_mounted:
            return True
        match action:
            case "place":
                is_there = self._waiting.current is not None and self.focused is self._waiting
                return is_there and len(self._waiting.items) > 1
            case "hold":
                return self._waiting.current is not None and self.focused is self._waiting
            case "slots":
                return self._devices.current is not None
            case "open":
                return self._place() is not None
        return True
