"""Taking the runs of dead workers back, so that others go on with them."""

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import not_, or_, select, update

from store import clock, schema
from store.database import Database
from store.leases import LEASE_S, drop_lease, is_lease_alive
from store.memory import OomWatch, try_smaller
from store.names import RunName
from store.trial_rows import end_trial

MAX_TRIES = 3  # attempts in a row that did not get through one epoch: whoever kills from outside spares some epochs
_OUT_OF_MEMORY = "the kernel ended its worker because the machine ran out of memory"

oom_watch = OomWatch()


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


def _requeue(database: Database, row: Mapping[Any, Any]) -> bool:
    trials, runs, leases = schema.trials, schema.runs, schema.leases
    trial_id = row[trials.c.trial_id]
    with database.write() as connection:
        if row["attempt"] is not None:
            same = (leases.c.trial_id == trial_id, leases.c.attempt == row["attempt"])
            silent = leases.c.heartbeat_at == row["heartbeat_at"]
            if connection.execute(select(leases.c.attempt).where(*same, silent)).first() is None:
                return False  # it woke up, or another was first
            drop_lease(connection, trial_id)
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
