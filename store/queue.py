"""The queue: enqueue, claim, report, finish. Every step is one transaction, fenced by the attempt number.

Optuna's own queue runs a trial more than once under SQLite (its row lock is dropped there), so claiming is one
conditional UPDATE here: whoever changes the row from WAITING to RUNNING has the run.
"""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select, update

from store import clock, schema
from store.database import Database
from store.leases import drop_lease, fence, take_lease
from store.names import RunName
from store.records import Claim, Request
from store.takeover import requeue_dead
from store.trial_rows import add_test, as_stored, end_trial, set_user_attrs, utc_now

_CANDIDATES = 32


def enqueue(
    database: Database,
    study_id: int,
    experiment: str,
    spec: Mapping[str, Any],
    *,
    device: str,
    epochs: int,
    user_attrs: Mapping[str, Any],
    data_dir: str | None = None,
) -> RunName:
    """Add a waiting run with its frozen configuration; numbers begin at 0 and are never used twice."""
    with database.write() as connection:
        lock_study(connection, study_id)
        trial_id, number = insert_run(
            connection, study_id, spec, device=device, epochs=epochs, data_dir=data_dir, is_drawn=True
        )
        set_user_attrs(connection, trial_id, user_attrs)
    return RunName(experiment, number)


def lock_study(connection: Connection, study_id: int) -> None:
    """Let nobody else add runs to the study until this transaction ends."""
    if connection.dialect.name != "sqlite":  # there, this transaction already has the only write lock
        connection.execute(select(schema.studies).where(schema.studies.c.study_id == study_id).with_for_update())


def insert_run(
    connection: Connection,
    study_id: int,
    spec: Mapping[str, Any],
    *,
    device: str,
    epochs: int,
    data_dir: str | None,
    is_drawn: bool,
) -> tuple[int, int]:
    """A new waiting trial and its run; returns its id and number. The caller has locked the study."""
    taken = select(func.count()).select_from(schema.trials).where(schema.trials.c.study_id == study_id)
    number = int(connection.execute(taken).scalar_one())
    result = connection.execute(insert(schema.trials).values(study_id=study_id, number=number, state="WAITING"))
    trial_id = schema.new_key(result)
    connection.execute(
        insert(schema.runs).values(
            trial_id=trial_id,
            study_id=study_id,
            spec_json=json.dumps(dict(spec)),
            position=float(trial_id),
            is_drawn=is_drawn,
            device=device,
            data_dir=data_dir,
            epochs=epochs,
        )
    )
    return trial_id, number


def claim(database: Database, worker_id: str, device: str) -> Claim | None:
    """Take the first waiting run that this worker's ``device`` (``cpu``, ``cuda:0``) fits; None when nothing waits.

    A run that asks for the CPU fits every worker. Dead workers' runs are put back first, in their old places.
    """
    requeue_dead(database)
    runs, trials = schema.runs, schema.trials
    waiting = (
        select(trials.c.trial_id, runs.c.device)
        .join(runs, runs.c.trial_id == trials.c.trial_id)
        .where(trials.c.state == "WAITING", runs.c.request.is_(None), runs.c.deleted_at.is_(None))
        .where(runs.c.device.in_(fitting(device)))
        .order_by(runs.c.position, trials.c.trial_id)
        .limit(_CANDIDATES)
    )
    while True:
        with database.read() as connection:
            candidates = {row.trial_id: row.device for row in connection.execute(waiting)}
        if not candidates:
            return None
        with database.write() as connection:
            # Of workers that read the same candidates, each finds here what those before it have left.
            left = select(trials.c.trial_id).where(trials.c.trial_id.in_(candidates), trials.c.state == "WAITING")
            free = set(connection.execute(left).scalars())
            for trial_id, wanted in candidates.items():
                if trial_id in free:
                    claimed = take(connection, trial_id, worker_id, "cpu" if wanted == "cpu" else device)
                    if claimed is not None:
                        return claimed


def fitting(device: str) -> set[str]:
    """What runs may ask for that a worker on ``device`` takes."""
    return {"auto", "cpu", device, device.partition(":")[0]}


def take(connection: Connection, trial_id: int, worker_id: str, device: str) -> Claim | None:
    """Make a waiting run this worker's, under a new attempt number; None when another was first."""
    runs, trials = schema.runs, schema.trials
    still_free = select(runs.c.trial_id).where(
        runs.c.trial_id == trial_id, runs.c.request.is_(None), runs.c.deleted_at.is_(None)
    )
    taken = connection.execute(
        update(trials)
        .where(trials.c.trial_id == trial_id, trials.c.state == "WAITING", trials.c.trial_id.in_(still_free))
        .values(state="RUNNING", datetime_start=func.coalesce(trials.c.datetime_start, utc_now()))
    )
    if taken.rowcount != 1:
        return None
    connection.execute(
        update(runs)
        .where(runs.c.trial_id == trial_id)
        .values(attempt=runs.c.attempt + 1, tries=runs.c.tries + 1, host=clock.host(), used_device=device, reason=None)
    )
    take_lease(connection, trial_id, worker_id)
    query = (
        select(runs, trials.c.number, schema.studies.c.study_name)
        .join(trials, trials.c.trial_id == runs.c.trial_id)
        .join(schema.studies, schema.studies.c.study_id == runs.c.study_id)
        .where(runs.c.trial_id == trial_id)
    )
    row = connection.execute(query).one()
    return Claim(
        trial_id=trial_id,
        name=RunName(row.study_name, row.number),
        attempt=row.attempt,
        worker_id=worker_id,
        device=device,
        data_dir=row.data_dir,
        spec=json.loads(row.spec_json),
        study_id=row.study_id,
        is_drawn=row.is_drawn,
    )


def heartbeat(database: Database, claim: Claim) -> Request | None:
    """Say that this attempt lives; returns what the user has asked of the run meanwhile.

    Raises:
        LeaseLost: the run is no longer this attempt's.
    """
    with database.engine.begin() as connection:  # not `write`: a heartbeat is no news to a screen
        fence(connection, claim)
        asked = select(schema.runs.c.request).where(schema.runs.c.trial_id == claim.trial_id)
        request = connection.execute(asked).scalar_one()
    return Request(request) if request else None


def report(database: Database, claim: Claim, epoch: int, value: float) -> None:
    """Record that ``epoch`` is finished with the validation error ``value``; once more for the same epoch is harmless.

    Raises:
        LeaseLost: the run is no longer this attempt's.
    """
    table = schema.trial_intermediate_values
    with database.write() as connection:
        fence(connection, claim)
        connection.execute(delete(table).where(table.c.trial_id == claim.trial_id, table.c.step == epoch))
        stored, value_type = as_stored(value)
        connection.execute(
            insert(table).values(
                trial_id=claim.trial_id, step=epoch, intermediate_value=stored, intermediate_value_type=value_type
            )
        )
        connection.execute(
            update(schema.runs)
            .where(schema.runs.c.trial_id == claim.trial_id)
            .values(epoch=epoch, last_value=stored, tries=0)
        )


def forget_after(database: Database, claim: Claim, epoch: int) -> None:
    """Drop reported values of epochs after ``epoch``: the checkpoint that this attempt goes on from is older.

    Raises:
        LeaseLost: the run is no longer this attempt's.
    """
    table = schema.trial_intermediate_values
    with database.write() as connection:
        fence(connection, claim)
        connection.execute(delete(table).where(table.c.trial_id == claim.trial_id, table.c.step > epoch))
        connection.execute(update(schema.runs).where(schema.runs.c.trial_id == claim.trial_id).values(epoch=epoch))


def finish(
    database: Database,
    claim: Claim,
    state: str,
    *,
    value: float | None = None,
    was_stopped: bool = False,
    reason: str | None = None,
    test: Mapping[str, float] | None = None,
) -> None:
    """End the run in Optuna's ``state`` COMPLETE, PRUNED or FAIL and give the lease up.

    Raises:
        LeaseLost: the run is no longer this attempt's.
    """
    with database.write() as connection:
        fence(connection, claim)
        end_trial(connection, claim.trial_id, state, value)
        values: dict[str, Any] = {"was_stopped": was_stopped, "reason": reason, "request": None}
        if test is not None:
            add_test(connection, claim.trial_id, test)
        connection.execute(update(schema.runs).where(schema.runs.c.trial_id == claim.trial_id).values(**values))
        drop_lease(connection, claim.trial_id)


def give_back(database: Database, claim: Claim, reason: str | None = None) -> None:
    """Put the run back as waiting (or as paused, where that was asked), in its old place; ``reason``: what it lacks.

    Raises:
        LeaseLost: the run is no longer this attempt's.
    """
    with database.write() as connection:
        fence(connection, claim)
        trials = schema.trials
        connection.execute(update(trials).where(trials.c.trial_id == claim.trial_id).values(state="WAITING"))
        values = {"tries": 0, "reason": reason}
        connection.execute(update(schema.runs).where(schema.runs.c.trial_id == claim.trial_id).values(**values))
        drop_lease(connection, claim.trial_id)
