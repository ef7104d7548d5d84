"""The list of experiments: how many runs are live and in all, and the best value."""

from collections.abc import Hashable, Sequence

from store.records import Experiment
from tui.look import number_text
from tui.widgets.table import Column, RowTable


def num_live(experiment: Experiment) -> int:
    return sum(count for state, count in experiment.states.items() if state.is_live)


def _live(experiment: Experiment) -> tuple[str, str]:
    live = num_live(experiment)
    return (str(live), "table--busy") if live else ("", "")


class ExperimentTable(RowTable[Experiment]):
    def key(self, item: Experiment) -> Hashable:
        return item.experiment

    def columns(self) -> Sequence[Column[Experiment]]:
        return (
            Column(title="experiment", width=0, cell=lambda e: (e.experiment, "")),
            Column(title="live", width=4, cell=_live, is_right=True),
            Column(
                title="runs", width=5, cell=lambda e: (str(e.num_runs), "table--muted"), is_right=True, from_width=34
            ),
            Column(title="best", width=7, cell=lambda e: (number_text(e.best, ""), ""), is_right=True),
        )
