import pytest

from store import control, listing, queue
from store.database import Database
from store.errors import RequestError
from store.experiments import ensure_experiment
from store.records import RunState
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
