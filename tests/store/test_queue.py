import multiprocessing
import os
import uuid
from collections import Counter
from pathlib import Path

import optuna
import pytest
from sqlalchemy import update

from store import control, leases, listing, queue, schema, takeover, workers
from store.clock import host
from store.database import Database, open_database
from store.errors import LeaseLost
from store.names import RunName
from store.paths import Root
from store.records import Claim, RunState
from tests.queued import add_run


def claimed(database: Database, worker_id: str) -> Claim:
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    return claim


def state(database: Database, name: RunName) -> RunState:
    return listing.run(database, name).state


def set_lease(database: Database, claim: Claim, **values: object) -> None:
    with database.engine.begin() as connection:
        connection.execute(update(schema.leases).where(schema.leases.c.trial_id == claim.trial_id).values(**values))


def test_numbers_count_up_and_the_first_in_is_the_first_out(database: Database, worker_id: str) -> None:
    names = [add_run(database) for _ in range(3)]
    assert names == [RunName("cae-digits", number) for number in range(3)]
    assert [claimed(database, worker_id).name for _ in range(3)] == names
    assert queue.claim(database, worker_id, "cpu") is None


def test_a_worker_takes_only_runs_that_its_device_fits(database: Database, worker_id: str) -> None:
    on_gpu, second_gpu, on_cpu = (add_run(database, device=device) for device in ("cuda", "cuda:1", "cpu"))
    assert claimed(database, worker_id).name == on_cpu
    assert queue.claim(database, worker_id, "cpu") is None
    claim = queue.claim(database, worker_id, "cuda:0")
    assert claim is not None
    assert (claim.name, claim.device) == (on_gpu, "cuda:0")
    assert queue.claim(database, worker_id, "cuda:0") is None
    assert state(database, second_gpu) is RunState.WAITING


def test_what_a_run_reports_is_there_for_optuna_too(database: Database, worker_id: str) -> None:
    add_run(database)
    claim = claimed(database, worker_id)
    for epoch, value in enumerate([0.5, float("nan"), 0.25], start=1):
        queue.report(database, claim, epoch, value)
    queue.finish(database, claim, "COMPLETE", value=0.25, test={"mse": 0.26})
    study = optuna.load_study(study_name="cae-digits", storage=database.url.render_as_string(hide_password=False))
    (trial,) = study.trials
    assert study.best_trial.number == trial.number == 0
    assert trial.value == 0.25
    assert trial.intermediate_values[1] == 0.5
    assert trial.intermediate_values[2] != trial.intermediate_values[2]
    assert trial.user_attrs["test_mse"] == 0.26
    assert trial.duration is not None
    assert study.metric_names == ["validation error"]
    found = listing.run(database, claim.name)
    assert (found.state, found.value, found.epoch, found.test) == (RunState.COMPLETE, 0.25, 3, {"mse": 0.26})


def test_a_dead_worker_s_run_waits_again_in_its_old_place_with_its_values(database: Database, worker_id: str) -> None:
    first, second = add_run(database), add_run(database)
    old = claimed(database, worker_id)
    queue.report(database, old, 1, 0.5)
    set_lease(database, old, pid_started=1.0)  # the pid lives, but it is another process: ours is dead
    assert state(database, first) is RunState.LOST
    assert takeover.requeue_dead(database) == [first]
    assert state(database, first) is RunState.WAITING
    new = claimed(database, worker_id)
    assert (new.name, new.attempt) == (first, 2)
    assert listing.values(database, new.trial_id) == [(1, 0.5)]
    assert state(database, second) is RunState.WAITING


def test_a_silent_worker_elsewhere_is_stalled_and_then_given_up(database: Database, worker_id: str) -> None:
    name = add_run(database)
    claim = claimed(database, worker_id)
    with database.read() as connection:
        from store.clock import now

        present = now(connection)
    set_lease(database, claim, host="elsewhere", pid=1, heartbeat_at=present - 15)
    assert state(database, name) is RunState.STALLED
    assert takeover.requeue_dead(database) == []
    set_lease(database, claim, heartbeat_at=present - 31)
    assert state(database, name) is RunState.LOST
    assert takeover.requeue_dead(database) == [name]


def test_after_a_take_over_the_old_attempt_can_write_nothing(database: Database, worker_id: str) -> None:
    name = add_run(database)
    old = claimed(database, worker_id)
    set_lease(database, old, heartbeat_at=0.0)
    new = claimed(database, worker_id)
    assert (new.name, new.attempt) == (name, 2)
    for attempted in (
        lambda: leases.check_lease(database, old),
        lambda: queue.heartbeat(database, old),
        lambda: queue.report(database, old, 1, 0.1),
        lambda: queue.forget_after(database, old, 0),
        lambda: queue.give_back(database, old),
        lambda: queue.finish(database, old, "COMPLETE", value=0.1),
    ):
        with pytest.raises(LeaseLost):
            attempted()
    assert listing.values(database, new.trial_id) == []
    assert state(database, name) is RunState.RUNNING


def test_a_run_whose_workers_keep_dying_fails_with_a_reason_but_progress_counts(
    database: Database, worker_id: str
) -> None:
    name = add_run(database)
    for _ in range(takeover.MAX_TRIES - 1):
        set_lease(database, claimed(database, worker_id), heartbeat_at=0.0)
    claim = claimed(database, worker_id)
    queue.report(database, claim, 1, 0.5)  # an epoch finished: it counts from the beginning again
    for _ in range(1 + takeover.MAX_TRIES):  # the attempt that finished an epoch does not count
        assert state(database, name).is_live
        set_lease(database, claim, heartbeat_at=0.0)
        assert takeover.requeue_dead(database) == [name]
        if state(database, name) is RunState.WAITING:
            claim = claimed(database, worker_id)
    found = listing.run(database, name)
    assert found.state is RunState.FAILED
    assert found.reason is not None
    assert str(takeover.MAX_TRIES) in found.reason


def test_paused_run_is_passed_by_until_resumed(database: Database, worker_id: str) -> None:
    name = add_run(database)
    claim = claimed(database, worker_id)
    queue.report(database, claim, 1, 0.5)
    control.pause(database, name)
    assert queue.heartbeat(database, claim) == "pause"
    queue.give_back(database, claim)
    assert state(database, name) is RunState.PAUSED
    assert queue.claim(database, worker_id, "cpu") is None
    control.resume(database, name)
    assert claimed(database, worker_id).name == name


def _drain(
    path: Path,
    storage: str | None,
    barrier: "multiprocessing.synchronize.Barrier",
    results: "multiprocessing.Queue[list[str]]",
) -> None:
    database = open_database(Root(path), storage)
    worker_id = f"{uuid.uuid4().hex}@cpu"
    workers.register(database, worker_id, "cpu", None)
    barrier.wait()
    taken = []
    while (claim := queue.claim(database, worker_id, "cpu")) is not None:
        queue.report(database, claim, 1, 0.5)
        queue.finish(database, claim, "COMPLETE", value=0.5)
        taken.append(f"{claim.name}:{claim.attempt}")
    results.put(taken)


def test_sixteen_workers_train_every_run_once(database: Database) -> None:
    names = [add_run(database) for _ in range(100)]
    context = multiprocessing.get_context("forkserver")  # each would import for a second
    context.set_forkserver_preload([__name__])
    barrier, results = context.Barrier(16), context.Queue()
    arguments = (database.root.path, database.storage, barrier, results)
    processes = [context.Process(target=_drain, args=arguments) for _ in range(16)]
    for process in processes:
        process.start()
    taken = Counter(name for _ in processes for name in results.get(timeout=110))
    for process in processes:
        process.join()
    assert taken == Counter({f"{name}:1": 1 for name in names})
    assert {found.state for found in listing.runs(database)} == {RunState.COMPLETE}


def test_workers_are_listed_and_the_dead_forgotten(database: Database, worker_id: str) -> None:
    name = add_run(database)
    claimed(database, worker_id)
    (worker,) = workers.workers(database)
    assert (worker.pid, worker.host, worker.run, worker.alive) == (os.getpid(), host(), name, True)
    with database.engine.begin() as connection:
        connection.execute(update(schema.workers).values(pid_started=1.0))
    assert [worker.alive for worker in workers.workers(database)] == [False]
    workers.forget_dead(database)
    assert workers.workers(database) == []
