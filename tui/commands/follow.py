"""Following runs that workers train: Ctrl-C obeyed, dead workers replaced."""

import signal
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

import engine.jobs
from engine.patience import Patience
from store import control, listing
from store.database import Database
from store.errors import RequestError
from store.metrics import MetricsReader
from store.names import RunName
from store.records import Run, RunState
from store.workers import workers
from tui.commands.fetching import Fetching
from tui.commands.output import note, printable
from tui.commands.progress import FEW, Pace, Progress, progress, share_done

_POLL_S = 0.2
_READ_AGAIN_S = 2.0
_LOOK_AFTER_WORKERS_S = 2.0
_PATIENCE_S = 20.0


class Interrupts:
    """Counts Ctrl-C instead of raising in the middle of things."""

    def __init__(self) -> None:
        self.count = 0

    @contextmanager
    def counted(self) -> Iterator[None]:
        def count(_signal: int, _frame: FrameType | None) -> None:
            self.count += 1

        before = signal.signal(signal.SIGINT, count)
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def wait(self, seconds: float) -> bool:
        """Whether Ctrl-C was pressed within so many seconds."""
        before, until = self.count, time.monotonic() + seconds
        while self.count == before and time.monotonic() < until:
            time.sleep(_POLL_S)
        return self.count > before


class Work(Protocol):
    """What is followed: runs, of which more may come while it goes on."""

    def runs(self) -> list[Run]:
        """Those there are now, as they are now."""

    def is_over(self, runs: Sequence[Run]) -> bool: ...

    says_on_stop: str

    def stop(self, runs: Sequence[Run]) -> None:
        """Let nothing new begin, and ask the ``runs`` that are left to leave their workers.

        Called from the first Ctrl-C on until nothing is left: a run whose worker died on the way waits again.
        """

    def overall(self, runs: Sequence[Run]) -> tuple[int, int, str]:
        """How many are done, of how many, and what else there is to say."""


def follow(database: Database, names: Sequence[RunName]) -> tuple[list[Run], bool]:
    """Wait until all of ``names`` have ended; returns them, and whether Ctrl-C was pressed.

    The first Ctrl-C lets them finish their epoch and stop, the second kills them.
    """
    return follow_work(database, _Runs(database, names), is_many=len(names) > FEW)


def follow_work(database: Database, work: Work, *, is_many: bool, slots: int | None = None) -> tuple[list[Run], bool]:
    """Wait until ``work`` is over; otherwise as `follow`. ``slots``: how many workers it wants."""
    interrupts = Interrupts()
    with interrupts.counted(), progress(is_many=is_many) as shown:
        runs = _wait(database, work, shown, interrupts, slots)
    return runs, interrupts.count > 0


class _Runs:
    """Runs that are known by name."""

    says_on_stop = "Stopping at the end of the epoch; Ctrl-C once more kills."

    def __init__(self, database: Database, names: Sequence[RunName]) -> None:
        self._database, self._names, self._pace = database, names, Pace()

    def runs(self) -> list[Run]:
        return [listing.run(self._database, name) for name in self._names]

    def is_over(self, runs: Sequence[Run]) -> bool:
        return not any(map(_is_left, runs))

    def stop(self, runs: Sequence[Run]) -> None:
        for run in runs:
            if not run.state.is_live or run.request is None:
                _suppressing_the_end(self._database, run, control.stop)

    def overall(self, runs: Sequence[Run]) -> tuple[int, int, str]:
        done = sum(not _is_left(run) for run in runs)
        return done, len(runs), self._pace.left(sum(map(share_done, runs)) / len(runs))


def _is_left(run: Run) -> bool:
    return not (run.state.is_finished or run.deleted)


def _wait(database: Database, work: Work, shown: Progress, interrupts: Interrupts, slots: int | None) -> list[Run]:
    readers: dict[RunName, MetricsReader] = {}
    obeyed, looked_after, began, told_of_nobody = 0, 0.0, time.monotonic(), False
    held, read_to_end, lacking = set[RunName](), set[RunName](), set[RunName]()
    runs: list[Run] = []
    token, read_at = None, 0.0
    fetching = Fetching(database)
    patience = Patience(interrupts.wait, note)
    while True:
        with patience.outlast():
            # Reading many runs costs what their training could use: after a change, and for the age of a heartbeat.
            now = listing.change_token(database)
            if now != token or time.monotonic() - read_at > _READ_AGAIN_S:
                # The state first: the lines of a run that has ended are then certain to be read.
                runs, read_at = work.runs(), time.monotonic()
                for run in runs:
                    if run.name in read_to_end:
                        continue
                    if run.name not in readers:
                        readers[run.name] = MetricsReader(database.root.run(run.name).metrics)
                    fetching.look(run)
                    shown.update(run, [line for line in readers[run.name].read() if line.get("kind") == "epoch"])
                    if not _is_left(run):
                        read_to_end.add(run.name)
                shown.overall(*work.overall(runs))
                token = now
            left = [run for run in runs if _is_left(run)]
            if work.is_over(runs) or (obeyed and not left):
                return runs
            for run in left:
                if run.state in (RunState.HELD, RunState.PAUSED) and run.name not in held:
                    held.add(run.name)
                    note(f"{run.name} is {run.state}: `aetui resume {run.name}` lets it go on.")
                if run.state is RunState.WAITING and run.reason and run.name not in lacking:
                    lacking.add(run.name)
                    note(f"{run.name} waits: {printable(run.reason)}")
            if interrupts.count > obeyed:
                obeyed = interrupts.count
                if obeyed == 1:
                    note(work.says_on_stop)
                token = None
            if obeyed > 1:
                for run in left:
                    if run.state.is_live:
                        _suppressing_the_end(database, run, engine.jobs.kill)
            if obeyed:
                work.stop([run for run in left if obeyed == 1 or not run.state.is_live])
            elif time.monotonic() - looked_after > _LOOK_AFTER_WORKERS_S:
                engine.jobs.ensure_workers(database, slots)
                looked_after = time.monotonic()
                if time.monotonic() - began > _PATIENCE_S and not told_of_nobody and not workers(database):
                    told_of_nobody = True
                    logs = printable(str(database.root.worker_logs))
                    note(f"No worker has come for {_PATIENCE_S:.0f} s; what they print is in {logs}.")
        time.sleep(_POLL_S)


def _suppressing_the_end(database: Database, run: Run, ask: Callable[[Database, RunName], None]) -> None:
    """``ask`` it of the run, unless it has ended by itself in this moment."""
    try:
        ask(database, run.name)
    except RequestError:
        if not listing.run(database, run.name).state.is_finished:
            raise
