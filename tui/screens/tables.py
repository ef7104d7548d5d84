"""What the two tables show: the filter, the order, where their cursors begin."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from textual import on
from textual.widgets import Input

from store.names import RunName
from store.records import Run
from tui.filtering import ExperimentRow, RunRow, choices_of_experiments, choices_of_runs, compiled
from tui.look import Look
from tui.screens.pane_keys import PaneKeys
from tui.sorting import Order, in_order
from tui.watcher import Watcher
from tui.widgets.experiments import ExperimentTable

_MOST_LOOKED_INTO = 500  # runs whose values the filter completes: it is asked at every key


class Tables(PaneKeys):
    """The part of the home screen that fills the tables of experiments and runs."""

    _filtered = "runs"

    def __init__(self, watcher: Watcher, look: Look, data_dir: Path | None) -> None:
        super().__init__(watcher, look, data_dir)
        self._words = {"experiments": "", "runs": ""}
        self._wanted: RunName | None = None
        self._last_runs: dict[str, RunName] = {}

    @property
    def experiments(self) -> ExperimentTable:
        return self.query_one("#experiments", ExperimentTable)

    def _fill_tables(self) -> None:
        listing = self.listing
        is_wanted = compiled(self._words["experiments"])
        found = [experiment for experiment in listing.experiments if is_wanted(ExperimentRow(experiment))]
        self.experiments.empty_text = "" if listing.problem or listing.experiments else "None yet: press n."
        self.experiments.set_items(found)
        self.experiments.styles.height = min(max(4, len(found) + 2), max(4, self.size.height // 3))
        chosen = self.experiments.current
        if not listing.experiments:
            self.runs.empty_text = ""
            self.runs.set_items([])
        elif chosen is not None and chosen.experiment == listing.chosen:
            is_wanted = compiled(self._words["runs"])
            runs = in_order([run for run in listing.runs if is_wanted(RunRow(run))], self.runs.order)
            self.runs.empty_text = "No run is like that." if listing.runs else "No runs here: press n."
            if self._wanted in {run.name for run in runs}:
                self.runs.go_to(self._wanted)
                self._wanted = None
            elif not self.runs.items and runs:
                self.runs.go_to(self._last_runs.get(chosen.experiment, _favourite(runs)))
            self.runs.set_items(runs)

    def action_filter(self) -> None:
        self._filtered = "experiments" if self.focused is self.experiments else "runs"
        box = self.query_one("#filter", Input)
        box.value = self._words[self._filtered]
        box.add_class("-open")
        box.focus()

    def _choices(self) -> Mapping[str, Iterable[str]]:
        if self._filtered == "experiments":
            return choices_of_experiments(self.listing.experiments)
        return choices_of_runs(self.listing.runs[-_MOST_LOOKED_INTO:])

    @on(Input.Changed, "#filter")
    def _filter(self, event: Input.Changed) -> None:
        self._words[self._filtered] = event.value
        self._fill_tables()
        self.show_current()

    @on(Input.Submitted, "#filter")
    def _close_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.set_class(bool(box.value), "-open")  # as long as rows are hidden, it says why
        (self.experiments if self._filtered == "experiments" else self.runs).focus()

    def action_sort(self) -> None:
        from tui.screens.forms.sort import SortForm

        def take(order: Order | None) -> None:
            if order is not None:
                self.runs.order = order
                self._fill_tables()
                self.runs.refresh()

        self.app.push_screen(SortForm(self.runs.order, choices_of_runs(self.listing.runs[-_MOST_LOOKED_INTO:])), take)


def _favourite(runs: list[Run]) -> RunName:
    """Where the cursor begins: at a live run, else at the newest."""
    return next((run.name for run in runs if run.state.is_live), runs[-1].name)
