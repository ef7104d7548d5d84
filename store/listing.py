"""What is there, by plain queries: a list of 10,000 runs in milliseconds, where Optuna's summaries take seconds."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Row, Select, and_, func, select

from store import clock, schema
from store.database import Database
from store.errors import RequestError
from store.experiments import DATASET_ATTRIBUTE, KIND_ATTRIBUTE
from store.json_file import loads
from store.leases import LEASE_S, is_lease_alive
from store.names import RunName, is_name
from store.records import Experiment, Request, Run, RunState

_PARTS = ("model", "optim")  # of a configuration: what a run's settings are
STALLED_S = 10.0  # a heartbeat comes every 2 s; later than this, the screen says so


def change_token(database: Database) -> int:
    """Cheap, and unequal after every change made through this package by anyone (heartbeats are none)."""
    with database.read() as connection:
        return count_of_changes(connection)


def count_of_changes(connection: Connection) -> int:
    """How many transactions have written since the storage was made."""
    return int(connection.execute(select(schema.changes.c.count)).scalar_one())


def experiments(database: Database) -> list[Experiment]:
    """All experiments of ours, by name; deleted runs are not counted."""
    with database.read() as connection:
        described = describe(connection)
        counted = count(connection)
        alive = leases(connection)
        now = clock.now(connection)
    return [each.experiment(counted.get(each.study_id, Counts()), alive, now) for each in described]


@dataclass(frozen=True, kw_only=True, slots=True)
class Description:
    """What never changes of an experiment."""

    study_id: int
    name: str
    kind: str
    dataset: str

    def experiment(self, counts: "Counts", alive: Mapping[int, Mapping[Any, Any]], now: float) -> Experiment:
        """``alive``: the leases that there are at ``now``, by trial."""
        states = dict(counts.states)
        for trial_id in counts.running:
            state = state_of("RUNNING", None, False, alive.get(trial_id), now)
            states[state] = states.get(state, 0) + 1
        return Experiment(
            study_id=self.study_id,
            experiment=self.name,
            kind=self.kind,
            dataset=self.dataset,
            states=states,
            best=counts.best,
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """The runs of one experiment that are not deleted: those in Optuna's state RUNNING by trial, how many others."""

    states: Mapping[RunState, int] = field(default_factory=dict)
    running: tuple[int, ...] = ()
    best: float | None = None


def num_studies(connection: Connection) -> int:
    """How many there are, those that are not ours too."""
    return int(connection.execute(select(func.count()).select_from(schema.studies)).scalar_one())


def describe(connection: Connection) -> list[Description]:
    """Every experiment of ours, by name; not a copy that another program made under a name that is no folder's."""
    studies, attributes = schema.studies, schema.study_user_attributes
    query = (
        select(studies.c.study_id, studies.c.study_name, attributes.c.key, attributes.c.value_json)
        .join(attributes, attributes.c.study_id == studies.c.study_id)
        .where(attributes.c.key.in_((KIND_ATTRIBUTE, DATASET_ATTRIBUTE)))
        .order_by(studies.c.study_name)
    )
    found: dict[tuple[int, str], dict[str, str]] = {}
    for study_id, name, key, value in connection.execute(query):
        found.setdefault((study_id, name), {})[key] = _read(value)
    return [
        Description(
            study_id=study_id,
            name=name,
            kind=str(attrs[KIND_ATTRIBUTE]),
            dataset=str(attrs.get(DATASET_ATTRIBUTE, "")),
        )
        for (study_id, name), attrs in found.items()
        if KIND_ATTRIBUTE in attrs and is_name(name)
    ]


def count(connection: Connection, study_ids: Sequence[int] | None = None) -> dict[int, Counts]:
    """The runs of those studies, or of all, by study; none of one that is not there."""
    trials, own, values = schema.trials, schema.runs, schema.trial_values
    kept = (
        own.c.deleted_at.is_(None)
        if study_ids is None
        else and_(own.c.deleted_at.is_(None), own.c.study_id.in_(study_ids))
    )
    ended = (
        select(own.c.study_id, trials.c.state, own.c.request, own.c.was_stopped, func.count(), func.min(values.c.value))
        .join(trials, trials.c.trial_id == own.c.trial_id)
        .outerjoin(values, values.c.trial_id == own.c.trial_id)
        .where(kept, trials.c.state != "RUNNING")
        .group_by(own.c.study_id, trials.c.state, own.c.request, own.c.was_stopped)
    )
    begun = (
        select(own.c.study_id, own.c.trial_id)
        .join(trials, trials.c.trial_id == own.c.trial_id)
        .where(kept, trials.c.state == "RUNNING")
    )
    states: dict[int, dict[RunState, int]] = {}
    best: dict[int, float] = {}
    for study_id, state, request, was_stopped, number, lowest in connection.execute(ended):
        shown = state_of(state, request, was_stopped, None, 0.0)
        of_study = states.setdefault(study_id, {})
        of_study[shown] = of_study.get(shown, 0) + number
        if shown is RunState.COMPLETE and lowest is not None:
            best[study_id] = lowest
    running: dict[int, list[int]] = {}
    for study_id, trial_id in connection.execute(begun):
        running.setdefault(study_id, []).append(trial_id)
    return {
        study_id: Counts(
            states=states.get(study_id, {}), running=tuple(running.get(study_id, ())), best=best.get(study_id)
        )
        for study_id in {*states, *running}
    }


def leases(connection: Connection) -> dict[int, Mapping[Any, Any]]:
    """Every lease, by trial."""
    return {row["trial_id"]: row for row in connection.execute(select(schema.leases)).mappings()}


def experiment(database: Database, name: str) -> Experiment:
    """Raises RequestError: there is none of that name."""
    for found in experiments(database):
        if found.experiment == name:
            return found
    raise RequestError(f"There is no experiment {name!a}: `aetui ls` shows those there are.")


def runs(database: Database, experiment: str | None = None, *, deleted: bool = False) -> list[Run]:
    """The runs of one experiment, or of all, by name and number; deleted ones only on request."""
    query = runs_query()
    if experiment is not None:
        query = query.where(schema.studies.c.study_name == experiment)
    if not deleted:
        query = query.where(schema.runs.c.deleted_at.is_(None))
    query = query.order_by(schema.studies.c.study_name, schema.trials.c.number)
    with database.read() as connection:
        return read_runs(connection, query, database.root.path)


def run(database: Database, name: RunName) -> Run:
    """One run, deleted or not.

    Raises:
        RequestError: there is none of that name.
    """
    query = runs_query().where(schema.studies.c.study_name == name.experiment, schema.trials.c.number == name.number)
    with database.read() as connection:
        found = read_runs(connection, query, database.root.path)
    if not found or found[0].name != name:  # MySQL takes upper case for lower case
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


def runs_query() -> Select[Any]:
    """All that `read_runs` needs of each run, deleted or not."""
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


def read_runs(
    connection: Connection,
    query: Select[Any],
    folder: Path,
    *,
    newest: int | None = None,
    with_settings: bool = True,
) -> list[Run]:
    """The runs of ``query``, a `runs_query` with its conditions; their folders lie in ``folder``.

    With ``newest``, only so many of them, the newest first. Without ``with_settings``, attributes that only repeat
    settings of the run are left out: nearly all of them.
    """
    attributes = schema.trial_user_attributes
    limited = query.order_by(schema.trials.c.trial_id.desc()).limit(newest) if newest is not None else query
    rows = connection.execute(limited).all()
    if not rows:
        return []
    now = clock.now(connection)
    specs = [json.loads(row.spec_json) for row in rows]
    # By their keys where they are few: MySQL takes no query with a limit there.
    all_of_them = query.with_only_columns(schema.trials.c.trial_id).order_by(None)
    wanted = all_of_them if newest is None else [row.trial_id for row in rows]
    picked = select(attributes.c.trial_id, attributes.c.key, attributes.c.value_json).where(
        attributes.c.trial_id.in_(wanted)
    )
    if not with_settings:
        names = {"seed"}.union(*(spec.get(part, {}) for spec in specs for part in _PARTS))
        picked = picked.where(attributes.c.key.not_in(names))
    user_attrs: dict[int, dict[str, Any]] = {}
    for trial_id, key, value in connection.execute(picked):
        user_attrs.setdefault(trial_id, {})[key] = _read(value)
    return [
        _run(row, spec, user_attrs.get(row.trial_id, {}), folder, now) for row, spec in zip(rows, specs, strict=True)
    ]


def _read(text: str) -> Any:
    """A user attribute, which any program may have written; None where it cannot be read."""
    try:
        return loads(text)
    except ValueError:
        return None


def _run(row: Row[Any], spec: Mapping[str, Any], user_attrs: Mapping[str, Any], folder: Path, now: float) -> Run:
    name = RunName(row.study_name, row.number)
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
    return Run(
        trial_id=row.trial_id,
        name=name,
        kind=spec["kind"],
        dataset=spec["dataset"],
        state=state_of(row.state, row.request, row.was_stopped, lease, now),
        value=row.value,
        last_value=row.last_value,
        epoch=row.epoch,
        epochs=row.epochs,
        params={key: value for part in _PARTS for key, value in spec.get(part, {}).items()},
        seed=spec["seed"],
        threads=spec["threads"],
        attempt=row.attempt,
        device=row.used_device or row.device,
        host=row.host,
        directory=f"{folder}/{name}",
        reason=row.reason,
        duration_s=duration,
        locked=row.locked,
        deleted=row.deleted_at is not None,
        request=Request(row.request) if row.request else None,
        test=json.loads(row.test_json) if row.test_json else {},
        user_attrs=user_attrs,
    )


def state_of(
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
