"""What befalls the machine: a full disk, one that can only be read, a database server that is away, a clock that is set
back, a restart."""

import os
import random
import time
from contextlib import suppress
from signal import SIGKILL, SIGSTOP

import psutil
from sqlalchemy import update
from sqlalchemy.exc import OperationalError

from store import schema
from tests.chaos.calls import Calls
from tests.chaos.dashboard import Dashboard
from tests.chaos.disk import Disk
from tests.chaos.outages import Outages
from tests.chaos.place import RECIPE, Place
from tests.chaos.screens import Screens
from tests.live import end_processes, processes_of

BEATING = (schema.leases, schema.workers)
_BETWEEN_RESTARTS_S = 40.0
_DIES_S = 2.0
_TROUBLED_S = (2.0, 8.0)
_SLACKS = (0, 0, 64 << 10, 1 << 20)  # bytes: what is small is written even where there is no room
_SET_BACK_S = 3600


class Machine:
    """Each fault returns its kind; None: there was nothing to suffer it."""

    def __init__(
        self,
        place: Place,
        disk: Disk,
        outages: Outages,
        dice: random.Random,
        calls: Calls,
        screens: Screens,
        dashboard: Dashboard,
    ) -> None:
        self._place, self._disk, self._outages, self._dice = place, disk, outages, dice
        self._calls, self._screens, self._dashboard = calls, screens, dashboard
        self._mends = 0.0
        self._restarted = time.monotonic()

    @property
    def is_disk_full(self) -> bool:
        return self._disk.is_full

    def attend(self) -> None:
        """End what has lasted long enough."""
        if self._mends <= time.monotonic():
            self.mend()

    def mend(self) -> None:
        self._disk.mend()
        self._outages.mend()

    def fill(self) -> str | None:
        """Leave no room on the root's disk, or next to none, for some seconds."""
        if not self._disk.is_here or self._disk.is_troubled or not self._disk.fill(self._dice.choice(_SLACKS)):
            return None
        self._mends = time.monotonic() + self._dice.uniform(*_TROUBLED_S)
        return "full disk"

    def lose_server(self) -> str | None:
        """Let the database's server crash; it comes back some seconds later."""
        if not self._outages.begin():
            return None
        self._mends = time.monotonic() + self._dice.uniform(*_TROUBLED_S)
        return "crash of the database's server"

    def set_clock_back(self) -> str | None:
        """Let all times that are stored lie ahead, as they do once the clock was set back."""
        try:
            with self._place.transaction() as connection:
                for table in BEATING:
                    times = [column for column in table.columns if column.name.endswith("_at")]
                    connection.execute(update(table).values({each.name: each + _SET_BACK_S for each in times}))
        except OperationalError:
            return None
        return "clock set back an hour"

    def restart(self) -> str | None:
        """Kill all there is at once, as a machine that loses power; what had its pids then is somebody else's.

        It may come back with a disk that can only be read.
        """
        if time.monotonic() - self._restarted < _BETWEEN_RESTARTS_S:
            return None
        self.mend()
        for call in self._calls.running:
            if call.process.poll() is None:
                call.send(SIGKILL)
        for screen in self._screens.open:
            screen.send(SIGKILL)
        for process in processes_of(self._place.root):
            with suppress(psutil.NoSuchProcess):
                process.send_signal(SIGSTOP)  # so that none sees another die
        end_processes(self._place.root)
        with self._place.transaction() as connection:
            for table in BEATING:
                connection.execute(update(table).values(pid=os.getpid()))
        lock = self._place.root.path / f".recipe-{RECIPE}.lock"
        if lock.exists():
            lock.write_text(str(os.getpid()), encoding="ascii")
        self._restarted = time.monotonic()
        if not self._disk.is_here or self._dice.random() < 0.5:
            return "restart of the machine, pids used again"
        self._dashboard.kill()
        give_up = time.monotonic() + _DIES_S
        while not self._disk.seal():
            if time.monotonic() > give_up:
                return "restart of the machine, pids used again"
            time.sleep(0.05)
        self._mends = time.monotonic() + self._dice.uniform(*_TROUBLED_S)
        return "restart of the machine, its disk can only be read"
