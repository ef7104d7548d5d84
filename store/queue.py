"""The queue: enqueue, claim, report, finish. Every step is one transaction, fenced by the attempt number.

Optuna's own queue runs a trial more than once under SQLite (its row lock is dropped there), so claiming is one
conditional UPDATE here: whoever changes the row from WAITING to RUNNING has the run.
"""

import datetime
import json
import math
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, case, delete, func, insert, not_, or_, select, update

from store import clock, schema
from store.database import Database
from store.errors import LeaseLost
from store.memory import OomWatch, try_smaller
from store.names import RunName
from store.records import Claim, Request

LEASE_S = 30.0  # a worker of another host is given up after so long a silence
MAX_TRIES = 3  # attempts in a row that did not get through one epoch: whoever kills from outside spares some epochs
_CANDIDATES = 32
_OUT_OF_MEMORY = "the kernel ended its worker because the machine ran out of memory"

oom_watch = OomWatch()


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
        .values(state="RUNNING", datetime_start=func.coalesce(trials.c.datetime_start, _utc_now()))
    )
    if taken.rowcount != 1:
        return None
    connection.execute(
        update(runs)
        .where(runs.c.trial_id == trial_id)
        .values(attempt=runs.c.attempt + 1, tries=runs.c.tries + 1, host=clock.host(), used_device=device, reason=None)
    )
    _lease(connection, trial_id, worker_id)
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


def _lease(connection: Connection, trial_id: int, worker_id: str) -> None:
    worker = schema.workers
    row = connection.execute(select(worker).where(worker.c.worker_id == worker_id)).mappings().one()
    attempt = select(schema.runs.c.attempt).where(schema.runs.c.trial_id == trial_id).scalar_subquery()
    now = clock.now(connection)
    connection.execute(delete(schema.leases).where(schema.leases.c.trial_id == trial_id))
    connection.execute(
        insert(schema.leases).values(
            trial_id=trial_id,
            attempt=attempt,
            worker_id=worker_id,
            host=row["host"],
            pid=row["pid"],
            pid_started=row["pid_started"],
            claimed_at=now,
            heartbeat_at=now,
        )
    )


def check_lease(database: Database, claim: Claim) -> None:
    """Raises LeaseLost: the run is no longer this attempt's."""
    leases = schema.leases
    with database.read() as connection:
        held = select(leases.c.attempt).where(leases.c.trial_id == claim.trial_id)
        if connection.execute(held).scalar_one_or_none() != claim.attempt:
            raise LeaseLost(str(claim.name))


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
        stored, value_type = _stored(value)
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
        _drop_lease(connection, claim.trial_id)


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
        _drop_lease(connection, claim.trial_id)


def requeue_dead(database: Database) -> list[RunName]:
    """Put the runs of dead workers back as waiting, in their old places, with all they had; returns their names.

    A run whose workers died `MAX_TRIES` times in a row without finishing an epoch has failed instead.
    """
    trials, studies, leases = schema.trials, schema.studies, schema.leases
    running = (
        select(trials.c.trial_id, trials.c.number, studies.c.study_name, leases)
        .join(schema.runs, schema.runs.c.trial_id == trials.c.trial_id)
        .join(studies, studies.c.study_id == trials.c.study_id)
        .outerjoin(leases, leases.c.trial_id == trials.c.trial_id)
        .where(trials.c.state == "RUNNING")
    )
    oom_watch.look()
    with database.read() as connection:
        now = clock.now(connection)
        # Of a thousand workers elsewhere, all the fresh leases need not be read by each of them.
        is_fresh = leases.c.heartbeat_at.between(now - LEASE_S, now + LEASE_S)
        doubtful = or_(leases.c.trial_id.is_(None), leases.c.host == clock.host(), not_(is_fresh))
        rows = connection.execute(running.where(doubtful)).mappings().all()
    if any(row["heartbeat_at"] is not None and row["heartbeat_at"] > now + LEASE_S for row in rows):
        _set_back(database)
    dead = [row for row in rows if not is_lease_alive(row, now)]
    return [RunName(row["study_name"], row["number"]) for row in dead if _requeue(database, row)]


def _set_back(database: Database) -> None:
    """The clock was: signs of life from what is the future now count from now on, or the dead would seem to live."""
    leases = schema.leases
    with database.engine.begin() as connection:
        now = clock.now(connection)
        connection.execute(
            update(leases)
            .where(leases.c.heartbeat_at > now + LEASE_S)
            .values(claimed_at=leases.c.claimed_at - (leases.c.heartbeat_at - now), heartbeat_at=now)
        )


def is_lease_alive(lease: Mapping[Any, Any], now: float) -> bool:
    """By pid and start time on this host, by the age of the heartbeat elsewhere (or where the process hangs)."""
    if lease["heartbeat_at"] is None or now - lease["heartbeat_at"] > LEASE_S:
        return False
    return lease["host"] != clock.host() or clock.is_process_alive(lease["pid"], lease["pid_started"])


def _requeue(database: Database, row: Mapping[Any, Any]) -> bool:
    trials, runs, leases = schema.trials, schema.runs, schema.leases
    trial_id = row[trials.c.trial_id]
    with database.write() as connection:
        if row["attempt"] is not None:
            same = (leases.c.trial_id == trial_id, leases.c.attempt == row["attempt"])
            silent = leases.c.heartbeat_at == row["heartbeat_at"]
            if connection.execute(select(leases.c.attempt).where(*same, silent)).first() is None:
                return False  # it woke up, or another was first
            _drop_lease(connection, trial_id)
        back = connection.execute(
            update(trials).where(trials.c.trial_id == trial_id, trials.c.state == "RUNNING").values(state="WAITING")
        )
        if back.rowcount != 1:
            return False
        found = connection.execute(select(runs.c.tries, runs.c.spec_json).where(runs.c.trial_id == trial_id)).one()
        reason = _OUT_OF_MEMORY if row["host"] == clock.host() and oom_watch.has_killed() else None
        if found.tries >= MAX_TRIES:
            end_trial(connection, trial_id, "FAIL", None)
            log = database.root.run(RunName(row["study_name"], row["number"])).log
            smaller = try_smaller(json.loads(found.spec_json))
            advice = f", at last because the machine ran out of memory ({smaller})" if reason else ""
            reason = f"its worker died {found.tries} times without finishing an epoch{advice}: see {log}"
        connection.execute(update(runs).where(runs.c.trial_id == trial_id).values(reason=reason))
    return True


def end_trial(connection: Connection, trial_id: int, state: str, value: float | None) -> None:
    """Write what Optuna writes at the end of a trial."""
    trials, values = schema.trials, schema.trial_values
    now = _utc_now()
    # Never before its start, should the clock have been set back since: Optuna's own tools take the difference.
    ended = case((trials.c.datetime_start > now, trials.c.datetime_start), else_=now)
    connection.execute(update(trials).where(trials.c.trial_id == trial_id).values(state=state, datetime_complete=ended))
    if value is not None and not math.isnan(value):
        stored, value_type = _stored(value)
        connection.execute(delete(values).where(values.c.trial_id == trial_id))
        connection.execute(insert(values).values(trial_id=trial_id, objective=0, value=stored, value_type=value_type))


def fence(connection: Connection, claim: Claim) -> None:
    """Renew the lease, or raise LeaseLost; what follows in the transaction happens only if the lease held."""
    leases, now = schema.leases, clock.now(connection)
    # Where the clock was set back since, the beginning is moved along: what was spent so far stays what it is.
    back = case((leases.c.heartbeat_at > now, leases.c.heartbeat_at - now), else_=0.0)
    renewed = connection.execute(
        update(leases)
        .where(leases.c.trial_id == claim.trial_id, leases.c.attempt == claim.attempt)
        .values(heartbeat_at=now, claimed_at=leases.c.claimed_at - back)
    )
    if renewed.rowcount != 1:
        raise LeaseLost(str(claim.name))


def _drop_lease(connection: Connection, trial_id: int) -> None:
    runs, leases = schema.runs, schema.leases
    claimed = select(leases.c.claimed_at).where(leases.c.trial_id == trial_id)
    if (since := connection.execute(claimed).scalar_one_or_none()) is not None:
        last_sign = select(leases.c.heartbeat_at).where(leases.c.trial_id == trial_id)
        until = float(connection.execute(last_sign).scalar_one())
        spent = max(0.0, until - since)  # a clock set back counts as nothing
        connection.execute(update(runs).where(runs.c.trial_id == trial_id).values(duration_s=runs.c.duration_s + spent))
        connection.execute(delete(leases).where(leases.c.trial_id == trial_id))


def add_test(connection: Connection, trial_id: int, figures: Mapping[str, float]) -> None:
    """Add test figures to those that a run has; also as user attributes, for Optuna's dashboard."""
    runs = schema.runs
    before = connection.execute(select(runs.c.test_json).where(runs.c.trial_id == trial_id)).scalar_one()
    merged = {**(json.loads(before) if before else {}), **figures}
    connection.execute(update(runs).where(runs.c.trial_id == trial_id).values(test_json=json.dumps(merged)))
    set_user_attrs(connection, trial_id, {f"test_{key}": figure for key, figure in figures.items()})


def touch(connection: Connection, *trial_ids: int) -> None:
    """Let readers know that the runs have changed, where their own rows stay as they are."""
    values = {"changed": schema.THIS_CHANGE}
    connection.execute(update(schema.runs).where(schema.runs.c.trial_id.in_(trial_ids)).values(values))


def set_user_attrs(connection: Connection, trial_id: int, attrs: Mapping[str, Any]) -> None:
    """Set user attributes of a trial, whatever its state."""
    touch(connection, trial_id)
    table = schema.trial_user_attributes
    connection.execute(delete(table).where(table.c.trial_id == trial_id, table.c.key.in_(list(attrs))))
    rows = [{"trial_id": trial_id, "key": key, "value_json": json.dumps(value)} for key, value in attrs.items()]
    if rows:
        connection.execute(insert(table), rows)


def _stored(value: float) -> tuple[float | None, str]:
    """A value as Optuna keeps it: a number, or none and a word for what no database column holds."""
    if math.isnan(value):
        return None, "NAN"
    if math.isinf(value):
        return None, "INF_POS" if value > 0 else "INF_NEG"
    return value, "FINITE"


def _utc_now() -> datetime.datetime:
    return datetime.datetime.now(datetime.UTC).replace(tzinfo=None)
