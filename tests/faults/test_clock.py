"""A clock that is set back, and processes that have the numbers of others that are gone."""

import os
import subprocess
import time

import pytest
from sqlalchemy import Connection, insert, select, update

from store import clock, leases, listing, queue, schema, takeover, workers
from store.database import Database
from store.records import Claim, RunState
from tests.queued import add_run

HOUR = 3600.0


class Clock:
    """The database's clock, set by hand."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def now(self, _connection: Connection) -> float:
        return 1_700_000_000.0 + self.ahead


@pytest.fixture
def hands(monkeypatch: pytest.MonkeyPatch) -> Clock:
    hands = Clock()
    monkeypatch.setattr(clock, "now", hands.now)
    return hands


def claim(database: Database, worker_id: str, host: str | None = None) -> Claim:
    """By a worker of this process, which seems to be on another ``host``."""
    workers.register(database, worker_id, "cpu", None)
    if host is not None:
        with database.engine.begin() as connection:
            mine = schema.workers.c.worker_id == worker_id
            connection.execute(update(schema.workers).where(mine).values(host=host))
    claimed = queue.claim(database, worker_id, "cpu")
    assert claimed is not None
    return claimed


def test_what_was_trained_before_the_clock_was_set_back_still_counts(database: Database, hands: Clock) -> None:
    name = add_run(database)
    held = claim(database, "here@cpu")
    hands.ahead = 600
    queue.heartbeat(database, held)
    hands.ahead = 602 - HOUR
    queue.heartbeat(database, held)
    assert takeover.requeue_dead(database) == []
    assert listing.run(database, name).state is RunState.RUNNING
    hands.ahead = 702 - HOUR
    queue.report(database, held, 1, 0.5)
    assert listing.run(database, name).duration_s == pytest.approx(700)
    queue.finish(database, held, "COMPLETE", value=0.5)
    assert listing.run(database, name).duration_s == pytest.approx(700)


def test_a_silent_worker_elsewhere_is_given_up_in_half_a_minute_all_the_same(database: Database, hands: Clock) -> None:
    name = add_run(database)
    held = claim(database, "there@cpu", host="another")
    hands.ahead = 60
    queue.heartbeat(database, held)
    hands.ahead = 61 - HOUR
    assert takeover.requeue_dead(database) == [], "it may just not have been heard since"
    workers.forget_dead(database)
    hands.ahead += leases.LEASE_S + 1
    assert takeover.requeue_dead(database) == [name]
    workers.forget_dead(database)
    assert workers.workers(database) == []
    assert listing.run(database, name).duration_s == pytest.approx(60, abs=1)


def test_a_live_worker_elsewhere_keeps_its_run_over_the_jump(database: Database, hands: Clock) -> None:
    name = add_run(database)
    held = claim(database, "there@cpu", host="another")
    hands.ahead = -HOUR
    for _ in range(30):
        assert takeover.requeue_dead(database) == []
        hands.ahead += 2
        queue.heartbeat(database, held)
    assert listing.run(database, name).state is RunState.RUNNING


def test_a_process_is_known_whatever_the_clock_says(monkeypatch: pytest.MonkeyPatch) -> None:
    started = clock.process_started()
    assert clock.is_process_alive(os.getpid(), started)
    monkeypatch.setattr("psutil._pslinux.boot_time", lambda: time.time() - HOUR)
    assert clock.is_process_alive(os.getpid(), started)


def test_no_run_ends_before_it_began(database: Database) -> None:
    name = add_run(database)
    held = claim(database, "here@cpu")
    trials = schema.trials
    with database.engine.begin() as connection:
        later = connection.execute(select(trials.c.datetime_start)).scalar_one().replace(year=2999)
        connection.execute(update(trials).values(datetime_start=later))
    queue.finish(database, held, "COMPLETE", value=0.5)
    with database.read() as connection:
        assert connection.execute(select(trials.c.datetime_complete)).scalar_one() == later
    assert listing.run(database, name).state is RunState.COMPLETE


def test_a_process_that_got_the_number_of_a_dead_worker_is_not_taken_for_it(database: Database) -> None:
    name = add_run(database)
    process = subprocess.Popen(["sleep", "100"])
    try:
        with database.write() as connection:
            now = clock.now(connection)
            connection.execute(
                insert(schema.workers).values(
                    worker_id="before@cpu",
                    host=clock.host(),
                    pid=process.pid,
                    pid_started=clock.process_started(process.pid) - 1,  # one tick earlier
                    device="cpu",
                    started_at=now,
                    heartbeat_at=now,
                )
            )
        assert queue.claim(database, "before@cpu", "cpu") is not None
        assert listing.run(database, name).state is RunState.LOST
        assert takeover.requeue_dead(database) == [name]
        workers.forget_dead(database)
        assert workers.workers(database) == []
    finally:
        process.kill()
        process.wait()


def test_after_a_restart_of_the_machine_no_process_has_the_number_of_an_earlier_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    started = clock.process_started()
    monkeypatch.setattr(clock, "_start_of_machine", lambda: 17)
    assert not clock.is_process_alive(os.getpid(), started)
    assert clock.process_started() == 17 * 2**32 + started % 2**32
    assert clock.is_process_alive(os.getpid(), clock.process_started())
