"""How many workers each device of this host may have: what the user chose, kept under the root."""

import json
from collections.abc import Mapping, Sequence

from store.artifacts import written_aside
from store.clock import host
from store.database import Database
from store.json_file import read_object
from store.paths import Root
from store.records import Worker
from store.workers import workers

_MOST = 1024


def chosen_slots(root: Root) -> dict[str, int]:
    """Slots by device, of this host; devices for which nobody chose a number are not in it."""
    found = read_object(root.slots).get(host())
    if not isinstance(found, Mapping):
        return {}
    return {device: count for device, count in found.items() if isinstance(count, int) and 0 <= count <= _MOST}


def choose_slots(root: Root, device: str, count: int) -> None:
    """From now on ``device`` has ``count`` workers at most, 0 for none; those too many leave after their run."""
    kept = read_object(root.slots)
    kept[host()] = chosen_slots(root) | {device: count}
    with written_aside(root.slots) as aside:
        aside.write_text(json.dumps(kept), encoding="utf-8")


def with_chosen(devices: Sequence[str], root: Root) -> list[str]:
    """``devices``, one a slot, with the numbers that were chosen instead."""
    found = list(devices)
    for device, count in chosen_slots(root).items():
        found = [other for other in found if other != device] + [device] * count
    return found


def is_surplus(database: Database, worker_id: str) -> bool:
    """Whether this worker is one too many on its device: the oldest ones stay."""
    slots = chosen_slots(database.root)
    if not slots:
        return False
    here = [worker for worker in workers(database) if worker.alive and worker.host == host()]
    own = next((worker for worker in here if worker.worker_id == worker_id), None)
    if own is None or own.device not in slots:
        return False
    beside = sorted((worker for worker in here if worker.device == own.device), key=_age)
    return beside.index(own) >= slots[own.device]


def _age(worker: Worker) -> tuple[float, str]:
    return worker.started_at, worker.worker_id
