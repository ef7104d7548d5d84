"""The supervisor: keeps workers alive for as long as runs wait, and leaves when there is nothing left to do.

One a root and host. It is small (no torch), starts workers detached, puts the runs of dead ones back, and starts others
in their place. Workers start it again should it die, so a run is lost only with the machine, and then goes on with the
next command that starts workers. Where there are none but workers that were added by hand, it has no slots of its own:
it only replaces those that die.
"""

import argparse
import fcntl
import logging
import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from engine import notices
from engine.detach import start_detached
from engine.devices import gpus
from engine.gpu_room import NO_WORKER, Crowded, crowded
from engine.patience import Patience
from engine.settings import settings_environment, usual_settings
from engine.slots import ask_for_workers, is_asked_for, slots
from store import searches
from store.address import find_artifacts, find_storage
from store.clock import host
from store.database import Database, open_database
from store.errors import NoRoom, RequestError
from store.leases import LEASE_S
from store.listing import num_running, queue_length
from store.paths import Root, keep_private
from store.records import Worker
from store.takeover import requeue_dead
from store.workers import forget_dead, workers

POLL_S = 1.0
# A worker that does not enter itself in so long a time is taken for dead (importing torch comes after that).
ENTRY_S = 60.0
# Workers that end before they enter themselves (a broken installation, say) are not started without a rest.
MAX_FALSE_STARTS = 3
REST_S = 30.0
FULL_DISK_POLL_S = 5.0

log = logging.getLogger("aetui.supervisor")


@dataclass
class Supervisor:
    """Starts workers on ``device``, one a slot, and remembers those that have not entered themselves yet.

    Unless it ``fills`` slots, it only starts others for workers that were added by hand and died.
    """

    database: Database
    device: str
    fills: bool = True
    by_hand: dict[str, str] = field(default_factory=dict)
    """Those it knows of and their devices, as long as it does not fill slots."""
    died: list[str] = field(default_factory=list)
    """Devices on which another is owed for one of them."""
    crowded: dict[str, Crowded] = field(default_factory=dict)
    started: dict[str, float] = field(default_factory=dict)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    num_false_starts: int = 0
    rests_until: float = 0.0

    def step(self) -> bool:
        """Put dead workers' runs back, start missing workers; returns whether there is anything left to watch."""
        self.hear_whether_it_fills()
        self._look_for_dead()
        forget_dead(self.database)
        lost = requeue_dead(self.database)
        for name in lost:
            log.info("%s lost its worker and waits again", name)
        notices.send_lost(self.database, lost)
        # One that lives but is silent (stopped, swapped out) holds neither a run nor a slot any more.
        alive = [worker for worker in workers(self.database) if worker.alive and worker.host == host()]
        here = [worker for worker in alive if worker.heartbeat_age_s <= LEASE_S]
        self._forget_entered(here)
        self.by_hand = {} if self.fills else {worker.worker_id: worker.device for worker in here}
        waiting = _num_waiting(self.database)
        idle = sum(worker.run is None for worker in here) + len(self.started)
        if waiting > idle and time.monotonic() >= self.rests_until:
            for device in self._with_room(self._free_devices(here), alive)[: waiting - idle]:
                self._start(device)
        if not self.fills:
            return bool(here or self.started or (self.died and waiting))
        return bool(waiting or here or self.started or num_running(self.database))

    def hear_whether_it_fills(self) -> None:
        """From the moment that anybody wants workers, other than by hand, there are slots to fill."""
        self.fills = self.fills or is_asked_for(self.database.root)

    def _look_for_dead(self) -> None:
        """Owe others for workers added by hand that are silent, or are gone without having left."""
        if self.fills:
            self.died = []
        elif self.by_hand:
            for worker in workers(self.database):
                if worker.worker_id in self.by_hand and not (worker.alive and worker.heartbeat_age_s <= LEASE_S):
                    self.died.append(self.by_hand.pop(worker.worker_id))

    def _forget_entered(self, here: Sequence[Worker]) -> None:
        entered = {worker.worker_id for worker in here}
        if entered & self.started.keys():
            self.num_false_starts = 0
        for device in map(_device_of, entered & self.started.keys()):
            if device in self.died:
                self.died.remove(device)
        # Asking a child for its status is also what keeps it from staying behind as a zombie.
        ended = {name for name, child in self.children.items() if child.poll() is not None}
        self.num_false_starts += len(ended & self.started.keys() - entered)
        if self.num_false_starts >= MAX_FALSE_STARTS:
            log.error("%d workers ended at once; the next try is in %.0f s", self.num_false_starts, REST_S)
            self.num_false_starts, self.rests_until = 0, time.monotonic() + REST_S
        self.children = {name: child for name, child in self.children.items() if name not in ended}
        self.started = {
            worker_id: since
            for worker_id, since in self.started.items()
            if worker_id in self.children and worker_id not in entered and time.monotonic() - since < ENTRY_S
        }

    def _free_devices(self, here: Sequence[Worker]) -> list[str]:
        free = slots(self.database.root, self.device) if self.fills else list(self.died)
        taken = [worker.device for worker in here] if self.fills else []
        for device in [*taken, *map(_device_of, self.started)]:
            if device in free:
                free.remove(device)
        return free

    def _with_room(self, devices: Sequence[str], alive: Sequence[Worker]) -> list[str]:
        """``devices`` without the GPUs on which others leave too little memory; a change is logged."""
        if all(device == "cpu" for device in devices):
            return list(devices)
        free_gb = usual_settings().gpu_free_gb
        found = {each.device: each for each in crowded(gpus(), {worker.pid for worker in alive}, free_gb)}
        for device in found.keys() - self.crowded.keys():
            log.info("%s, less than %g GB left: %s", found[device].says, free_gb, NO_WORKER)
        for device in self.crowded.keys() - found.keys():
            log.info("%s has room for workers again", device)
        self.crowded = found
        return [device for device in devices if device not in found]

    def _start(self, device: str) -> None:
        worker_id = new_worker_id(device)
        process = start_worker(self.database, worker_id, is_by_hand=not self.fills)
        self.children[worker_id] = process
        self.started[worker_id] = time.monotonic()
        log.info("started worker %s (pid %d)", worker_id, process.pid)


def new_worker_id(device: str) -> str:
    return f"{uuid.uuid4().hex[:12]}@{device}"


def _device_of(worker_id: str) -> str:
    return worker_id.partition("@")[2]


def start_worker(database: Database, worker_id: str, *, is_by_hand: bool = False) -> subprocess.Popen[bytes]:
    """Start one detached worker; its output goes to a file of its own under the root."""
    # -P: a file `engine.py` in the user's folder must not shadow ours.
    root = database.root
    command = [sys.executable, "-P", "-m", "engine.worker", "--root", str(root.path), "--id", worker_id, "--supervised"]
    command += ["--by-hand"] if is_by_hand else []
    environment = database.addresses.environment() | settings_environment()
    return start_detached(command, worker_log(root, worker_id), environment)


def worker_log(root: Root, worker_id: str) -> Path:
    return root.worker_logs / f"{worker_id.partition('@')[0]}.log"


def start_supervisor(
    database: Database, device: str = "auto", said: int | None = None, *, by_hand: str | None = None
) -> None:
    """Start a detached supervisor, unless one is there already; either way it learns how many slots were ``said``.

    For the sake of a worker that was added ``by_hand`` alone, it fills none.
    """
    root = database.root
    if by_hand is None:
        ask_for_workers(root, said)
    with try_lock(root.supervisor_lock) as locked:
        if not locked:
            return
    command = [sys.executable, "-P", "-m", "engine.supervisor", "--root", str(root.path), "--device", device]
    command += ["--by-hand", by_hand] if by_hand is not None else []
    environment = database.addresses.environment() | settings_environment()
    start_detached(command, root.worker_logs / "supervisor.log", environment)


@contextmanager
def try_lock(path: Path) -> Iterator[bool]:
    """Hold an exclusive lock on ``path`` if nobody else does; yields whether we got it."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
    finally:
        os.close(descriptor)


def supervise(supervisor: Supervisor) -> None:
    """Run until nothing waits, nothing runs and every worker has left; without slots to fill, until they have left."""
    database, patience = supervisor.database, Patience()
    while True:
        with try_lock(database.root.supervisor_lock) as locked:
            if not locked:
                return
            while _step(supervisor, patience):
                time.sleep(POLL_S)
                if database.is_gone():
                    log.warning("%s was removed: leaving", database)
                    return
            if supervisor.fills:
                database.root.supervisor_lock.write_text("", encoding="ascii")
        # Whoever queued a run just before the lock was free counted on us: look once more.
        supervisor.hear_whether_it_fills()
        if not supervisor.fills or not _num_waiting(database):
            return


def _step(supervisor: Supervisor, patience: Patience) -> bool:
    """As `Supervisor.step`; on a full disk, or while the storage is away, there is nothing to do but to go on."""
    try:
        with patience.outlast():
            return supervisor.step()
    except NoRoom as error:
        log.warning("%s", error)
        time.sleep(FULL_DISK_POLL_S)
    return True


def _num_waiting(database: Database) -> int:
    """Runs that wait for a worker, and those that searches would begin if there were one."""
    return queue_length(database) + searches.num_wanted(database)


def main() -> None:
    parser = argparse.ArgumentParser(prog="engine.supervisor")
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--device", default="auto")
    parser.add_argument(
        "--by-hand", metavar="ID", help="fill no slots: only replace workers added by hand, as this one"
    )
    arguments = parser.parse_args()
    keep_private()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        # Not `open_inherited`: a unit of systemd's names the file in which the address stands.
        database = open_database(Root(arguments.root), find_storage(), artifacts=find_artifacts())
        by_hand = {arguments.by_hand: _device_of(arguments.by_hand)} if arguments.by_hand else {}
        supervise(Supervisor(database, arguments.device, fills=not by_hand, by_hand=by_hand))
    except RequestError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
