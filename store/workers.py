"""Workers as the storage knows them: they register, beat, and are forgotten when they leave or die."""

import os

from sqlalchemy import delete, insert, select, update

from store import clock, schema
from store.database import Database
from store.leases import LEASE_S
from store.names import RunName
from store.records import Worker


def register(database: Database, worker_id: str, device: str, log: str | None) -> None:
    """Enter this process as a worker on ``device``."""
    with database.write() as connection:
        now = clock.now(connection)
        connection.execute(
            insert(schema.workers).values(
                worker_id=worker_id,
                host=clock.host(),
                pid=os.getpid(),
                pid_started=clock.process_started(),
                device=device,
                log=log,
                started_at=now,
                heartbeat_at=now,
            )
        )


def beat(database: Database, worker_id: str) -> None:
    """Say that the worker lives."""
    table = schema.workers
    with database.engine.begin() as connection:  # not `write`: no news to a screen
        now = clock.now(connection)
        connection.execute(update(table).where(table.c.worker_id == worker_id).values(heartbeat_at=now))


def unregister(database: Database, worker_id: str) -> None:
    with database.write() as connection:
        connection.execute(delete(schema.workers).where(schema.workers.c.worker_id == worker_id))


def workers(database: Database) -> list[Worker]:
    """All that are entered, on every host, oldest first; the dead ones too (see `forget_dead`)."""
    table, leases, trials, studies = schema.workers, schema.leases, schema.trials, schema.studies
    query = (
        select(table, trials.c.number, studies.c.study_name)
        .outerjoin(leases, leases.c.worker_id == table.c.worker_id)
        .outerjoin(trials, trials.c.trial_id == leases.c.trial_id)
        .outerjoin(studies, studies.c.study_id == trials.c.study_id)
        .order_by(table.c.started_at)
    )
    with database.read() as connection:
        rows = connection.execute(query).mappings().all()
        now = clock.now(connection) if rows else 0.0
    found = []
    for row in rows:
        age = now - row["heartbeat_at"]
        here = row["host"] == clock.host()
        alive = clock.is_process_alive(row["pid"], row["pid_started"]) if here else age <= LEASE_S
        found.append(
            Worker(
                worker_id=row["worker_id"],
                host=row["host"],
                pid=row["pid"],
                device=row["device"],
                started_at=row["started_at"],
                heartbeat_age_s=max(0.0, age),
                alive=alive,
                run=RunName(row["study_name"], row["number"]) if row["study_name"] else None,
                log=row["log"],
            )
        )
    return found


def forget_dead(database: Database) -> None:
    """Remove the entries of dead workers; their runs are put back by `store.takeover.requeue_dead`."""
    _set_back(database)
    for worker in workers(database):
        if not worker.alive:
            unregister(database, worker.worker_id)


def _set_back(database: Database) -> None:
    """Let signs of life from what is the future, since the clock was set back, count from now on."""
    table = schema.workers
    with database.read() as connection:
        now = clock.now(connection)
        query = select(table.c.worker_id).where(table.c.heartbeat_at > now + LEASE_S)
        ahead = connection.execute(query).scalars().all()
    if ahead:
        with database.engine.begin() as connection:
            connection.execute(update(table).where(table.c.worker_id.in_(ahead)).values(heartbeat_at=now))
