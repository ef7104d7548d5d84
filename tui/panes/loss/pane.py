"""Curves of the run under the cursor, or of all marked runs over each other."""

import math
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from rich.text import Text

from engine.colours import TRAIN_COLOUR, VALIDATION_COLOUR
from store.names import RunName
from store.records import Run, RunState, Worker
from tui.bindings import key_of
from tui.listing import Listing
from tui.look import Look, printable, run_colour
from tui.panes.loss.chart import Chart
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from tui.panes.loss.curves import Curves
    from tui.plots import Series

_FOCUS_COLOUR = "#b0b0b0"
_PART_NAMES = {"val": "validation", "train": "training"}
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
        self._chart = Chart()
        self._measure = 0

    def show_run(self, run: Run | None, listing: Listing, marks: Mapping[RunName, int]) -> None:
        if (run, listing, marks) != (self._run, self._listing, self._marks):
            self._run, self._listing, self._marks = run, listing, dict(marks)
            self.draw()

    def take_curves(self, curves: "Mapping[RunName, Curves]") -> None:
        before, self._curves = self._curves, dict(curves)
        names = {*self._marks, *([self._run.name] if self._run else [])}
        if any(self._is_other(before.get(name), curves.get(name)) for name in names):
            self.draw()

    def _is_other(self, before: "Curves | None", after: "Curves | None") -> bool:
        """Whether what is drawn of a run has changed: along epochs, its steps are seen until the first of them ends."""
        if before is None or after is None or self._chart.x_axis != "epoch" or not after.epochs:
            return before is not after
        return before.epochs is not after.epochs

    @property
    def chart(self) -> Chart:
        return self._chart

    def change(self, chart: Chart) -> None:
        """Look at the curves in the way of ``chart`` from now on."""
        if chart != self._chart:
            self._chart = chart
            self.draw()

    def change_by(self, change: Callable[[Chart, Sequence[float]], Chart]) -> None:
        """The same, where it depends on the places on the x axis that have a value, ascending."""
        self.change(change(self._chart, self._places()))

    def action_measure(self) -> None:
        self._measure += 1
        self.change(replace(self._chart, y_span=None))
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.display or not self.size.width:
            return
        drawable = self._drawable()
        if not drawable:
            self.show_text(Text("\n\n" + _wrapped(self._why_nothing(), self.size.width), style="dim"))
            return
        from tui.panes.loss.series import value_at, with_smoothing, without_outliers
        from tui.plots import curves_text  # brings numpy and plotext: not before there is something to draw

        chart = self._chart
        series, title, x_label = self._series(drawable)
        if chart.cursor is not None:
            series = [replace(each, figure=value_at(each, chart.cursor)) for each in series]
        if chart.smoothing:
            series = [with_smoothing(each, chart.smoothing) for each in series]
        self.show_text(
            curves_text(
                series,
                self.size.width - 2,
                self.size.height,
                look=self._look,
                log_y=chart.log_y,
                title=" ".join([title, *self._remarks(x_label)]),
                x_label=x_label,
                x_span=chart.x_span,
                y_span=chart.y_span or (without_outliers(series, chart.x_span) if chart.without_outliers else None),
                cursor=chart.cursor,
            )
        )

    def _drawable(self) -> list[RunName]:
        names = [*self._marks, *([self._run.name] if self._run and self._run.name not in self._marks else [])]
        return [name for name in names if name in self._curves and not self._curves[name].is_empty]

    def _places(self) -> list[float]:
        drawable = self._drawable()
        places = {float(x) for series in self._series(drawable)[0] for x in series.x} if drawable else ()
        return sorted(place for place in places if math.isfinite(place))

    def _remarks(self, x_label: str) -> Iterator[str]:
        chart = self._chart
        if chart.smoothing:
            yield f"(smoothed {chart.smoothing:g})"
        if chart.y_span or chart.without_outliers:
            yield "(cut)"
        if chart.cursor is not None:
            yield f"at {x_label} {chart.cursor:.6g}"

    def _series(self, drawable: list[RunName]) -> "tuple[list[Series], str, str]":
        """What is drawn of the runs, the title, and what the x axis is."""
        return self._overlaid(drawable) if self._marks else self._alone(self._curves[drawable[0]])

    def _alone(self, curves: "Curves") -> "tuple[list[Series], str, str]":
        from tui.panes.loss.series import in_units
        from tui.plots import Series

        if not curves.epochs:  # the first epoch is on its way: its steps show that it moves
            x, y = curves.by_step()
            return [Series(name="training", x=x, y=y, colour=TRAIN_COLOUR)], "loss", "step"
        measure = self._chosen_measure(curves)
        series = []
        for part, name, colour in self._parts():
            x, y = curves.along(self._chart.x_axis, f"{part}_{measure}")
            if f"{part}_{measure}" in curves.last_epoch:
                series.append(Series(name=name, x=x, y=y, colour=colour))
        series, x_label = in_units(series, self._chart.x_axis)
        return series, measure, x_label

    def _parts(self) -> tuple[tuple[str, str, str], ...]:
        if self.size.width < _SHORT_NAMES:
            return ("train", "train", TRAIN_COLOUR), ("val", "val", VALIDATION_COLOUR)
        return ("train", "training", TRAIN_COLOUR), ("val", "validation", VALIDATION_COLOUR)

    def _overlaid(self, names: list[RunName]) -> "tuple[list[Series], str, str]":
        from tui.panes.loss.series import in_units
        from tui.plots import Series

        measure = self._chosen_measure(self._curves[names[0]])
        series = []
        is_one = len({name.experiment for name in names}) == 1
        for name in names:
            x, y = self._curves[name].along(self._chart.x_axis, f"{self._chart.part}_{measure}")
            number = self._marks.get(name)
            colour = _FOCUS_COLOUR if number is None else run_colour(number, self._look)
            series.append(Series(name=f"run {name.number}" if is_one else str(name), x=x, y=y, colour=colour))
        series, x_label = in_units(series, self._chart.x_axis)
        return series, f"{_PART_NAMES[self._chart.part]} {measure}", x_label

    def _chosen_measure(self, curves: "Curves") -> str:
        measures = curves.measures()
        return measures[self._measure % len(measures)] if measures else "loss"

    def _why_nothing(self) -> str:
        run = self._run
        if run is None:
            return printable(self._listing.problem) or (no_run() if self._listing.experiments else _welcome())
        return why_no_numbers(run, self._listing.workers, self._listing.queue)


def no_run() -> str:
    return f"No run to show: press {key_of('run.new')} to start one."


def _welcome() -> str:
    return f"""No experiments yet.

Press {key_of("run.new")} to start a run: it trains in the background,
and goes on when you leave; this screen shows it live.

{key_of("app.help")} lists all keys."""


def why_no_numbers(run: Run, workers: tuple[Worker, ...], queue: int) -> str:
    """What a run without a single number waits for."""
    idle = [worker for worker in workers if worker.run is None]
    match run.state:
        case RunState.WAITING if not workers:
            starts = f"{key_of('run.workers')} starts one; it needs some seconds to import torch."
            return f"Waiting for a worker: none is alive yet.\n{starts}"
        case RunState.WAITING if idle:
            return "A worker is starting: importing torch.\nThe first numbers come with its first steps."
        case RunState.WAITING:
            return f"Waiting for a free worker: {len(workers)} busy, {queue} in the queue."
        case RunState.HELD:
            return f"Held back in the queue: {key_of('run.resume')} lets it go."
        case RunState.PAUSED:
            return f"Paused before its first epoch ended: {key_of('run.resume')} goes on."
        case RunState.RUNNING:
            return f"Running on {run.device}: reading the data.\nThe first numbers come with the first steps."
        case RunState.STALLED | RunState.LOST:
            return "Its worker has fallen silent: another one takes the run over."
        case RunState.FAILED:
            reason = run.reason or f"see its log ({key_of('pane.log')})"
            return f"Failed before its first step: {printable(reason)}."
    return f"This run is {run.state} and left no numbers."


def _wrapped(text: str, width: int) -> str:
    """Its lines indented, and broken where they are longer than the pane is wide."""
    lines = [part for line in text.split("\n") for part in textwrap.wrap(line, max(20, width - 6)) or [""]]
    return "\n".join(f"   {line}" for line in lines)
