from collections.abc import Callable
from dataclasses import replace

import pytest

from store import clock, control, listing, listing_reader, queue, results, schema
from store.database import Database
from store.errors import RequestError
from store.experiments import ensure_experiment
from store.listing_reader import ListingReader
from store.names import RunName
from store.records import Experiment, Run, RunState
from tests.queued import add_run


def test_experiments_count_states_and_take_the_best_of_complete_runs_only(database: Database, worker_id: str) -> None:
    for value, ending in [(0.3, "COMPLETE"), (0.2, "COMPLETE"), (0.1, "PRUNED")]:
        add_run(database)
        claim = queue.claim(database, worker_id, "cpu")
        assert claim is not None
        queue.finish(database, claim, ending, value=value)
    add_run(database)
    control.remove(database, add_run(database))
    ensure_experiment(database, "empty", "vae", "mnist")
    first, empty = listing.experiments(database)
    assert first.states == {RunState.COMPLETE: 2, RunState.PRUNED: 1, RunState.WAITING: 1}
    assert first.best == 0.2
    assert (empty.experiment, empty.kind, empty.dataset, empty.states, empty.best) == (
        "empty",
        "vae",
        "mnist",
        {},
        None,
    )


def test_one_name_holds_one_kind_on_one_data_set(database: Database) -> None:
    ensure_experiment(database, "mine", "cae", "digits")
    with pytest.raises(RequestError, match="holds cae runs on digits, not vae on mnist"):
        ensure_experiment(database, "mine", "vae", "mnist")


def test_names_in_upper_and_lower_case_are_not_taken_for_each_other(database: Database, backend: str) -> None:
    add_run(database, "mine")
    if backend == "mysql":
        with pytest.raises(RequestError, match="does not tell 'Mine' from 'mine'"):
            add_run(database, "Mine")
    else:
        add_run(database, "Mine")
    with pytest.raises(RequestError, match="no run MINE/0"):
        control.remove(database, RunName("MINE", 0))
    assert listing.run(database, RunName("mine", 0)).name.experiment == "mine"
    assert "Mine" in [found.experiment for found in listing.experiments(database)] or backend == "mysql"


def test_runs_of_one_experiment_come_by_number_with_their_own_attributes(database: Database) -> None:
    add_run(database, "a")
    add_run(database, "b")
    add_run(database, "a")
    assert [str(found.name) for found in listing.runs(database, "a")] == ["a/0", "a/1"]
    assert [str(found.name) for found in listing.runs(database)] == ["a/0", "a/1", "b/0"]
    assert all(found.user_attrs == {"latent_dim": 6} for found in listing.runs(database))


def test_the_change_token_moves_with_every_change_and_rests_otherwise(database: Database, worker_id: str) -> None:
    seen = [listing.change_token(database)]

    def assert_moved() -> None:
        token = listing.change_token(database)
        assert token != seen[-1]
        seen.append(token)

    name = add_run(database)
    assert_moved()
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    assert_moved()
    queue.heartbeat(database, claim)
    assert listing.change_token(database) == seen[-1]
    queue.report(database, claim, 1, 0.5)
    assert_moved()
    control.stop(database, name)
    assert_moved()
    listing.runs(database)
    listing.experiments(database)
    assert listing.change_token(database) == seen[-1]


def told(database: Database, experiment: str) -> tuple[list[Experiment], str | None, tuple[Run, ...]]:
    """What a `ListingReader` must say, read as a whole."""
    runs = (
        replace(run, user_attrs={key: value for key, value in run.user_attrs.items() if key not in run.params})
        for run in listing.runs(database, experiment)
    )
    return listing.experiments(database), experiment, tuple(runs)


def test_a_reader_of_what_changed_tells_what_is_there(database: Database, worker_id: str) -> None:
    names = [add_run(database, "a") for _ in range(4)]
    add_run(database, "b")
    reader = ListingReader(database)
    assert reader.read("a") == told(database, "a")
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    other = queue.claim(database, worker_id, "cpu")
    assert other is not None
    changes: list[Callable[[], object]] = [
        lambda: add_run(database, "a"),
        lambda: queue.report(database, claim, 1, 0.5),
        lambda: queue.finish(database, claim, "COMPLETE", value=0.5),
        lambda: queue.finish(database, other, "COMPLETE", value=0.4),
        lambda: control.annotate(database, [claim.name], add=["good"], note="so far"),
        lambda: control.annotate(database, [claim.name], remove=["good"]),
        lambda: results.add_test(database, claim.name, {"mse": 0.3}),
        lambda: control.set_lock(database, claim.name, True),
        lambda: control.pause(database, names[2]),
        lambda: control.stop(database, names[3]),
        lambda: control.remove(database, other.name),
        lambda: control.restore(database, other.name),
        lambda: ensure_experiment(database, "c", "vae", "mnist"),
        lambda: add_run(database, "b"),
    ]
    for change in changes:
        before = reader.read("a")
        change()
        after = reader.read("a")
        assert after == told(database, "a")
        assert sum(all(run is not old for old in before[2]) for run in after[2]) <= 1, "the others are as they were"
        assert reader.read("b") == told(database, "b")
    assert reader.read("a")[2] is after[2]
    assert reader.read("gone")[1] == "b", "something waits there"


def test_a_live_run_grows_older_without_anybody_writing_its_row(database: Database, worker_id: str) -> None:
    add_run(database, "a")
    reader = ListingReader(database)
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    before = reader.read("a")
    with database.engine.begin() as connection:  # as if it had been silent for long
        connection.execute(schema.leases.update().values(heartbeat_at=clock.now(connection) - 20))
    assert (before[2][0].state, reader.read("a")[2][0].state) == (RunState.RUNNING, RunState.STALLED)


def test_of_a_large_experiment_the_newest_and_the_live_ones_come_first(
    database: Database, worker_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(listing_reader, "_NEWEST", 2)
    for _ in range(5):
        add_run(database, "a")
    queue.claim(database, worker_id, "cpu")
    control.annotate(database, [RunName("a", 4)], add=["newest"])
    reader = ListingReader(database)
    experiments, _, runs = reader.read("a")
    assert [(run.name.number, run.tags) for run in runs] == [(0, ()), (3, ()), (4, ("newest",))]
    assert reader.is_partial
    assert experiments[0].num_runs == 5
    assert reader.read("a") == told(database, "a")
    assert not reader.is_partial
