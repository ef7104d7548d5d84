"""The supervisor: keeps workers alive for as long as runs wait, and leaves when there is nothing left to do.

One a root and host. It is small (no torch), starts workers detached, puts the runs of dead ones back, and starts others
in their place. Workers start it again should it die, so a run is lost only with the machine, and then goes on with the
next command that starts workers.
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
from engine.devices import worker_devices
from engine.slots import with_chosen
from store import searches
from store.address import STORAGE_VARIABLE
from store.clock import host
from store.database import Database, open_database
from store.errors import NoRoom, RequestError
from store.listing import num_running, queue_length
from store.paths import Root
from store.queue import LEASE_S, requeue_dead
from store.records import Worker
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
    """Starts workers on ``device``, one a slot, and remembers those that have not entered themselves yet."""

    database: Database
    device: str
    started: dict[str, float] = field(default_factory=dict)
    children: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    num_false_starts: int = 0
    rests_until: float = 0.0

    def step(self) -> bool:
        """Put dead workers' runs back, start missing workers; returns whether there is anything left to watch."""
        forget_dead(self.database)
        lost = requeue_dead(self.database)
        for name in lost:
            log.info("%s lost its worker and waits again", name)
        notices.send_lost(self.database, lost)
        # One that lives but is silent (stopped, swapped out) holds neither a run nor a slot any more.
        here = [
            worker
            for worker in workers(self.database)
            if worker.alive and worker.host == host() and worker.heartbeat_age_s <= LEASE_S
        ]
        self._forget_entered(here)
        waiting = _num_waiting(self.database)
        idle = sum(worker.run is None for worker in here) + len(self.started)
        if waiting > idle and time.monotonic() >= self.rests_until:
            for device in self._free_devices(here)[: waiting - idle]:
                self._start(device)
        return bool(waiting or here or self.started or num_running(self.database))

    def _forget_entered(self, here: Sequence[Worker]) -> None:
        entered = {worker.worker_id for worker in here}
        if entered & self.started.keys():
            self.num_false_starts = 0
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
        free = with_chosen(worker_devices(self.device, wanted_slots(self.database.root)), self.database.root)
        for device in [worker.device for worker in here] + [worker_id.partition("@")[2] for worker_id in self.started]:
            if device in free:
                free.remove(device)
        return free

    def _start(self, device: str) -> None:
        worker_id = new_worker_id(device)
        process = start_worker(self.database.root, worker_id, self.database.storage)
        self.children[worker_id] = process
        self.started[worker_id] = time.monotonic()
        log.info("started worker %s (pid %d)", worker_id, process.pid)


def new_worker_id(device: str) -> str:
    return f"{uuid.uuid4().hex[:12]}@{device}"


def start_worker(
    root: Root, worker_id: str, storage: str | None, *, is_by_hand: bool = False
) -> subprocess.Popen[bytes]:
    """Start one detached worker; its output goes to a file of its own under the root."""
    # -P: a file `engine.py` in the user's folder must not shadow ours.
    command = [sys.executable, "-P", "-m", "engine.worker", "--root", str(root.path), "--id", worker_id, "--supervised"]
    command += ["--by-hand"] if is_by_hand else []
    return start_detached(command, worker_log(root, worker_id), storage_environment(storage))


def worker_log(root: Root, worker_id: str) -> Path:
    return root.worker_logs / f"{worker_id.partition('@')[0]}.log"


def storage_environment(storage: str | None) -> dict[str, str]:
    """What a child process needs to find the same storage; an address can hold a password: never on a command line."""
    return {STORAGE_VARIABLE: storage} if storage else {}


def wanted_slots(root: Root) -> int | None:
    """The largest number of slots that anybody asked for since the supervisor began; kept in its lock file."""
    try:
        text = root.supervisor_lock.read_text(encoding="ascii")
    except FileNotFoundError:
        return None
    return int(text) if text.isdecimal() else None


def start_supervisor(root: Root, device: str, storage: str | None, slots: int | None = None) -> None:
    """Start a detached supervisor, unless one is there already; either way it learns of ``slots``."""
    if slots is not None:
        root.supervisor_lock.touch(mode=0o600)
        root.supervisor_lock.write_text(str(max(slots, wanted_slots(root) or 0)), encoding="ascii")
    with try_lock(root.supervisor_lock) as locked:
        if not locked:
            return
    command = [sys.executable, "-P", "-m", "engine.supervisor", "--root", str(root.path), "--device", device]
    start_detached(command, root.worker_logs / "supervisor.log", storage_environment(storage))


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


def supervise(database: Database, device: str) -> None:
    """Run until nothing waits, nothing runs and every worker has left."""
    supervisor = Supervisor(database, device)
    while True:
        with try_lock(database.root.supervisor_lock) as locked:
            if not locked:
                return
            while _step(supervisor):
                time.sleep(POLL_S)
                if database.is_gone():
                    log.warning("%s was removed: leaving", database)
                    return
            database.root.supervisor_lock.write_text("", encoding="ascii")
        # Whoever queued a run just before the lock was free counted on us: look once more.
        if not _num_waiting(database):
            return


def _step(supervisor: Supervisor) -> bool:
    """As `Supervisor.step`; on a full disk there is nothing to be done, and all the more to be watched."""
    try:
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
    arguments = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s")
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    storage = os.environ.get(STORAGE_VARIABLE)
    try:
        supervise(open_database(Root(arguments.root), storage), arguments.device)
    except RequestError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
