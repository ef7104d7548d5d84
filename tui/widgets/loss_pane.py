"""Curves of the run under the cursor, or of all marked runs over each other."""

import textwrap
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from store.names import RunName
from store.records import Run, RunState, Worker
from tui.look import TRAIN_COLOUR, VALIDATION_COLOUR, Look, printable, run_colour
from tui.messages import Listing
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from tui.curves import Curves
    from tui.plots import Series

NO_RUN = "No run to show: press n to start one."
WELCOME = """No experiments yet.

Press n to start a run: it trains in the background,
and goes on when you leave; this screen shows it live.

? lists all keys."""
_FOCUS_COLOUR = "#b0b0b0"
_SHORT_NAMES = 56  # columns below which the legend must be brief to stay on one line


class LossPane(Lines, can_focus=True):
    """``curves`` of the runs that the watcher follows; what is missing is said in words."""

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._run: Run | None = None
        self._listing = Listing()
        self._marks: Mapping[RunName, int] = {}
        self._curves: dict[RunName, Curves] = {}
        self._log_y = False
        self._measure = 0

    def show_run(self, run: Run | None, listing: Listing, marks: Mapping[RunName, int]) -> None:
        if (run, listing, marks) != (self._run, self._listing, self._marks):
            self._run, self._listing, self._marks = run, listing, dict(marks)
            self.draw()

    def take_curves(self, curves: "Mapping[RunName, Curves]") -> None:
        self._curves = dict(curves)
        if any(name in self._marks or (self._run and name == self._run.name) for name in curves):
            self.draw()

    def action_log_axis(self) -> None:
        self._log_y = not self._log_y
        self.draw()

    def action_measure(self) -> None:
        self._measure += 1
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.display or not self.size.width:
            return
        names = [*self._marks, *([self._run.name] if self._run and self._run.name not in self._marks else [])]
        drawable = [name for name in names if name in self._curves and not self._curves[name].is_empty]
        if not drawable:
            self.show_text(Text("\n\n" + _wrapped(self._why_nothing(), self.size.width), style="dim"))
            return
        from tui.plots import curves_text  # brings numpy and plotext: not before there is something to draw

        if self._marks:
            series, title, x_label = self._overlaid(drawable)
        else:
            series, title, x_label = self._alone(self._curves[drawable[0]])
        self.show_text(
            curves_text(
                series,
                self.size.width - 2,
                self.size.height,
                look=self._look,
                log_y=self._log_y,
                title=title,
                x_label=x_label,
            )
        )

    def _alone(self, curves: "Curves") -> "tuple[list[Series], str, str]":
        from tui.plots import Series

        if not curves.epochs:  # the first epoch is on its way: its steps show that it moves
            x, y = curves.by_step()
            return [Series(name="training", x=x, y=y, colour=TRAIN_COLOUR)], "loss", "steps of the first epoch"
        measure = self._chosen_measure(curves)
        series = []
        for part, name, colour in self._parts():
            x, y = curves.by_epoch(f"{part}_{measure}")
            if f"{part}_{measure}" in curves.last_epoch:
                series.append(Series(name=name, x=x, y=y, colour=colour))
        return series, measure, "epoch"

    def _parts(self) -> tuple[tuple[str, str, str], ...]:
        if self.size.width < _SHORT_NAMES:
            return ("train", "train", TRAIN_COLOUR), ("val", "val", VALIDATION_COLOUR)
        return ("train", "training", TRAIN_COLOUR), ("val", "validation", VALIDATION_COLOUR)

    def _overlaid(self, names: list[RunName]) -> "tuple[list[Series], str, str]":
        from tui.plots import Series

        measure = self._chosen_measure(self._curves[names[0]])
        series = []
        is_one = len({name.experiment for name in names}) == 1
        for name in names:
            x, y = self._curves[name].by_epoch(f"val_{measure}")
            number = self._marks.get(name)
            colour = _FOCUS_COLOUR if number is None else run_colour(number, self._look)
            series.append(Series(name=f"run {name.number}" if is_one else str(name), x=x, y=y, colour=colour))
        return series, f"validation {measure}", "epoch"

    def _chosen_measure(self, curves: "Curves") -> str:
        measures = curves.measures()
        return measures[self._measure % len(measures)] if measures else "loss"

    def _why_nothing(self) -> str:
        run = self._run
        if run is None:
            return printable(self._listing.problem) or (NO_RUN if self._listing.experiments else WELCOME)
        return why_no_numbers(run, self._listing.workers, self._listing.queue)


def why_no_numbers(run: Run, workers: tuple[Worker, ...], queue: int) -> str:
    """What a run without a single number waits for."""
    idle = [worker for worker in workers if worker.run is None]
    match run.state:
        case RunState.WAITING if not workers:
            return "Waiting for a worker: none is alive yet.\nw starts one; it needs some seconds to import torch."
        case RunState.WAITING if idle:
            return "A worker is starting: importing torch.\nThe first numbers come with its first steps."
        case RunState.WAITING:
            return f"Waiting for a free worker: {len(workers)} busy, {queue} in the queue."
        case RunState.HELD:
            return "Held back in the queue: p lets it go."
        case RunState.PAUSED:
            return "Paused before its first epoch ended: p goes on."
        case RunState.RUNNING:
            return f"Running on {run.device}: reading the data.\nThe first numbers come with the first steps."
        case RunState.STALLED | RunState.LOST:
            return "Its worker has fallen silent: another one takes the run over."
        case RunState.FAILED:
            return f"Failed before its first step: {printable(run.reason or 'see its log (5)')}."
    return f"This run is {run.state} and left no numbers."


def _wrapped(text: str, width: int) -> str:
    """Its lines indented, and broken where they are longer than the pane is wide."""
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, max(20, width - 6)) or [""]]
    return "\n".join(f"   {line}" for line in lines)
