"""The supervisor's bookkeeping, step by step, with worker processes that are none."""

import subprocess
import sys

import pytest

import engine.supervisor
from engine import jobs
from engine.slots import said_slots
from engine.supervisor import MAX_FALSE_STARTS, Supervisor, start_supervisor
from store import listing
from store.database import Database
from tests.live import processes_of, small_spec, wait_for


def test_workers_that_cannot_start_are_not_started_without_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def start_broken(database: Database, worker_id: str, *, is_by_hand: bool) -> "subprocess.Popen[bytes]":
        started.append(worker_id)
        return subprocess.Popen([sys.executable, "-c", "raise SystemExit(1)"])

    monkeypatch.setattr(engine.supervisor, "start_worker", start_broken)
    jobs.enqueue(database, small_spec())
    supervisor = Supervisor(database, "cpu")
    wait_for(lambda: supervisor.step() and supervisor.rests_until > 0, "the supervisor to see that it is no use")
    before = len(started)
    assert before >= MAX_FALSE_STARTS
    for _ in range(10):
        assert supervisor.step(), "the run still waits"
    assert len(started) == before


@pytest.mark.timeout(200)
def test_all_leave_when_their_database_is_removed(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETUI_IDLE_S", "90")
    name = jobs.enqueue(database, small_spec(epochs=2))
    jobs.ensure_workers(database)
    wait_for(lambda: listing.run(database, name).state.is_finished, "the end of the run")
    assert processes_of(database.root)
    for file in database.root.path.glob("aetui.db*"):
        file.unlink()
    wait_for(lambda: not processes_of(database.root), "supervisor and workers to leave")


def test_a_later_wish_for_more_slots_reaches_the_one_supervisor(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.supervisor, "start_detached", lambda *_: None)
    root = database.root
    for slots, expected in ((2, 2), (5, 5), (3, 5), (None, 5)):
        start_supervisor(database, "cpu", slots)
        assert said_slots(root) == expected
