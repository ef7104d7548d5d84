"""What is there, by plain queries: a list of 10,000 runs in milliseconds, where Optuna's summaries take seconds."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import Row, Select, func, select

from store import clock, schema
from store.database import Database
from store.errors import RequestError
from store.experiments import DATASET_ATTRIBUTE, KIND_ATTRIBUTE
from store.names import RunName
from store.queue import LEASE_S, is_lease_alive
from store.records import Experiment, Request, Run, RunState

STALLED_S = 10.0  # a heartbeat comes every 2 s; later than this, the screen says so


def change_token(database: Database) -> object:
    """Cheap, and unequal after every change made through this package by anyone (heartbeats are none)."""
    with database.read() as connection:
        return connection.execute(select(schema.changes.c.count)).scalar_one()


def experiments(database: Database) -> list[Experiment]:
    """All experiments of ours, by name; deleted runs are not counted."""
    studies, trials, runs, values = schema.studies, schema.trials, schema.runs, schema.trial_values
    attributes = schema.study_user_attributes
    named = select(studies.c.study_id, studies.c.study_name, attributes.c.key, attributes.c.value_json).join(
        attributes, attributes.c.study_id == studies.c.study_id
    )
    counted = (
        select(
            trials.c.study_id,
            trials.c.state,
            runs.c.request,
            runs.c.was_stopped,
            func.count(),
            func.min(values.c.value),
        )
        .join(runs, runs.c.trial_id == trials.c.trial_id)
        .outerjoin(values, values.c.trial_id == trials.c.trial_id)
        .where(runs.c.deleted_at.is_(None), trials.c.state != "RUNNING")
        .group_by(trials.c.study_id, trials.c.state, runs.c.request, runs.c.was_stopped)
    )
    running = (
        select(trials.c.study_id, trials.c.state, runs.c.request, runs.c.was_stopped, schema.leases)
        .join(runs, runs.c.trial_id == trials.c.trial_id)
        .outerjoin(schema.leases, schema.leases.c.trial_id == trials.c.trial_id)
        .where(runs.c.deleted_at.is_(None), trials.c.state == "RUNNING")
    )
    with database.read() as connection:
        name_rows = connection.execute(named.order_by(studies.c.study_name)).all()
        count_rows = connection.execute(counted).all()
        running_rows = connection.execute(running).mappings().all()
        now = clock.now(connection)
    states: dict[int, dict[RunState, int]] = {}
    best: dict[int, float] = {}
    for study_id, state, request, was_stopped, count, lowest in count_rows:
        shown = _state(state, request, was_stopped, None, now)
        states.setdefault(study_id, {}).setdefault(shown, 0)
        states[study_id][shown] += count
        if shown is RunState.COMPLETE and lowest is not None:
            best[study_id] = lowest
    for row in running_rows:
        shown = _state("RUNNING", row["request"], row["was_stopped"], row, now)
        states.setdefault(row["study_id"], {}).setdefault(shown, 0)
        states[row["study_id"]][shown] += 1
    described: dict[tuple[int, str], dict[str, Any]] = {}
    for study_id, name, key, value in name_rows:
        described.setdefault((study_id, name), {})[key] = json.loads(value)
    return [
        Experiment(
            study_id=study_id,
            experiment=name,
            kind=attrs[KIND_ATTRIBUTE],
            dataset=attrs.get(DATASET_ATTRIBUTE, ""),
            states=states.get(study_id, {}),
            best=best.get(study_id),
        )
        for (study_id, name), attrs in described.items()
        if KIND_ATTRIBUTE in attrs
    ]


def experiment(database: Database, name: str) -> Experiment:
    """Raises RequestError: there is none of that name."""
    for found in experiments(database):
        if found.experiment == name:
            return found
    raise RequestError(f"There is no experiment {name!a}: `aetui ls` shows those there are.")


def runs(database: Database, experiment: str | None = None, *, deleted: bool = False) -> list[Run]:
    """The runs of one experiment, or of all, by name and number; deleted ones only on request."""
    query = _runs_query()
    if experiment is not None:
        query = query.where(schema.studies.c.study_name == experiment)
    if not deleted:
        query = query.where(schema.runs.c.deleted_at.is_(None))
    return _read_runs(database, query.order_by(schema.studies.c.study_name, schema.trials.c.number))


def run(database: Database, name: RunName) -> Run:
    """One run, deleted or not.

    Raises:
        RequestError: there is none of that name.
    """
    query = _runs_query().where(schema.studies.c.study_name == name.experiment, schema.trials.c.number == name.number)
    found = _read_runs(database, query)
    if not found:
        raise RequestError(f"There is no run {name}: `aetui ls` shows those there are.")
    return found[0]


@dataclass(frozen=True, kw_only=True, slots=True)
class Frozen:
    """What a run was queued with: its whole configuration, and where its data set was found."""

    spec: Mapping[str, Any]
    data_dir: Path | None


def frozen(database: Database, name: RunName) -> Frozen:
    """Raises RequestError: there is no run of that name."""
    trial_id = run(database, name).trial_id
    with database.read() as connection:
        query = select(schema.runs.c.spec_json, schema.runs.c.data_dir).where(schema.runs.c.trial_id == trial_id)
        spec_json, data_dir = connection.execute(query).one()
    return Frozen(spec=json.loads(spec_json), data_dir=Path(data_dir) if data_dir else None)


def values(database: Database, trial_id: int) -> list[tuple[int, float | None]]:
    """Epoch and validation error reported for it, ascending; None where the error was not finite."""
    table = schema.trial_intermediate_values
    query = select(table.c.step, table.c.intermediate_value).where(table.c.trial_id == trial_id).order_by(table.c.step)
    with database.read() as connection:
        return [(step, value) for step, value in connection.execute(query)]


def queue_length(database: Database) -> int:
    """How many runs wait for a worker (held and paused ones do not)."""
    trials, own = schema.trials, schema.runs
    query = (
        select(func.count())
        .select_from(trials.join(own, own.c.trial_id == trials.c.trial_id))
        .where(trials.c.state == "WAITING", own.c.request.is_(None), own.c.deleted_at.is_(None))
    )
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def num_running(database: Database) -> int:
    """How many runs a worker has, or had when it died."""
    query = select(func.count()).select_from(schema.trials).where(schema.trials.c.state == "RUNNING")
    with database.read() as connection:
        return int(connection.execute(query).scalar_one())


def _runs_query() -> Select[Any]:
    studies, trials, own, leases, values = (
        schema.studies,
        schema.trials,
        schema.runs,
        schema.leases,
        schema.trial_values,
    )
    return (
        select(
            trials.c.trial_id,
            trials.c.number,
            trials.c.state,
            studies.c.study_name,
            values.c.value,
            own,
            leases.c.heartbeat_at,
            leases.c.claimed_at,
            leases.c.pid,
            leases.c.pid_started,
            leases.c.host.label("lease_host"),
        )
        .join(own, own.c.trial_id == trials.c.trial_id)
        .join(studies, studies.c.study_id == trials.c.study_id)
        .outerjoin(leases, leases.c.trial_id == trials.c.trial_id)
        .outerjoin(values, values.c.trial_id == trials.c.trial_id)
    )


def _read_runs(database: Database, query: Select[Any]) -> list[Run]:
    attributes = schema.trial_user_attributes
    with database.read() as connection:
        rows = connection.execute(query).all()
        now = clock.now(connection)
        wanted = query.with_only_columns(schema.trials.c.trial_id).order_by(None)
        picked = select(attributes.c.trial_id, attributes.c.key, attributes.c.value_json).where(
            attributes.c.trial_id.in_(wanted)
        )
        user_attrs: dict[int, dict[str, Any]] = {}
        for trial_id, key, value in connection.execute(picked):
            user_attrs.setdefault(trial_id, {})[key] = value
    return [_run(database, row, user_attrs.get(row.trial_id, {}), now) for row in rows]


def _run(database: Database, row: Row[Any], user_attrs: Mapping[str, str], now: float) -> Run:
    name = RunName(row.study_name, row.number)
    spec = json.loads(row.spec_json)
    lease = None
    if row.heartbeat_at is not None:
        lease = {
            "heartbeat_at": row.heartbeat_at,
            "host": row.lease_host,
            "pid": row.pid,
            "pid_started": row.pid_started,
        }
    duration = row.duration_s
    if row.claimed_at is not None:
        duration += max(0.0, row.heartbeat_at - row.claimed_at)
    settings = {k: v for part in ("model", "optim") for k, v in spec.get(part, {}).items()}
    return Run(
        trial_id=row.trial_id,
        name=name,
        kind=spec["kind"],
        dataset=spec["dataset"],
        state=_state(row.state, row.request, row.was_stopped, lease, now),
        value=row.value,
        last_value=row.last_value,
        epoch=row.epoch,
        epochs=row.epochs,
        params=settings,
        seed=spec["seed"],
        threads=spec["threads"],
        attempt=row.attempt,
        device=row.used_device or row.device,
        host=row.host,
        directory=str(database.root.run(name).folder),
        reason=row.reason,
        duration_s=duration,
        locked=row.locked,
        deleted=row.deleted_at is not None,
        request=Request(row.request) if row.request else None,
        test=json.loads(row.test_json) if row.test_json else {},
        user_attrs={key: json.loads(value) for key, value in user_attrs.items()},
    )


def _state(
    trial_state: str, request: str | None, was_stopped: bool, lease: Mapping[Any, Any] | None, now: float
) -> RunState:
    match trial_state:
        case "WAITING":
            return {"hold": RunState.HELD, "pause": RunState.PAUSED}.get(request or "", RunState.WAITING)
        case "RUNNING":
            if lease is None or not is_lease_alive(lease, now):
                return RunState.LOST
            return RunState.STALLED if now - lease["heartbeat_at"] > min(STALLED_S, LEASE_S) else RunState.RUNNING
        case "PRUNED":
            return RunState.STOPPED if was_stopped else RunState.PRUNED
        case "COMPLETE":
            return RunState.COMPLETE
        case _:
            return RunState.FAILED
