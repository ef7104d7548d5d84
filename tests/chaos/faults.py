"""What befalls a root: signals at random, sleep through a lease, lost terminals, damaged files, memory that runs out,
and what befalls the machine."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from signal import SIGCONT, SIGHUP, SIGINT, SIGKILL, SIGSTOP, SIGTERM

import psutil
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from store import schema
from store.leases import LEASE_S
from store.names import RunName
from tests.chaos.calls import Calls
from tests.chaos.ledger import Ledger
from tests.chaos.machine import BEATING, Machine
from tests.chaos.place import DRIVER, SUPERVISOR, WORKER, Place
from tests.chaos.screens import Screens
from tests.live import is_alive, processes_of

_DEADLY = (SIGKILL, SIGKILL, SIGTERM, SIGHUP)
_DIES_S = 2.0
_TAKE_OVER_S = (2.0, 6.0)  # how long a worker sleeps on behind a lease that is over
_STARVES_S = (0.5, 3.0)


@dataclass
class _Sleeper:
    process: psutil.Process
    wakes: float


@dataclass
class _Starving:
    process: psutil.Process
    eats: float


@dataclass(frozen=True)
class _Lease:
    run: RunName
    worker_id: str


class Faults:
    """Injects one at a time, and counts it where there was somebody to suffer it."""

    def __init__(
        self, place: Place, machine: Machine, dice: random.Random, ledger: Ledger, calls: Calls, screens: Screens
    ) -> None:
        self._place, self._machine, self._dice, self._ledger = place, machine, dice, ledger
        self._calls, self._screens = calls, screens
        self._sleepers: list[_Sleeper] = []
        self._starving: list[_Starving] = []

    def inject(self) -> None:
        """One fault; where there is nobody to suffer what was drawn, another."""
        faults: dict[Callable[[], str | None], int] = {
            self._worker: 6,
            self._supervisor: 3,
            self._command: 4,
            self._driver: 2,
            self._screen: 3,
            self._sleep: 3,
            self._damage: 3,
            self._starve: 2,
            self._machine.fill: 2,
            self._machine.lose_server: 2,
            self._machine.set_clock_back: 1,
            self._machine.restart: 1,
        }
        for fault in self._dice.choices(list(faults), list(faults.values()), k=2):
            if (kind := fault()) is not None:
                self._ledger.faults[kind] += 1
                return

    def attend(self) -> None:
        """End what has lasted long enough."""
        now = time.monotonic()
        for sleeper in [each for each in self._sleepers if each.wakes <= now]:
            self._wake(sleeper)
        for starving in [each for each in self._starving if each.eats <= now]:
            self._feed(starving)
        self._machine.attend()

    def end(self) -> None:
        """Wake and feed all: from now on nothing is done to anybody."""
        for sleeper in list(self._sleepers):
            self._wake(sleeper)
        for starving in list(self._starving):
            self._feed(starving)
        self._machine.mend()

    def _wake(self, sleeper: _Sleeper) -> None:
        self._sleepers.remove(sleeper)
        with suppress(psutil.NoSuchProcess):
            sleeper.process.send_signal(SIGCONT)

    def _feed(self, starving: _Starving) -> None:
        self._starving.remove(starving)
        with suppress(psutil.NoSuchProcess):
            starving.process.rlimit(psutil.RLIMIT_AS, (psutil.RLIM_INFINITY, psutil.RLIM_INFINITY))

    def _worker(self) -> str | None:
        return self._kill_process(WORKER, "worker")

    def _supervisor(self) -> str | None:
        return self._kill_process(SUPERVISOR, "supervisor")

    def _kill_process(self, module: str, what: str) -> str | None:
        found = processes_of(self._place.root, module)
        if not found:
            return None
        number = self._dice.choice(_DEADLY)
        with suppress(psutil.NoSuchProcess):
            self._dice.choice(found).send_signal(number)
        return f"{number.name} of a {what}"

    def _command(self) -> str | None:
        found = [call for call in self._calls.running if call.words[0] != "recipe" and call.process.poll() is None]
        if not found:
            return None
        # Most of a command's life are its imports; what it does is behind them.
        passing = [call for call in found if not call.follows]
        oldest = min(passing or found, key=lambda call: call.began)
        call = oldest if self._dice.random() < 0.7 else self._dice.choice(found)
        number = self._dice.choice((*_DEADLY, SIGINT))
        if number is SIGINT and call.words[0] == "run":
            number = SIGTERM  # Ctrl-C stops the run, which is `stop`'s to ask
        if number is SIGINT and call.words[0] == "search":
            self._ledger.may_be_held.add(call.words[3])  # it pauses what it follows
        call.send(number)
        return f"{number.name} of a command"

    def _driver(self) -> str | None:
        """Of the recipe, whether it is a command or in the background."""
        numbers = (*_DEADLY, SIGINT)
        number = self._dice.choice(numbers)
        commands = [call for call in self._calls.running if call.words[0] == "recipe" and call.process.poll() is None]
        detached = processes_of(self._place.root, DRIVER)
        if commands:
            commands[0].send(number)
        elif detached:
            with suppress(psutil.NoSuchProcess):
                detached[0].send_signal(number)
        else:
            return None
        return f"{number.name} of the recipe's driver"

    def _screen(self) -> str | None:
        if not self._screens.open:
            return None
        screen = self._dice.choice(self._screens.open)
        if self._dice.random() < 0.3:
            screen.cut()
            return "terminal of a screen closed"
        number = self._dice.choice(_DEADLY)
        screen.send(number)
        return f"{number.name} of a screen"

    def _sleep(self) -> str | None:
        """Stop a worker until its lease is over and another has had time to take its run over."""
        asleep = {sleeper.process.pid for sleeper in self._sleepers}
        found = [process for process in processes_of(self._place.root, WORKER) if process.pid not in asleep]
        if not found or self._sleepers:
            return None
        process = self._dice.choice(found)
        with suppress(psutil.NoSuchProcess):
            process.send_signal(SIGSTOP)
        is_real = self._dice.random() < 0.2
        sleeps_s = LEASE_S if is_real else 0.0
        if not is_real and not self._age(process.pid):
            process.send_signal(SIGCONT)  # it sleeps in the middle of a transaction: nobody can write now
            return None
        self._sleepers.append(_Sleeper(process, time.monotonic() + sleeps_s + self._dice.uniform(*_TAKE_OVER_S)))
        return f"SIGSTOP of a worker through its lease{'' if is_real else ' (aged)'}"

    def _age(self, pid: int) -> bool:
        """Let all signs of life of a process be older than a lease; False where the storage is locked."""
        try:
            with self._place.transaction() as connection:
                for table in BEATING:
                    older = {"heartbeat_at": table.c.heartbeat_at - (LEASE_S + 1)}
                    connection.execute(update(table).where(table.c.pid == pid).values(older))
        except OperationalError:
            return False
        return True

    def _damage(self) -> str | None:
        """Kill a worker and damage what it leaves, before another goes on from there."""
        found = processes_of(self._place.root, WORKER)
        if not found:
            return None
        process = self._dice.choice(found)
        file, damage = self._dice.choice(
            (("last.safetensors", _flip), ("metrics.jsonl", _tear), ("config.json", _cut), ("latents", _flip))
        )
        with suppress(psutil.NoSuchProcess):
            process.kill()
        give_up = time.monotonic() + _DIES_S
        while is_alive(process):
            if time.monotonic() > give_up:
                return "SIGKILL of a worker"
            time.sleep(0.001)
        lease = self._lease_of(process.pid)
        if lease is None or self._machine.is_disk_full:
            return "SIGKILL of a worker"
        paths = self._place.root.run(lease.run)
        there = paths.folder / file
        if file == "latents" and (epochs := paths.latent_epochs()):
            there = paths.latents_of(self._dice.choice(epochs))
        if not there.is_file():
            return "SIGKILL of a worker"
        damage(there, self._dice)
        self._ledger.damaged.add((str(lease.run), there.name))
        return f"SIGKILL of a worker, its {file} damaged"

    def _lease_of(self, pid: int) -> _Lease | None:
        of_run = (schema.studies.c.study_name, schema.trials.c.number, schema.leases.c.worker_id)
        joined = schema.leases.join(schema.trials, schema.trials.c.trial_id == schema.leases.c.trial_id).join(
            schema.studies, schema.studies.c.study_id == schema.trials.c.study_id
        )
        query = select(*of_run).select_from(joined).where(schema.leases.c.pid == pid)
        with suppress(OperationalError), self._place.transaction() as connection:
            row = connection.execute(query).first()
            return _Lease(RunName(*row[:2]), row[2]) if row else None
        return None

    def _starve(self) -> str | None:
        """Give a worker that trains no more memory than it has, for a moment.

        Not while it imports: an interpreter that runs out of memory there says anything.
        """
        leases = [(each, self._lease_of(each.pid)) for each in processes_of(self._place.root, WORKER)]
        found = [(process, lease.worker_id) for process, lease in leases if lease and self._trains(lease)]
        if not found or self._starving:
            return None
        process, worker_id = self._dice.choice(found)
        with suppress(psutil.NoSuchProcess):
            process.rlimit(psutil.RLIMIT_AS, (process.memory_info().vms, psutil.RLIM_INFINITY))
        self._starving.append(_Starving(process, time.monotonic() + self._dice.uniform(*_STARVES_S)))
        self._ledger.starved.add(worker_id)
        return "no more memory for a worker"

    def _trains(self, lease: _Lease) -> bool:
        try:
            log = self._place.root.run(lease.run).log.read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return False
        _, _, since = log.rpartition(f"by worker {lease.worker_id}")
        return " begins" in since or " goes on after epoch" in since


def _flip(file: Path, dice: random.Random) -> None:
    """Change one byte in place, as a bad disk does."""
    with file.open("r+b") as opened:
        place = dice.randrange(max(file.stat().st_size, 1))
        opened.seek(place)
        byte = opened.read(1)
        opened.seek(place)
        opened.write(bytes(each ^ 0x10 for each in byte))


def _tear(file: Path, _dice: random.Random) -> None:
    """Half a line behind the whole ones."""
    with file.open("ab") as opened:
        opened.write(b'{"kind": "epoch", "epoch": \xff')


def _cut(file: Path, _dice: random.Random) -> None:
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size // 2)
