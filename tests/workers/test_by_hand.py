"""Workers that somebody added by hand are as many as were asked for, and stay so."""

import os
import signal
import subprocess
import sys
import time

import pytest

import engine.supervisor
from engine import jobs
from engine.slots import ask_for_workers, is_asked_for
from engine.supervisor import Supervisor, new_worker_id, start_worker
from store import listing, workers
from store.database import Database
from store.records import RunState
from tests.cli.command_line import COMMAND, interrupt_twice
from tests.live import holder_pid, processes_of, put_to_sleep, small_spec, wait_for


@pytest.mark.timeout(300)
def test_no_others_come_one_that_dies_is_replaced_and_one_that_leaves_is_not(database: Database) -> None:
    names = [jobs.enqueue(database, small_spec(epochs=100_000, schedule="constant")) for _ in range(3)]

    def num_workers() -> int:
        return len(processes_of(database.root, "engine.worker"))

    start_worker(database, new_worker_id("cpu"), is_by_hand=True)
    wait_for(lambda: listing.run(database, names[0]).epoch, "the first epoch")
    wait_for(lambda: processes_of(database.root, "engine.supervisor"), "its supervisor")
    time.sleep(2)  # which looks once a second
    assert num_workers() == 1
    pid = wait_for(lambda: holder_pid(database, names[0]), "the worker to hold a run")
    os.kill(pid, signal.SIGKILL)
    another = wait_for(lambda: (found := holder_pid(database, names[0])) != pid and found, "another worker")
    assert num_workers() == 1
    assert not is_asked_for(database.root)
    os.kill(another, signal.SIGTERM)
    wait_for(lambda: not processes_of(database.root), "both to leave, though runs wait")
    assert [str(listing.run(database, name).state) for name in names] == ["waiting"] * 3


@pytest.mark.timeout(300)
def test_a_second_ctrl_c_kills_and_nobody_comes_instead(database: Database) -> None:
    name = jobs.enqueue(database, small_spec(epochs=100_000, schedule="constant"))
    attended = subprocess.Popen(
        [COMMAND, "worker", "--device", "cpu", "--root", str(database.root.path)],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    pid = wait_for(lambda: holder_pid(database, name), "the worker to hold the run")
    wait_for(lambda: processes_of(database.root, "engine.supervisor"), "its supervisor")
    put_to_sleep(database, pid)  # it hears nothing of the first
    interrupt_twice(attended)
    wait_for(lambda: not processes_of(database.root), "the supervisor to leave, though a run waits")
    assert listing.run(database, name).state is RunState.WAITING


def test_slots_are_filled_once_anybody_else_wants_workers(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[bool] = []

    def start(database: Database, worker_id: str, *, is_by_hand: bool) -> "subprocess.Popen[bytes]":
        started.append(is_by_hand)
        return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    monkeypatch.setattr(engine.supervisor, "start_worker", start)
    for _ in range(5):
        jobs.enqueue(database, small_spec())
    workers.register(database, "mine@cpu", "cpu", None)  # this process, added by hand
    supervisor = Supervisor(database, "cpu", fills=False, by_hand={"mine@cpu": "cpu"})
    for _ in range(2):
        assert supervisor.step()
    assert not started
    ask_for_workers(database.root, 3)
    assert supervisor.step()
    assert started == [False, False], "what was added by hand has a slot"
    for child in supervisor.children.values():
        child.communicate(timeout=10)
