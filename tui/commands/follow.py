"""Following runs that workers train: progress on stderr, Ctrl-C obeyed, dead workers replaced."""

import signal
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

import engine.jobs
from store import control, listing
from store.database import Database
from store.errors import RequestError
from store.metrics import MetricsReader
from store.names import RunName
from store.records import Run, RunState
from store.workers import workers
from tui.commands.output import console, is_terminal, note, printable
from tui.look import duration_text, number_text

_POLL_S = 0.2
_LOOK_AFTER_WORKERS_S = 2.0
_PATIENCE_S = 20.0


class Progress(Protocol):
    """Shows how far runs are; ``epochs`` are the metrics lines of epochs that were finished since the last call."""

    def update(self, run: Run, epochs: Sequence[Mapping[str, Any]]) -> None: ...


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


def follow(database: Database, names: Sequence[RunName]) -> tuple[list[Run], bool]:
    """Wait until all of ``names`` have ended; returns them, and whether Ctrl-C was pressed.

    The first Ctrl-C lets them finish their epoch and stop, the second kills them.
    """
    interrupts = Interrupts()
    with interrupts.counted(), _progress(names) as progress:
        runs = _wait(database, names, progress, interrupts)
    return runs, interrupts.count > 0


def _wait(database: Database, names: Sequence[RunName], progress: Progress, interrupts: Interrupts) -> list[Run]:
    readers = {name: MetricsReader(database.root.run(name).metrics) for name in names}
    obeyed, looked_after, began, told_of_nobody = 0, 0.0, time.monotonic(), False
    held = set[RunName]()
    while True:
        # The state first: the lines of a run that has ended are then certain to be read.
        runs = [listing.run(database, name) for name in names]
        for run in runs:
            progress.update(run, [line for line in readers[run.name].read() if line.get("kind") == "epoch"])
        left = [run for run in runs if not (run.state.is_finished or run.deleted)]
        if not left:
            return runs
        for run in left:
            if run.state in (RunState.HELD, RunState.PAUSED) and run.name not in held:
                held.add(run.name)
                note(f"{run.name} is {run.state}: `aetui resume {run.name}` lets it go on; Ctrl-C ends it.")
        if interrupts.count > obeyed:
            obeyed = interrupts.count
            if obeyed == 1:
                note("Stopping at the end of the epoch; Ctrl-C once more kills.")
        # A stopped run whose worker died on the way waits again: so ask until it has ended.
        if obeyed:
            for run in left:
                _end(database, run, at_once=obeyed > 1)
        elif time.monotonic() - looked_after > _LOOK_AFTER_WORKERS_S:
            engine.jobs.ensure_workers(database)
            looked_after = time.monotonic()
            if time.monotonic() - began > _PATIENCE_S and not told_of_nobody and not workers(database):
                told_of_nobody = True
                logs = printable(str(database.root.worker_logs))
                note(f"No worker has come for {_PATIENCE_S:.0f} s; what they print is in {logs}.")
        time.sleep(_POLL_S)


def _end(database: Database, run: Run, *, at_once: bool) -> None:
    try:
        if at_once and run.state.is_live:
            engine.jobs.kill(database, run.name)
        elif not run.state.is_live or run.request is None:
            control.stop(database, run.name)
    except RequestError:
        if not listing.run(database, run.name).state.is_finished:  # else it ended by itself in this moment
            raise


@contextmanager
def _progress(names: Sequence[RunName]) -> Iterator[Progress]:
    if is_terminal(sys.stderr):
        with _Bars(names).shown() as bars:
            yield bars
    else:
        yield _Lines()


class _Lines:
    """One line for every finished epoch, where nothing can be drawn over."""

    def __init__(self) -> None:
        self._told: dict[RunName, int] = {}

    def update(self, run: Run, epochs: Sequence[Mapping[str, Any]]) -> None:
        for line in epochs:
            epoch = int(line["epoch"])
            if epoch > self._told.get(run.name, 0):  # not again what a take-over repeats
                self._told[run.name] = epoch
                left = _time_left(run, line)
                note(f"{run.name}  epoch {epoch}/{run.epochs}  {_losses(line)}" + (f"  {left} left" if left else ""))


class _Bars:
    """A bar a run, with the time that is left."""

    def __init__(self, names: Sequence[RunName]) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
        from rich.progress import Progress as RichProgress

        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[says]}", markup=False),
            console=console(sys.stderr),
            refresh_per_second=2,  # over SSH every frame costs
        )
        self._tasks = {name: self._bars.add_task(str(name), total=None, says="waits for a worker") for name in names}

    @contextmanager
    def shown(self) -> Iterator["_Bars"]:
        with self._bars:
            yield self

    def update(self, run: Run, epochs: Sequence[Mapping[str, Any]]) -> None:
        task = self._tasks[run.name]
        self._bars.update(task, total=run.epochs)
        if epochs:
            left = _time_left(run, epochs[-1])
            says = _losses(epochs[-1]) + (f"  {left} left" if left else "")
            self._bars.update(task, completed=int(epochs[-1]["epoch"]), says=says)
        elif not run.epoch:
            says = "begins" if run.state is RunState.RUNNING else str(run.state)
            self._bars.update(task, says=says)


def _losses(line: Mapping[str, Any]) -> str:
    return f"training {number_text(line['train_loss'])}  validation {number_text(line['val_loss'])}"


def _time_left(run: Run, line: Mapping[str, Any]) -> str:
    """From the mean time of an epoch so far; empty after the last."""
    epochs_left = run.epochs - int(line["epoch"])
    return duration_text(float(line["time"]) / int(line["epoch"]) * epochs_left) if epochs_left > 0 else ""
