"""The keys of the loss pane: what is laid over each other, and how its curves are looked at."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from store.names import RunName
from store.records import Run, RunState
from tui.chart import TOP, Chart, Span
from tui.messages import Listing
from tui.screens.run_actions import RunActions
from tui.widgets.loss_pane import LossPane

CHART_ACTIONS = {"zoom", "pan", "whole", "smooth", "x_axis", "limits", "outliers", "top"}
"""Those that make sense wherever there is a run."""


class ChartKeys(RunActions):
    """The part of the home screen that steers the loss pane."""

    listing: Listing
    _top = 0

    @property
    def _loss(self) -> LossPane:
        return self.query_one(LossPane)

    def action_zoom(self, steps: int) -> None:
        self._loss.change_by(lambda chart, places: chart.zoomed(_extent(places), steps))

    def action_pan(self, steps: int) -> None:
        self._loss.change_by(lambda chart, places: chart.panned(_extent(places), steps))

    def action_cursor(self, steps: int) -> None:
        self._loss.change_by(lambda chart, places: chart.moved(places, steps))

    def action_whole(self) -> None:
        self.change_chart(Chart.whole)

    def action_smooth(self, steps: int) -> None:
        self.change_chart(lambda chart: chart.smoothed(steps))

    def action_x_axis(self) -> None:
        self.change_chart(Chart.with_next_axis)

    def action_part(self) -> None:
        self.change_chart(Chart.with_next_part)

    def action_outliers(self) -> None:
        self.change_chart(lambda chart: replace(chart, without_outliers=not chart.without_outliers, y_span=None))

    def action_limits(self) -> None:
        from tui.screens.forms.limits import LimitsForm

        pane = self._loss

        def take(chart: Chart | None) -> None:
            if chart is not None:
                pane.change(chart)

        self.app.push_screen(LimitsForm(pane.chart), take)

    def action_top(self) -> None:
        self._top = TOP[(TOP.index(self._top) + 1) % len(TOP)]
        self.show_current()

    def change_chart(self, change: Callable[[Chart], Chart]) -> None:
        self._loss.change(change(self._loss.chart))

    def overlaid(self) -> dict[RunName, int]:
        """The runs that lie over each other and the numbers of their colours: those marked, and the best."""
        overlaid = dict(self.runs.marks)
        numbers = (number for number in itertools.count() if number not in self.runs.marks.values())
        for run in best_runs(self.listing.runs)[: self._top]:
            if run.name not in overlaid:
                overlaid[run.name] = next(numbers)
        return overlaid


def best_runs(runs: Sequence[Run]) -> list[Run]:
    """Those with a value, the lowest first; failed ones aside."""
    found = []
    for run in runs:
        value = run.value if run.value is not None else run.last_value
        if value is not None and math.isfinite(value) and run.state is not RunState.FAILED:
            found.append((value, run.name.number, run))
    return [run for _, _, run in sorted(found, key=lambda each: each[:2])]


def _extent(places: Sequence[float]) -> Span:
    return (places[0], places[-1]) if places else (0.0, 0.0)
