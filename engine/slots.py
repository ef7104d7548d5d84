"""How many workers each device of this host has at most.

What is built in (`engine.devices.worker_devices`) gives way to ``settings.toml``, that to what was chosen on the queue
screen, and all of it to a number on a command line, until something is chosen after that.
"""

import errno
import json
import os
from collections.abc import Mapping, Sequence

from engine.devices import gpus, worker_devices
from engine.settings import MOST_SLOTS, usual_settings
from store.artifacts import written_aside
from store.clock import host
from store.database import Database
from store.json_file import read_object
from store.paths import Root
from store.records import Worker
from store.workers import workers


def chosen_slots(root: Root) -> dict[str, int]:
    """Slots by device, of this host; devices for which nobody chose a number are not in it."""
    found = read_object(root.slots).get(host())
    if not isinstance(found, Mapping):
        return {}
    return {device: count for device, count in found.items() if isinstance(count, int) and 0 <= count <= MOST_SLOTS}


def choose_slots(root: Root, device: str, count: int) -> None:
    """From now on ``device`` has ``count`` workers at most, 0 for none; those too many leave after their run."""
    kept = read_object(root.slots)
    kept[host()] = chosen_slots(root) | {device: count}
    with written_aside(root.slots) as aside:
        aside.write_text(json.dumps(kept), encoding="utf-8")


def slots(root: Root, wanted: str = "auto") -> list[str]:
    """The device of each slot; ``wanted`` are the devices where nobody said anything else."""
    built_in = worker_devices(wanted, None)
    own = usual_settings().slots
    here = {"cpu", *(gpu.name for gpu in gpus())} if own and wanted == "auto" else set(built_in)
    usual = _with(built_in, {device: count for device, count in own.items() if device in here})
    said, chosen = said_slots(root), chosen_slots(root)
    if said is None:
        return _with(usual, chosen)
    if _is_chosen_since(root):
        return _with(_spread(usual or built_in, said), chosen)
    return _spread(_with(usual, chosen) or built_in, said)


def said_or_usual(root: Root, said: int | None, usual: int) -> int | None:
    """A number of slots for `ask_for_workers`: ``usual`` where nobody said or chose any."""
    return said if said is not None or chosen_slots(root) or usual_settings().slots else usual


def is_surplus(database: Database, worker_id: str) -> bool:
    """Whether this worker is one too many on its device: the oldest ones stay."""
    most = _limits(database.root)
    if not most:
        return False
    here = [worker for worker in workers(database) if worker.alive and worker.host == host()]
    own = next((worker for worker in here if worker.worker_id == worker_id), None)
    if own is None or own.device not in most:
        return False
    beside = sorted((worker for worker in here if worker.device == own.device), key=_age)
    return beside.index(own) >= most[own.device]


def ask_for_workers(root: Root, said: int | None = None) -> None:
    """Let the supervisor fill its slots, ``said`` of them where there is a number; of several the largest counts.

    It stands in the supervisor's lock file, which is emptied once all is done.
    """
    before = _asked(root)
    if before is not None and before >= (said or 0):
        return
    text = str(max(said or 0, before or 0)).encode()
    descriptor = os.open(root.supervisor_lock, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        os.pwrite(descriptor, text, 0)  # over what is there: it is never empty meanwhile
        os.ftruncate(descriptor, len(text))
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):  # nothing is trained then either
            raise
    finally:
        os.close(descriptor)


def is_asked_for(root: Root) -> bool:
    """Whether anybody wants workers since the supervisor began, other than those added by hand."""
    return _asked(root) is not None


def said_slots(root: Root) -> int | None:
    """The largest number of slots that anybody asked for since the supervisor began."""
    return _asked(root) or None


def _asked(root: Root) -> int | None:
    try:
        text = root.supervisor_lock.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    return int(text) if text.isdecimal() and len(text) < 10 else None


def _is_chosen_since(root: Root) -> bool:
    try:
        return root.slots.stat().st_mtime_ns >= root.supervisor_lock.stat().st_mtime_ns
    except FileNotFoundError:
        return False


def _limits(root: Root) -> Mapping[str, int]:
    """Slots by device, of the devices for which the user wants a certain number."""
    if said_slots(root) is None:
        return {**usual_settings().slots, **chosen_slots(root)}
    return chosen_slots(root) if _is_chosen_since(root) else {}


def _with(devices: Sequence[str], counts: Mapping[str, int]) -> list[str]:
    """``devices``, one a slot, with ``counts`` instead."""
    found = list(devices)
    for device, count in counts.items():
        found = [other for other in found if other != device] + [device] * count
    return found


def _spread(devices: Sequence[str], count: int) -> list[str]:
    return [devices[slot % len(devices)] for slot in range(count)] if devices else []


def _age(worker: Worker) -> tuple[float, str]:
    return worker.started_at, worker.worker_id
