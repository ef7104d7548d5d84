"""Leases: which attempt holds a run, fenced by its number, and whether the worker behind it still lives."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, case, delete, insert, select, update

from store import clock, schema
from store.database import Database
from store.errors import LeaseLost
from store.records import Claim

LEASE_S = 30.0  # a worker of another host is given up after so long a silence


def take_lease(connection: Connection, trial_id: int, worker_id: str) -> None:
    """Give the run to this worker, under the attempt number that its row has."""
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


def check_lease(database: Database, claim: Claim) -> None:
    """Raises LeaseLost: the run is no longer this attempt's."""
    leases = schema.leases
    with database.read() as connection:
        held = select(leases.c.attempt).where(leases.c.trial_id == claim.trial_id)
        if connection.execute(held).scalar_one_or_none() != claim.attempt:
            raise LeaseLost(str(claim.name))


def is_lease_alive(lease: Mapping[Any, Any], now: float) -> bool:
    """By pid and start time on this host, by the age of the heartbeat elsewhere (or where the process hangs)."""
    if lease["heartbeat_at"] is None or now - lease["heartbeat_at"] > LEASE_S:
        return False
    return lease["host"] != clock.host() or clock.is_process_alive(lease["pid"], lease["pid_started"])


def drop_lease(connection: Connection, trial_id: int) -> None:
    """End the lease, where there is one, and count what was spent under it."""
    runs, leases = schema.runs, schema.leases
    claimed = select(leases.c.claimed_at).where(leases.c.trial_id == trial_id)
    if (since := connection.execute(claimed).scalar_one_or_none()) is not None:
        last_sign = select(leases.c.heartbeat_at).where(leases.c.trial_id == trial_id)
        until = float(connection.execute(last_sign).scalar_one())
        spent = max(0.0, until - since)  # a clock set back counts as nothing
        connection.execute(update(runs).where(runs.c.trial_id == trial_id).values(duration_s=runs.c.duration_s + spent))
        connection.execute(delete(leases).where(leases.c.trial_id == trial_id))
