"""The keys of the panes: how curves and clouds are looked at, what lies over each other."""

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from store.names import RunName
from store.records import Run, RunState
from tui.bindings import key_of
from tui.listing import Listing
from tui.messages import Refused
from tui.panes.loss.chart import TOP, Chart, Span
from tui.screens.comparing import Comparing
from tui.screens.run_actions import MOST_BESIDE

LOSS_ACTIONS = {"zoom", "pan", "whole", "smooth", "x_axis", "limits", "outliers", "top", "log_axis", "measure"}
IMAGE_ACTIONS = {"zoom", "whole", "measure", "epoch"}
LATENT_ACTIONS = {"zoom", "whole", "limits", "part", "measure", "epoch", "inspect", "grid", "play", "classes", "beside"}
PANE_ACTIONS = {"loss": LOSS_ACTIONS, "latent": LATENT_ACTIONS, "images": IMAGE_ACTIONS}
"""Those that make sense in the pane wherever there is a run."""


class PaneKeys(Comparing):
    """The part of the home screen that steers the panes."""

    listing: Listing
    _top = 0
    _is_beside = False

    # Keys of several

    def action_log_axis(self) -> None:
        if self.pane == "search":
            self.panes.search.action_log_axis()
        else:
            self.change_chart(lambda chart: replace(chart, log_y=not chart.log_y))
            self.show_current()  # which remembers it

    def action_measure(self) -> None:
        if self.pane == "search":
            self.panes.search.action_view()
        elif self.pane == "latent":
            self.panes.latent.next_axes()
        elif self.pane == "images":
            self.panes.images.next_view()
        else:
            self.panes.loss.action_measure()

    def action_zoom(self, steps: int) -> None:
        if self.pane in ("latent", "images"):
            (self.panes.latent if self.pane == "latent" else self.panes.images).zoom(steps)
            return
        self.panes.loss.change_by(lambda chart, places: chart.zoomed(_extent(places), steps))

    def action_pan(self, steps: int) -> None:
        self.panes.loss.change_by(lambda chart, places: chart.panned(_extent(places), steps))

    def action_cursor(self, steps: int) -> None:
        self.panes.loss.change_by(lambda chart, places: chart.moved(places, steps))

    def action_whole(self) -> None:
        if self.pane == "latent":
            self.panes.latent.change(replace(self.panes.latent.view, limits=None, cursor=None, ends=()))
        elif self.pane == "images":
            self.panes.images.whole()
        else:
            self.change_chart(Chart.whole)

    def action_smooth(self, steps: int) -> None:
        self.change_chart(lambda chart: chart.smoothed(steps))

    def action_x_axis(self) -> None:
        self.change_chart(Chart.with_next_axis)

    def action_part(self) -> None:
        if self.pane == "latent":
            view = self.panes.latent.view
            self.panes.latent.change(replace(view, shows_density=not view.shows_density))
        elif self.pane == "images":
            self.panes.images.swap_pictures()
        else:
            self.change_chart(Chart.with_next_part)

    def action_outliers(self) -> None:
        self.change_chart(lambda chart: replace(chart, without_outliers=not chart.without_outliers, y_span=None))

    def action_limits(self) -> None:
        if self.pane == "latent":
            self._choose_axes()
            return
        from tui.screens.forms.limits import LimitsForm

        pane = self.panes.loss

        def take(chart: Chart | None) -> None:
            if chart is not None:
                pane.change(chart)

        self.app.push_screen(LimitsForm(pane.chart), take)

    def _choose_axes(self) -> None:
        from tui.screens.forms.axes import Axes, AxesForm

        pane, dim = self.panes.latent, self.panes.latent.dim()
        if dim < 2:
            self.post_message(Refused("There are no two axes to choose from."))
            return

        def take(axes: Axes | None) -> None:
            if axes is not None:
                pane.change(pane.view.along(axes))

        self.app.push_screen(AxesForm(dim, pane.view.axes), take)

    def action_top(self) -> None:
        self._top = TOP[(TOP.index(self._top) + 1) % len(TOP)]
        self.show_current()

    def change_chart(self, change: Callable[[Chart], Chart]) -> None:
        self.panes.loss.change(change(self.panes.loss.chart))

    def overlaid(self) -> dict[RunName, int]:
        """The runs that lie over each other and the numbers of their colours: those marked, and the best."""
        marked = ((name, number) for name, number in self.runs.marks.items() if not self._is_out_of_sight(name))
        overlaid = dict(itertools.islice(marked, MOST_BESIDE))
        if not self._top:
            return overlaid
        taken = set(overlaid.values())
        numbers = (number for number in itertools.count() if number not in taken)
        for run in best_runs(self.in_sight(self.listing.runs))[: self._top]:
            if run.name not in overlaid:
                overlaid[run.name] = next(numbers)
        return overlaid

    def action_error(self, step: int) -> None:
        self.panes.log.to_error(step)

    def in_sight(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Those of ``runs`` that are not hidden."""
        raise NotImplementedError

    def _is_out_of_sight(self, name: RunName) -> bool:
        run = self._known.get(name)
        return run is not None and not self.in_sight([run])

    # Keys of the latent pane

    def action_epoch(self, steps: int) -> None:
        if self.pane == "images":
            self.panes.images.action_epoch(steps)
            return
        self.panes.latent.stop_playing()
        self.panes.latent.action_epoch(steps)

    def action_inspect(self) -> None:
        self.panes.latent.inspect()
        if self.panes.latent.is_inspecting:
            self.panes.latent.focus()
        self.refresh_bindings()

    def action_end(self) -> None:
        self.panes.latent.set_end()

    def action_grid(self) -> None:
        view = self.panes.latent.view
        if view.shows_tsne:
            says = f"t-SNE has no way back to codes, so it has no grid: {key_of('loss.measure')} goes on to other axes."
            self.post_message(Refused(says))
            return
        self.panes.latent.change(replace(view, shows_grid=not view.shows_grid))

    def action_play(self) -> None:
        self.panes.latent.play()

    def action_classes(self) -> None:
        self.panes.latent.next_class()

    def action_beside(self) -> None:
        is_possible = len(self._marked_pair()) == 2
        if not is_possible:
            marked = len(self.runs.marks)
            says = "mark two, or one and go to another"
            if marked > 2:
                says = f"{marked} are marked, {key_of('run.unmark')} takes all marks off"
            self.post_message(Refused(f"Two runs go side by side: {says}."))
        self._is_beside = is_possible and not self._is_beside
        self.show_current()

    def pair(self) -> tuple[Run, ...]:
        """The two runs side by side in the latent pane; none of them where one alone is shown."""
        return self._marked_pair() if self._is_beside else ()

    def _marked_pair(self) -> tuple[Run, ...]:
        """Two that are marked, or the one under the cursor and the one marked; the one under the cursor first."""
        run, marked = self.runs.current, list(self.runs.marks)
        if len(marked) > 2 or not marked:
            return ()
        names = [run.name] if run and (len(marked) == 1 or run.name in marked) else []
        names += [name for name in marked if name not in names]
        found = tuple(self._known[name] for name in names if name in self._known)
        return found if len(found) == 2 else ()


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
