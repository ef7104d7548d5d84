"""The storm: all ask, look and suffer at once; then the calm, in which everything is to come to its end."""

import random
import signal
import time
from collections.abc import Sequence
from contextlib import suppress

from sqlalchemy.exc import OperationalError

from store import listing, searches
from store.database import Database
from store.errors import RequestError
from store.records import Run
from tests.chaos.asks import Asks
from tests.chaos.calls import Calls
from tests.chaos.dashboard import Dashboard
from tests.chaos.disk import Disk
from tests.chaos.faults import Faults
from tests.chaos.ledger import Ledger
from tests.chaos.machine import Machine
from tests.chaos.outages import Outages
from tests.chaos.place import Place
from tests.chaos.screens import Screens
from tests.live import end_processes, processes_of

_TICK_S = 0.05
_LOOK_S = 0.5
_BETWEEN_ASKS_S, _BETWEEN_FAULTS_S = 0.5, 1.5  # on average
_NUM_SCREENS = 2
_USUALLY_S, _SLOWEST = 3.0, 3.0
_LEAST_FAULTS, _LONGEST = 5, 4
_SETTLES_S, _LEAVES_S, _COOKS_S = 300.0, 60.0, 180.0


class Storm:
    """One root and all that happens on it. ``minutes`` are those of the storm; the calm takes what it takes."""

    def __init__(self, place: Place, disk: Disk, outages: Outages, seed: int, ledger: Ledger) -> None:
        self._place, self._ledger, self._dice = place, ledger, random.Random(seed)
        troubles = (disk, outages)
        self._calls = Calls(place, ledger, lambda moment: any(each.was_troubled_since(moment) for each in troubles))
        self._asks = Asks(place, self._dice, ledger, self._calls)
        self._screens = Screens(place, self._dice, ledger)
        self._dashboard = Dashboard(place)
        machine = Machine(place, disk, outages, self._dice, self._calls, self._screens, self._dashboard)
        self._faults = Faults(place, machine, self._dice, ledger, self._calls, self._screens)

    def rage(self, seconds: float) -> None:
        """For so long; on a slow machine longer, until something has happened."""
        pace = self._begin()
        next_ask = next_fault = next_look = began = time.monotonic()
        known: Sequence[Run] = ()
        with self._dashboard:
            while (now := time.monotonic()) < began + seconds or (
                self._ledger.faults.total() < _LEAST_FAULTS and now < began + _LONGEST * seconds
            ):
                self._calls.collect()
                self._screens.attend()
                self._faults.attend()
                if now >= next_look:
                    with suppress(OperationalError, RequestError):  # it is away, or full
                        known = self._look()
                    self._dashboard.look()
                    next_look = now + _LOOK_S
                if now >= next_ask:
                    self._asks.next(known)
                    self._come_and_go()
                    next_ask = now + self._dice.expovariate(1 / (pace * _BETWEEN_ASKS_S))
                if now >= next_fault:
                    self._faults.inject()
                    next_fault = now + self._dice.expovariate(1 / (pace * _BETWEEN_FAULTS_S))
                time.sleep(_TICK_S)

    def _begin(self) -> float:
        """Make the root; returns how many times as long as usual commands take here.

        On a machine that is busy with other things nothing would ever come to its end at the usual pace of faults.
        """
        began = time.monotonic()
        self._asks.first()
        for call in list(self._calls.running):
            self._calls.wait(call, _LEAVES_S)
        return min(max((time.monotonic() - began) / _USUALLY_S, 1.0), _SLOWEST)

    def settle(self) -> None:
        """Do nothing to anybody any more, and let all come to its end."""
        self._faults.end()
        self._screens.end()
        for call in list(self._calls.running):
            if call.follows:
                call.send(signal.SIGKILL)
        for call in list(self._calls.running):
            self._calls.wait(call, _LEAVES_S)
        self._end_what_is_cooking()
        self._calls.wait(self._asks.search(), _LEAVES_S)
        database = self._place.open()
        deadline = time.monotonic() + _SETTLES_S
        while listing.queue_length(database) or listing.num_running(database) or searches.num_wanted(database):
            if time.monotonic() > deadline:
                self._ledger.complain("unsettled", f"after {_SETTLES_S:.0f} s there is still something to be trained")
                break
            self._calls.wait(self._calls.begin("worker", "--slots", "2", follows=True, accepted=(0,)), _SETTLES_S)
            self._see(database)
        self._calls.wait(self._asks.export(), _SETTLES_S)
        self._let_leave()
        self._see(database)
        database.close()

    def end(self) -> None:
        """Whatever became of it: leave no process behind."""
        self._faults.end()
        self._screens.end()
        for call in self._calls.running:
            call.send(signal.SIGKILL)
            call.process.wait()
        end_processes(self._place.root)

    def _look(self) -> list[Run]:
        """Opened for a moment only: while somebody has it open to write, the disk cannot be sealed."""
        database = self._place.open()
        try:
            return self._see(database)
        finally:
            database.close()

    def _see(self, database: Database) -> list[Run]:
        found = listing.runs(database, deleted=True)
        self._ledger.see(found)
        return found

    def _come_and_go(self) -> None:
        if len(self._screens.open) < _NUM_SCREENS:
            self._screens.begin()
        elif self._dice.random() < 0.02:
            self._screens.leave(self._dice.choice(self._screens.open))

    def _end_what_is_cooking(self) -> None:
        """The recipe to its end; what failed because its workers were killed is queued once an invocation."""
        for _ in range(3):
            call = self._asks.cook()
            assert call is not None
            if self._calls.wait(call, _COOKS_S) == 0:
                return
        self._ledger.complain("unsettled", "the recipe does not come to its end")

    def _let_leave(self) -> None:
        deadline = time.monotonic() + _LEAVES_S
        while processes_of(self._place.root) and time.monotonic() < deadline:
            time.sleep(_LOOK_S)
        for process in processes_of(self._place.root):
            self._ledger.complain("unsettled", f"{' '.join(process.cmdline())} does not leave")
