"""What the two tables show: the filter, the order, groups and columns, what is hidden, where their cursors begin."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from textual import on
from textual.widgets import Input

from store.names import RunName
from store.records import Run, RunState
from tui.bindings import key_of
from tui.look import Look, printable
from tui.screens.notes import Notes
from tui.screens.run_actions import MOST_BESIDE
from tui.tables.filtering import RunFilter, choices_of_experiments, choices_of_runs, experiments_like
from tui.tables.sorting import Order, Sorter
from tui.watcher import Watcher
from tui.widgets.experiments import ExperimentTable
from tui.widgets.table_foot import TableFoot

_MOST_LOOKED_INTO = 500  # runs whose values the filter completes
_MANY, _AT_ONCE = 5000, 1000  # runs whose texts are made before they are asked for, so many at a time
_HIDDEN = (RunState.PRUNED, RunState.FAILED)


class Tables(Notes):
    """The part of the home screen that fills the tables of experiments and runs."""

    _filtered = "runs"
    _hides_ended = False
    _num_hidden = 0
    _is_preparing = False

    def __init__(self, watcher: Watcher, look: Look, data_dir: Path | None) -> None:
        super().__init__(watcher, look, data_dir)
        self._words = {"experiments": "", "runs": ""}
        self._run_filter, self._sorter = RunFilter(), Sorter()
        self._known_choices: tuple[Sequence[Run], Mapping[str, set[str]]] = ((), choices_of_runs(()))
        self._wanted: RunName | None = None
        self._last_runs: dict[str, RunName] = {}

    @property
    def experiments(self) -> ExperimentTable:
        return self.query_one("#experiments", ExperimentTable)

    def _know_runs(self, before: Sequence[Run], runs: Sequence[Run]) -> None:
        """Know ``runs`` by name from now on; ``before`` were listed last, and mostly are the same."""
        if runs and len(before) == len(runs) and before[0].name.experiment == runs[0].name.experiment:
            self._known = self._known | {run.name: run for old, run in zip(before, runs, strict=True) if old is not run}
        else:
            marked = {name: self._known[name] for name in self.runs.marks if name in self._known}
            self._known = marked | {run.name: run for run in runs}

    def _fill_tables(self) -> None:
        listing = self.listing
        found = list(filter(experiments_like(self._words["experiments"]), listing.experiments))
        none_yet = f"None yet: press {key_of('run.new')}."
        self.experiments.empty_text = "" if listing.problem or listing.experiments else none_yet
        self.experiments.set_items(found)
        self.experiments.styles.height = min(max(4, len(found) + 2), max(4, self.size.height // 3))
        chosen = self.experiments.current
        if not listing.experiments:
            self.runs.empty_text = ""
            self.runs.show_runs(())
        elif chosen is not None and chosen.experiment == listing.chosen:
            self._fill_runs(listing.runs)

    def _fill_runs(self, listed: Sequence[Run]) -> None:
        wanted = None
        if self._wanted is not None:
            wanted = next((run for run in listed if run.name == self._wanted), None)
        if wanted is not None and self.is_hidden(wanted):
            self._hides_ended = False  # it would be a pity if it was not seen
        runs = self.in_sight(listed)
        self._num_hidden = len(listed) - len(runs)
        self._run_filter.look_for(self._words["runs"])
        runs = self._run_filter.let_through(runs)
        ordered = self._sorter.in_order(runs, self.runs.order)
        self.runs.empty_text = self._why_empty(listed)
        if wanted is not None and any(run is wanted for run in runs):
            self.runs.go_to(wanted.name)
            self._wanted = None
        elif not self.runs.items and ordered:
            self.runs.go_to(self._last_runs.get(ordered[0].name.experiment, _favourite(ordered)))
        self.runs.show_runs(ordered)

    def _why_empty(self, listed: Sequence[Run]) -> str:
        if not listed:
            return f"No runs here: press {key_of('run.new')}."
        return "No run is like that." if self._words["runs"] else f"All are hidden; {key_of('go.hide')} shows them."

    # Hiding

    def in_sight(self, runs: Sequence[Run]) -> Sequence[Run]:
        """Those of ``runs`` that are not hidden because they were pruned or have failed."""
        return [run for run in runs if run.state not in _HIDDEN] if self._hides_ended else runs

    def is_hidden(self, run: Run) -> bool:
        return self._hides_ended and run.state in _HIDDEN

    def action_hide_ended(self) -> None:
        self._hides_ended = not self._hides_ended
        self._fill_tables()
        self.panes.search.hide_pruned(self._hides_ended)
        self.show_current()

    def show_foot(self) -> None:
        """Say below the runs how what is shown differs from what there is."""
        runs, num_listed = self.runs, len(self.listing.runs)
        out = f", {runs.num_out_of_sight} not shown" if runs.num_out_of_sight else ""
        few = f", {MOST_BESIDE} drawn" if len(runs.marks) > MOST_BESIDE else ""
        self.query_one("#foot", TableFoot).show_parts(
            f"{len(runs.listed)} of {num_listed - self._num_hidden} shown"
            if self._words["runs"] and num_listed
            else "",
            f"{len(runs.marks)} marked{out}{few}" if runs.marks else "",
            f"{self._num_hidden} hidden; {key_of('go.hide')} shows" if self._num_hidden and num_listed else "",
            f"by {printable(runs.by)}" if runs.by and num_listed else "",
        )

    # The filter

    def action_filter(self) -> None:
        self._filtered = "experiments" if self.focused is self.experiments else "runs"
        box = self.query_one("#filter", Input)
        box.value = self._words[self._filtered]
        box.select_all()
        box.add_class("-open")
        self.set_focus(box)  # at once, unlike `focus`: what is typed next belongs into it
        if self._filtered == "runs" and len(self.listing.runs) > _MANY:
            self.run_worker(self._prepare_filter(self.listing.runs), exclusive=True, group="filter")

    async def _prepare_filter(self, runs: Sequence[Run]) -> None:
        """Make the texts that words are looked for in, while one thinks of some: it takes 6 us a run."""
        self._is_preparing = True
        for begin in range(0, len(runs), _AT_ONCE):
            self._run_filter.prepare(runs[begin : begin + _AT_ONCE])
            await asyncio.sleep(0)
        self._is_preparing = False
        self._apply_filter()

    def _choices(self) -> Mapping[str, Iterable[str]]:
        if self._filtered == "experiments":
            return choices_of_experiments(self.listing.experiments)
        return self._run_choices()

    def _run_choices(self) -> Mapping[str, set[str]]:
        if self._known_choices[0] is not self.listing.runs:
            self._known_choices = self.listing.runs, choices_of_runs(self.listing.runs[-_MOST_LOOKED_INTO:])
        return self._known_choices[1]

    @on(Input.Changed, "#filter")
    def _filter(self, event: Input.Changed) -> None:
        self._words[self._filtered] = event.value
        if not self._is_preparing:
            self._apply_filter()

    def _apply_filter(self) -> None:
        self._fill_tables()
        self.show_current()

    @on(Input.Submitted, "#filter")
    def _close_filter(self) -> None:
        box = self.query_one("#filter", Input)
        box.set_class(bool(box.value), "-open")  # as long as rows are hidden, it says why
        (self.experiments if self._filtered == "experiments" else self.runs).focus()

    # Order, groups, columns

    def action_sort(self) -> None:
        from tui.screens.forms.sort import SortForm

        def take(order: Order | None) -> None:
            if order is not None:
                self.change_table(order=order)

        self.app.push_screen(SortForm(self.runs.order, self._run_choices()), take)

    def action_group(self) -> None:
        from tui.screens.forms.group import GroupForm

        def take(by: str | None) -> None:
            if by is not None:
                self.change_table(by=by)

        self.app.push_screen(GroupForm(self.runs.by, self._run_choices()), take)

    def action_columns(self) -> None:
        from tui.screens.columns import ColumnsScreen

        def take(chosen: tuple[str, ...] | None) -> None:
            if chosen is not None:
                self.change_table(chosen=chosen)

        runs = self.runs
        self.app.push_screen(ColumnsScreen(runs.chosen, self._run_choices(), runs.listed, self._look), take)

    def change_table(
        self, *, order: Order | None = None, chosen: Sequence[str] | None = None, by: str | None = None
    ) -> None:
        """Look at the runs in that way from now on; None: as before."""
        self.runs.change(order=order, chosen=chosen, by=by)
        self._fill_tables()
        self.show_current()

    def action_wide(self) -> None:
        """All of the width for the tables, or a part of it again."""
        self.remove_class("-full")
        self.set_class(not self.has_class("-table"), "-table")
        if self.has_class("-table"):
            self.runs.focus()


def _favourite(runs: list[Run]) -> RunName:
    """Where the cursor begins: at a live run, else at the newest."""
    return next((run.name for run in runs if run.state.is_live), max(runs, key=lambda run: run.name.number).name)
