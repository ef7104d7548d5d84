"""The queue as the screen shows it: what waits, and the slots of this host's devices. Read by the watcher."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from store.names import RunName
from store.records import Worker

if TYPE_CHECKING:
    from store.database import Database
    from store.waiting import Waiting


@dataclass(frozen=True, kw_only=True, slots=True)
class DeviceSlots:
    """A device of this host: workers that it may have, those it has, and the runs they train."""

    device: str
    slots: int
    is_chosen: bool
    num_workers: int
    runs: tuple[RunName, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Queue:
    waiting: "tuple[Waiting, ...]" = ()
    devices: tuple[DeviceSlots, ...] = ()
    num_elsewhere: int = 0
    """Workers on other hosts."""
    crowded: tuple[str, ...] = ()
    """Sentences on the GPUs that get no worker, since others leave too little of their memory."""


def read_queue(database: "Database", workers: Sequence[Worker]) -> Queue:
    """``workers`` are those that are alive."""
    from engine.devices import gpus
    from engine.gpu_room import NO_WORKER, crowded
    from engine.settings import usual_settings
    from engine.slots import chosen_slots, slots
    from store.clock import host
    from store.waiting import waiting

    root = database.root
    of_slots = slots(root)
    chosen = chosen_slots(root)
    here = [worker for worker in workers if worker.host == host()]
    names = sorted({*of_slots, *chosen, *(worker.device for worker in here)}, key=lambda name: (name == "cpu", name))
    devices = [
        DeviceSlots(
            device=name,
            slots=of_slots.count(name),
            is_chosen=name in chosen,
            num_workers=sum(worker.device == name for worker in here),
            runs=tuple(worker.run for worker in here if worker.device == name and worker.run),
        )
        for name in names
    ]
    full = crowded(gpus(), {worker.pid for worker in here}, usual_settings().gpu_free_gb)
    return Queue(
        waiting=tuple(waiting(database)),
        devices=tuple(devices),
        num_elsewhere=len(workers) - len(here),
        crowded=tuple(f"{each.says}: {NO_WORKER}" for each in full),
    )
