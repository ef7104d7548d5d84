import datetime
import time

import pytest
from sqlalchemy import update

from store import control, listing, queue, schema
from store.database import Database
from store.names import RunName
from store.news import KILLED, ended_since
from store.records import RunState
from store.searches import Search, save
from tests.queued import add_run


@pytest.fixture
def ended(database: Database, worker_id: str) -> dict[str, RunName]:
    """A run in each way of having ended, oldest first, one that was deleted, and one that goes on."""
    names = {}
    for way in ("complete", "failed", "stopped", "pruned", "killed", "deleted", "running"):
        names[way] = add_run(database, "searched" if way == "pruned" else "alone")
        claim = queue.claim(database, worker_id, "cpu")
        assert claim is not None
        if way in ("complete", "deleted"):
            queue.finish(database, claim, "COMPLETE", value=0.25)
        elif way == "failed":
            queue.finish(database, claim, "FAIL", reason="out of luck")
        elif way in ("stopped", "pruned"):
            queue.finish(database, claim, "PRUNED", value=0.5, was_stopped=way == "stopped")
        elif way == "killed":
            control.fail_live(database, names[way], KILLED)
        if way == "deleted":
            control.remove(database, names[way])
        if way != "running":
            _age(database, names[way], 10.0 - len(names))
    return names


def _age(database: Database, name: RunName, seconds: float) -> None:
    """Let it have ended so long ago: MySQL tells apart only what ended in different seconds."""
    trials, trial_id = schema.trials, listing.run(database, name).trial_id
    ended = datetime.datetime.now(datetime.UTC).replace(tzinfo=None) - datetime.timedelta(seconds=seconds)
    with database.engine.begin() as connection:
        connection.execute(update(trials).where(trials.c.trial_id == trial_id).values(datetime_complete=ended))


def test_what_has_ended_is_told_oldest_first(database: Database, ended: dict[str, RunName]) -> None:
    found = ended_since(database, time.time() - 60)
    assert [(each.name, each.state, each.value) for each in found] == [
        (ended["complete"], RunState.COMPLETE, 0.25),
        (ended["failed"], RunState.FAILED, None),
        (ended["stopped"], RunState.STOPPED, 0.5),
        (ended["pruned"], RunState.PRUNED, 0.5),
        (ended["killed"], RunState.FAILED, None),
    ]
    assert [each.name for each in found if each.was_asked_for] == [ended["stopped"], ended["killed"]]
    assert found[1].reason == "out of luck"
    assert all(abs(each.at - time.time()) < 60 for each in found)


def test_what_ended_before_is_not_told(database: Database, ended: dict[str, RunName]) -> None:
    at = [each.at for each in ended_since(database, 0.0)]
    assert [each.name for each in ended_since(database, at[3])] == [ended["pruned"], ended["killed"]]
    assert ended_since(database, at[-1] + 1) == []
    assert [each.name for each in ended_since(database, 0.0, limit=1)] == [ended["killed"]]


def test_runs_of_a_search_are_known_as_such(database: Database, ended: dict[str, RunName]) -> None:
    study_id = listing.experiment(database, "searched").study_id
    save(database, study_id, Search(spec={}, space=[], sampler="tpe", pruner="none", num_trials=1, seed=0), is_on=False)
    assert [each.name for each in ended_since(database, 0.0) if each.is_searched] == [ended["pruned"]]
