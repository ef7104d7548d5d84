"""The keys of the loss and latent panes: how curves and clouds are looked at, what lies over each other."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from store.names import RunName
from store.records import Run, RunState
from tui.chart import TOP, Chart, Span
from tui.messages import Listing, Refused
from tui.screens.run_actions import RunActions
from tui.widgets.latent_pane import LatentPane
from tui.widgets.loss_pane import LossPane

LOSS_ACTIONS = {"zoom", "pan", "whole", "smooth", "x_axis", "limits", "outliers", "top", "log_axis", "measure"}
LATENT_ACTIONS = {"zoom", "whole", "limits", "part", "measure", "epoch", "inspect", "grid", "play"}
"""Those that make sense in the pane wherever there is a run."""


class PaneKeys(RunActions):
    """The part of the home screen that steers the loss and the latent pane."""

    listing: Listing
    _top = 0

    @property
    def _loss(self) -> LossPane:
        return self.query_one(LossPane)

    @property
    def pane(self) -> str:
        """The pane that is shown."""
        raise NotImplementedError

    @property
    def _latent(self) -> LatentPane:
        return self.query_one("#latent", LatentPane)

    # Keys of both

    def action_zoom(self, steps: int) -> None:
        if self.pane == "latent":
            self._latent.zoom(steps)
            return
        self._loss.change_by(lambda chart, places: chart.zoomed(_extent(places), steps))

    def action_pan(self, steps: int) -> None:
        self._loss.change_by(lambda chart, places: chart.panned(_extent(places), steps))

    def action_cursor(self, steps: int) -> None:
        self._loss.change_by(lambda chart, places: chart.moved(places, steps))

    def action_whole(self) -> None:
        if self.pane == "latent":
            self._latent.change(replace(self._latent.view, limits=None, cursor=None, ends=()))
        else:
            self.change_chart(Chart.whole)

    def action_smooth(self, steps: int) -> None:
        self.change_chart(lambda chart: chart.smoothed(steps))

    def action_x_axis(self) -> None:
        self.change_chart(Chart.with_next_axis)

    def action_part(self) -> None:
        if self.pane == "latent":
            view = self._latent.view
            self._latent.change(replace(view, shows_density=not view.shows_density))
        else:
            self.change_chart(Chart.with_next_part)

    def action_outliers(self) -> None:
        self.change_chart(lambda chart: replace(chart, without_outliers=not chart.without_outliers, y_span=None))

    def action_limits(self) -> None:
        if self.pane == "latent":
            self._choose_axes()
            return
        from tui.screens.forms.limits import LimitsForm

        pane = self._loss

        def take(chart: Chart | None) -> None:
            if chart is not None:
                pane.change(chart)

        self.app.push_screen(LimitsForm(pane.chart), take)

    def _choose_axes(self) -> None:
        from tui.screens.forms.axes import Axes, AxesForm

        pane, frame = self._latent, self._latent.frame()
        if frame is None or frame.codes.shape[1] < 2:
            self.post_message(Refused("There are no two axes to choose from."))
            return

        def take(axes: Axes | None) -> None:
            if axes is not None:
                pane.change(replace(pane.view, axes=axes, limits=None, cursor=None))

        self.app.push_screen(AxesForm(frame.codes.shape[1], pane.view.axes), take)

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

    # Keys of the latent pane

    def action_epoch(self, steps: int) -> None:
        self._latent.stop_playing()
        self._latent.action_epoch(steps)

    def action_inspect(self) -> None:
        self._latent.inspect()
        if self._latent.is_inspecting:
            self._latent.focus()
        self.refresh_bindings()

    def action_end(self) -> None:
        self._latent.set_end()

    def action_grid(self) -> None:
        view = self._latent.view
        self._latent.change(replace(view, shows_grid=not view.shows_grid))

    def action_play(self) -> None:
        self._latent.play()


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
