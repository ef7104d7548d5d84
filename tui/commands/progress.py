"""How far runs are, told on stderr: bars on a terminal, lines elsewhere."""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Protocol

from store.names import RunName
from store.records import Run, RunState
from tui.commands.output import console, is_terminal, note
from tui.look import duration_text, number_text

FEW = 8
"""Of more runs than this, only those that a worker has get a bar, and only those that have ended a line."""


class Progress(Protocol):
    """Shows how far runs are."""

    def update(self, run: Run, epochs: Sequence[Mapping[str, Any]]) -> None:
        """``epochs``: the metrics lines of the run's epochs that were finished since the last call."""

    def overall(self, done: int, total: int, says: str) -> None:
        """How far all of it is: ``done`` of ``total``, and ``says`` what else there is to say."""


@contextmanager
def progress(*, is_many: bool) -> Iterator[Progress]:
    if is_terminal(sys.stderr):
        with _Bars(is_many).shown() as bars:
            yield bars
    else:
        yield _EndLines() if is_many else _EpochLines()


class Pace:
    """Tells the time left from how much was done since the first call."""

    def __init__(self) -> None:
        self._first: tuple[float, float] | None = None

    def left(self, share: float) -> str:
        """``12m30 left``, where ``share`` (0..1) of all the work is done; empty where nothing can be told."""
        now = time.monotonic()
        if self._first is None:
            self._first = now, share
        began, share_then = self._first
        if share <= share_then or share >= 1:
            return ""
        return f"{duration_text((now - began) / (share - share_then) * (1 - share))} left"


def share_done(run: Run) -> float:
    """The part of its epochs that it has behind it; 1 once it has ended."""
    return 1.0 if run.state.is_finished or run.deleted else run.epoch / run.epochs


class _EpochLines:
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

    def overall(self, done: int, total: int, says: str) -> None:
        pass


class _EndLines:
    """One line for every run that ends, and one for every step ahead."""

    def __init__(self) -> None:
        self._ended: set[RunName] = set()
        self._done: int | None = None

    def update(self, run: Run, epochs: Sequence[Mapping[str, Any]]) -> None:
        if not run.state.is_finished or run.name in self._ended:
            return
        self._ended.add(run.name)
        if self._done is not None:  # else it had ended before anybody looked
            value = f", value {number_text(run.value)}" if run.value is not None else ""
            note(f"{run.name} is {run.state} after epoch {run.epoch} of {run.epochs}{value}")

    def overall(self, done: int, total: int, says: str) -> None:
        if done != self._done:
            self._done = done
            note(f"{done}/{total}" + (f"  {says}" if says else ""))


class _Bars:
    """A bar a run, with the time that is left, under one for all where there is more than a few of them."""

    def __init__(self, is_many: bool) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TaskID, TextColumn
        from rich.progress import Progress as RichProgress

        self._is_many = is_many
        self._bars = RichProgress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[says]}", markup=False),
            console=console(sys.stderr),
            refresh_per_second=2,  # over SSH every frame costs
        )
        self._tasks: dict[RunName, TaskID] = {}
        self._all = self._bars.add_task("all", total=None, says="", visible=is_many)

    @contextmanager
    def shown(self) -> Iterator["_Bars"]:
        with self._bars:
            yield self

    def update(self, run: Run, epochs: Sequence[Mapping[str, Any]]) -> None:
        if self._is_many and not run.state.is_live:
            if run.name in self._tasks:
                self._bars.remove_task(self._tasks.pop(run.name))
            return
        if run.name not in self._tasks:
            self._tasks[run.name] = self._bars.add_task(str(run.name), total=run.epochs, says="waits for a worker")
        task = self._tasks[run.name]
        if epochs:
            left = _time_left(run, epochs[-1])
            says = _losses(epochs[-1]) + (f"  {left} left" if left else "")
            self._bars.update(task, completed=int(epochs[-1]["epoch"]), says=says)
        elif not run.epoch:
            says = "begins" if run.state is RunState.RUNNING else str(run.state)
            self._bars.update(task, says=says)

    def overall(self, done: int, total: int, says: str) -> None:
        self._bars.update(self._all, completed=done, total=total, says=says)


def _losses(line: Mapping[str, Any]) -> str:
    return f"training {number_text(line['train_loss'])}  validation {number_text(line['val_loss'])}"


def _time_left(run: Run, line: Mapping[str, Any]) -> str:
    """From the mean time of an epoch so far; empty after the last."""
    epochs_left = run.epochs - int(line["epoch"])
    return duration_text(float(line["time"]) / int(line["epoch"]) * epochs_left) if epochs_left > 0 else ""
