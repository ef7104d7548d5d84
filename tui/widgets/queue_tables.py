"""The two lists of the queue: this host's devices with their slots, and what waits in its order."""

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from store.names import RunName
from store.records import Request, RunState
from tui.look import Look, printable
from tui.queue import DeviceSlots
from tui.widgets.table import Column, RowTable

if TYPE_CHECKING:
    from store.waiting import Waiting


class DeviceTable(RowTable[DeviceSlots]):
    def key(self, item: DeviceSlots) -> Hashable:
        return item.device

    def columns(self) -> Sequence[Column[DeviceSlots]]:
        return (
            Column(title="device", width=10, cell=lambda d: (printable(d.device), "")),
            Column(title="slots", width=6, cell=lambda d: (str(d.slots), ""), is_right=True),
            Column(title="workers", width=8, cell=lambda d: (str(d.num_workers), ""), is_right=True),
            Column(title="trains", width=0, cell=lambda d: (", ".join(map(str, d.runs)), "table--busy")),
        )


class QueueTable(RowTable["Waiting"]):
    def __init__(self, look: Look, **options: object) -> None:
        super().__init__(look, **options)
        self._places: dict[RunName, int] = {}

    def set_items(self, items: "Sequence[Waiting]") -> None:
        self._places = {item.name: number for number, item in enumerate(items, 1)}
        super().set_items(items)

    def key(self, item: "Waiting") -> Hashable:
        return item.name

    def columns(self) -> "Sequence[Column[Waiting]]":
        look = self.look
        return (
            Column(title="place", width=5, cell=lambda w: (str(self._places.get(w.name, "")), ""), is_right=True),
            Column(title="run", width=0, cell=lambda w: (str(w.name), ""), is_cut_inside=True),
            Column(title="state", width=10, cell=lambda w: _state(w, look)),
            Column(title="epoch", width=8, cell=lambda w: (f"{w.epoch}/{w.epochs}", ""), is_right=True),
            Column(title="device", width=8, cell=lambda w: (printable(w.device), "table--muted")),
            Column(title="kind", width=10, cell=lambda w: (printable(w.kind), "table--muted"), from_width=70),
            Column(title="data set", width=0, cell=lambda w: (printable(w.dataset), "table--muted"), from_width=84),
        )


def _state(waiting: "Waiting", look: Look) -> tuple[str, str]:
    state = {Request.HOLD: RunState.HELD, Request.PAUSE: RunState.PAUSED}.get(
        waiting.request or Request.STOP, RunState.WAITING
    )
    return f"{look.glyph(state)} {state}", "table--muted" if state is RunState.WAITING else "table--warn"
