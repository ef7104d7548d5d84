"""The supervisor's bookkeeping, step by step, with worker processes that are none."""

import subprocess
import sys

import pytest

import engine.supervisor
from engine import jobs
from engine.supervisor import MAX_FALSE_STARTS, Supervisor, start_supervisor, wanted_slots
from store.database import Database
from store.paths import Root
from tests.live import small_spec, wait_for


def test_workers_that_cannot_start_are_not_started_without_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[str] = []

    def start_broken(root: Root, worker_id: str, storage: str | None) -> "subprocess.Popen[bytes]":
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


def test_a_later_wish_for_more_slots_reaches_the_one_supervisor(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.supervisor, "start_detached", lambda *_: None)
    root = database.root
    for slots, expected in ((2, 2), (5, 5), (3, 5), (None, 5)):
        start_supervisor(root, "cpu", None, slots)
        assert wanted_slots(root) == expected
