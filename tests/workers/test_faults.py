"""What is promised when processes die, sleep or are told to go, with real processes and real signals."""

import os
import random
import signal
import time
from dataclasses import dataclass

import pytest
from sqlalchemy import update

from engine import jobs
from engine.spec import RunSpec
from store import control, listing, schema
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root, RunPaths
from store.records import Run, RunState
from tests.live import curve, epochs_of, holder_pid, processes_of, put_to_sleep, small_spec, wait_for, weights

EPOCHS = 40


def lasting_spec() -> RunSpec:
    """A run of some seconds: a worker hears of a pause within two, and a supervisor's end is seen as late."""
    return small_spec(epochs=EPOCHS, train_limit=500)


def state(database: Database, name: RunName) -> RunState:
    return listing.run(database, name).state


def epoch(database: Database, name: RunName) -> int:
    return listing.run(database, name).epoch


def wait_until_over(database: Database, name: RunName) -> None:
    wait_for(lambda: state(database, name).is_finished, f"the end of {name}", 100)


@dataclass(frozen=True)
class Reference:
    """What a run ends with that nobody disturbed."""

    paths: RunPaths
    run: Run
    values: list[tuple[int, float | None]]


@pytest.fixture(scope="module")
def reference(tmp_path_factory: pytest.TempPathFactory) -> Reference:
    database = open_database(Root(tmp_path_factory.mktemp("undisturbed")), create=True)
    name = jobs.enqueue(database, lasting_spec(), "undisturbed")
    (run,) = jobs.run_inline(database)
    assert run.state is RunState.COMPLETE
    return Reference(database.root.run(name), run, listing.values(database, run.trial_id))


def assert_same_end(database: Database, name: RunName, reference: Reference) -> None:
    ours, found = database.root.run(name), listing.run(database, name)
    assert found.state is RunState.COMPLETE
    assert epochs_of(ours.metrics) == list(range(1, EPOCHS + 1))
    assert curve(ours.metrics) == curve(reference.paths.metrics)
    assert weights(ours.last) == weights(reference.paths.last)
    assert weights(ours.best) == weights(reference.paths.best)
    assert found.test == reference.run.test
    assert listing.values(database, found.trial_id) == reference.values


@pytest.mark.timeout(240)
@pytest.mark.parametrize("num_kills", [1, pytest.param(10, marks=pytest.mark.slow)])
def test_sigkills_of_the_worker_change_no_weight_and_no_curve(
    database: Database, reference: Reference, num_kills: int
) -> None:
    name = jobs.enqueue(database, lasting_spec(), "killed")
    jobs.ensure_workers(database)
    dice = random.Random(0)
    for kill in range(num_kills):
        wait_for(lambda kill=kill: epoch(database, name) > 2 * kill, f"progress after kill {kill}")
        pid = wait_for(lambda: holder_pid(database, name), "a worker")
        time.sleep(dice.uniform(0.0, 0.05))
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: holder_pid(database, name) not in (pid, None), "another worker")
    wait_until_over(database, name)
    assert listing.run(database, name).attempt == num_kills + 1
    assert_same_end(database, name, reference)


@pytest.mark.timeout(180)
def test_a_worker_asleep_through_its_take_over_writes_nothing_more(database: Database, reference: Reference) -> None:
    name = jobs.enqueue(database, lasting_spec(), "asleep")
    jobs.ensure_workers(database)
    wait_for(lambda: epoch(database, name) >= 2, "two epochs")
    sleeper = wait_for(lambda: holder_pid(database, name), "a worker")
    put_to_sleep(database, sleeper)
    with database.engine.begin() as connection:  # 30 s of silence, without the wait
        connection.execute(update(schema.leases).values(heartbeat_at=0.0))
        connection.execute(update(schema.workers).values(heartbeat_at=0.0))
    wait_for(lambda: holder_pid(database, name) not in (sleeper, None), "the take-over")
    wait_for(lambda: epoch(database, name) >= 10, "progress of the second attempt")
    os.kill(sleeper, signal.SIGCONT)
    wait_until_over(database, name)
    assert listing.run(database, name).attempt == 2
    assert_same_end(database, name, reference)
    log = database.root.run(name).log.read_text()
    assert "taken over" not in log, "that is told in the worker's own file"

    def told() -> str:
        return "".join(file.read_text() for file in database.root.worker_logs.iterdir())

    wait_for(lambda: "attempt 1 writes nothing more" in told(), "the sleeper to find out")
    wait_for(lambda: not list(database.root.run(name).folder.rglob(".*.tmp")), "its temporary file to go")


@pytest.mark.timeout(180)
def test_the_supervisor_may_die_too(database: Database) -> None:
    name = jobs.enqueue(database, lasting_spec())
    jobs.ensure_workers(database)
    wait_for(lambda: epoch(database, name) >= 1, "an epoch")
    (supervisor,) = processes_of(database.root, "engine.supervisor")
    supervisor.kill()
    supervisor.wait()
    wait_for(lambda: processes_of(database.root, "engine.supervisor"), "a new supervisor, started by the worker")
    pid = wait_for(lambda: holder_pid(database, name), "the worker, which lived on")
    os.kill(pid, signal.SIGKILL)
    wait_until_over(database, name)
    assert state(database, name) is RunState.COMPLETE
    wait_for(lambda: not processes_of(database.root), "workers and supervisor to leave an empty queue")


@pytest.mark.timeout(180)
@pytest.mark.parametrize(
    "signals", [[signal.SIGTERM], pytest.param([signal.SIGTERM, signal.SIGINT], marks=pytest.mark.slow)], ids=len
)
def test_a_worker_told_to_go_gives_its_run_back(
    database: Database, reference: Reference, signals: list[signal.Signals]
) -> None:
    name = jobs.enqueue(database, lasting_spec(), "told-to-go")
    jobs.ensure_workers(database)
    for number in signals:
        reached = epoch(database, name)
        wait_for(lambda reached=reached: epoch(database, name) >= reached + 2, f"two epochs before {number.name}")
        pid = wait_for(lambda: holder_pid(database, name), "a worker")
        os.kill(pid, number)
        wait_for(lambda pid=pid: holder_pid(database, name) != pid, "it to let go")
    wait_until_over(database, name)
    assert listing.run(database, name).attempt == 1 + len(signals)
    assert_same_end(database, name, reference)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_paused_and_resumed_is_as_if_never_paused(database: Database, reference: Reference) -> None:
    name = jobs.enqueue(database, lasting_spec(), "paused")
    jobs.ensure_workers(database)
    wait_for(lambda: epoch(database, name) >= 2, "two epochs")
    control.pause(database, name)
    wait_for(lambda: state(database, name) is RunState.PAUSED, "the pause")
    reached = epoch(database, name)
    assert 2 <= reached < EPOCHS
    assert jobs.resume(database, name) == name
    jobs.ensure_workers(database)
    wait_until_over(database, name)
    assert_same_end(database, name, reference)


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_a_stopped_run_keeps_its_value_and_goes_on_as_a_new_run(database: Database, reference: Reference) -> None:
    name = jobs.enqueue(database, lasting_spec(), "stopped")
    jobs.ensure_workers(database)
    wait_for(lambda: epoch(database, name) >= 2, "two epochs")
    control.stop(database, name)
    wait_for(lambda: state(database, name) is RunState.STOPPED, "the stop")
    stopped = listing.run(database, name)
    assert stopped.value is not None
    assert database.root.run(name).last.exists()
    again = jobs.resume(database, name)
    assert (again.experiment, again.number) == ("stopped", 1)
    jobs.ensure_workers(database)
    wait_until_over(database, again)
    assert weights(database.root.run(again).last) == weights(reference.paths.last)
    assert epochs_of(database.root.run(again).metrics) == list(range(1, EPOCHS + 1))


@pytest.mark.timeout(120)
def test_a_killed_run_has_failed_and_the_others_go_on(database: Database) -> None:
    first = jobs.enqueue(database, small_spec(epochs=10_000))
    second = jobs.enqueue(database, small_spec(epochs=3))
    jobs.ensure_workers(database, slots=1)
    wait_for(lambda: epoch(database, first) >= 1, "an epoch")
    pid = wait_for(lambda: holder_pid(database, first), "a worker")
    jobs.kill(database, first)
    assert state(database, first) is RunState.FAILED
    wait_until_over(database, second)
    assert state(database, second) is RunState.COMPLETE
    assert all(process.pid != pid for process in processes_of(database.root))
    assert state(database, first) is RunState.FAILED


@pytest.mark.timeout(120)
def test_a_run_that_cannot_be_trained_fails_with_a_reason_and_the_worker_goes_on(
    database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    import numpy

    file = tmp_path_factory.mktemp("data") / "mine.npz"
    numpy.savez(file, images=numpy.zeros((40, 12, 12), dtype=numpy.uint8))
    spec = small_spec()
    gone = jobs.enqueue(database, type(spec)(kind="cae", dataset=str(file), epochs=1))
    diverging = jobs.enqueue(database, small_spec(optimizer="sgd", lr="99", weight_decay="9", epochs=20), "diverging")
    good = jobs.enqueue(database, small_spec(epochs=1), "good")
    file.unlink()
    jobs.ensure_workers(database, slots=1)
    wait_until_over(database, good)
    assert state(database, good) is RunState.COMPLETE
    for name, words in ((gone, "mine.npz"), (diverging, "lower lr")):
        found = listing.run(database, name)
        assert found.state is RunState.FAILED
        assert found.attempt == 1
        assert words in (found.reason or "")
        assert words in database.root.run(name).log.read_text()


@pytest.mark.timeout(180)
def test_several_workers_train_each_queued_run_once(database: Database) -> None:
    _train_all(database, num_runs=8, slots=2)


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_sixteen_workers_train_a_hundred_runs_once(database: Database) -> None:
    _train_all(database, num_runs=100, slots=16)


def _train_all(database: Database, num_runs: int, slots: int) -> None:
    names = [jobs.enqueue(database, small_spec(epochs=1, seed=seed, train_limit=100)) for seed in range(num_runs)]
    jobs.ensure_workers(database, slots=slots)
    for name in names:
        wait_for(lambda name=name: state(database, name).is_finished, f"the end of {name}", 1000)
    for name in names:
        found = listing.run(database, name)
        assert (found.state, found.attempt) == (RunState.COMPLETE, 1)
        assert epochs_of(database.root.run(name).metrics) == [1]
    for log in database.root.worker_logs.iterdir():
        text = log.read_text()
        assert "locked" not in text
        assert "Traceback" not in text
