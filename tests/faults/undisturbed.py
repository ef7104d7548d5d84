"""A run that nothing disturbed, which others are to end as."""

from dataclasses import dataclass
from pathlib import Path

from engine import jobs
from engine.spec import RunSpec
from store import listing
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root, RunPaths
from store.records import Run, RunState
from tests.live import curve, epochs_of, small_spec, weights

EPOCHS = 6


def short_spec(epochs: int = EPOCHS, **settings: object) -> RunSpec:
    return small_spec(epochs=epochs, **settings)


def train_undisturbed(folder: Path, spec: RunSpec) -> "Undisturbed":
    database = open_database(Root(folder / "runs"), create=True)
    name = jobs.enqueue(database, spec, "undisturbed")
    (run,) = jobs.run_inline(database)
    assert run.state is RunState.COMPLETE, run.reason
    found = Undisturbed(database.root.run(name), run, listing.values(database, run.trial_id))
    database.close()
    return found


@dataclass(frozen=True)
class Undisturbed:
    """What it ended with."""

    paths: RunPaths
    run: Run
    values: list[tuple[int, float | None]]

    def is_end_of(self, database: Database, name: RunName, *, has_holes: bool = False) -> bool:
        """``has_holes``: lines of its metrics were lost. Says by an assertion what is different."""
        ours, found = database.root.run(name), listing.run(database, name)
        assert found.state is RunState.COMPLETE, found.reason
        assert weights(ours.last) == weights(self.paths.last)
        assert weights(ours.best) == weights(self.paths.best)
        assert found.test == self.run.test
        assert found.value == self.run.value
        assert listing.values(database, found.trial_id) == self.values
        if not has_holes:
            assert epochs_of(ours.metrics) == list(range(1, self.run.epochs + 1))
            assert curve(ours.metrics) == curve(self.paths.metrics)
        return True
