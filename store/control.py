"""What users ask of runs: stop, pause, hold, resume, remove, restore, lock. Each checks that it makes sense first."""

import shutil
from pathlib import Path

from sqlalchemy import Connection, delete, select, update

from store import clock, schema
from store.database import Database
from store.errors import RequestError
from store.listing import run
from store.names import RunName
from store.queue import end_trial
from store.records import Request, Run


def stop(database: Database, name: RunName) -> None:
    """Ask a live run to finish its epoch and end as stopped; a run that only waits ends at once.

    Raises:
        RequestError: it has ended already.
    """
    found = present(database, name)
    check_stoppable(found)
    with database.write() as connection:
        if _unfinished_state(connection, found) == "WAITING":
            end_trial(connection, found.trial_id, "PRUNED", found.last_value)
            _set(connection, found, request=None, was_stopped=True)
        else:
            _set(connection, found, request=Request.STOP)


def check_stoppable(found: Run) -> None:
    """Raises RequestError: the run has ended already."""
    if found.state.is_finished:
        raise RequestError(f"{found.name} has ended already ({found.state}): there is nothing to stop.")


def pause(database: Database, name: RunName) -> None:
    """Let a live run leave its worker at once, or a waiting one not start, until it is resumed.

    Raises:
        RequestError: it has ended, or is paused already.
    """
    found = present(database, name)
    check_pausable(found)
    with database.write() as connection:
        # A run that never began has nothing to pause: it is held back in the queue.
        waits = _unfinished_state(connection, found) == "WAITING"
        _set(connection, found, request=Request.HOLD if waits and found.epoch == 0 else Request.PAUSE)


def check_pausable(found: Run) -> None:
    """Raises RequestError: the run has ended, or is held back already."""
    if found.state.is_finished or found.request in (Request.PAUSE, Request.HOLD):
        raise RequestError(f"{found.name} is {found.state}: only a running or waiting run can be paused.")


def resume(database: Database, name: RunName) -> None:
    """Let a paused or held run go on from where it was; also takes back a pause or stop that was not obeyed yet.

    Raises:
        RequestError: nothing holds it back.
    """
    found = present(database, name)
    if found.state.is_finished or found.request is None:
        raise RequestError(f"{name} is {found.state}: only a paused or held run can be resumed in place.")
    with database.write() as connection:
        _unfinished_state(connection, found)
        _set(connection, found, request=None)


def fail_live(database: Database, name: RunName, reason: str) -> None:
    """End a live run as failed, its lease taken away: whatever its worker still does is not written.

    Raises:
        RequestError: it is not live.
    """
    found = present(database, name)
    check_killable(found)
    with database.write() as connection:
        if _unfinished_state(connection, found) == "WAITING":  # its worker gave it back just now
            raise RequestError(f"{name} waits again: `aetui stop {name}` ends it.")
        end_trial(connection, found.trial_id, "FAIL", None)
        _set(connection, found, request=None, reason=reason, duration_s=found.duration_s)
        connection.execute(delete(schema.leases).where(schema.leases.c.trial_id == found.trial_id))


def check_killable(found: Run) -> None:
    """Raises RequestError: the run is not live."""
    if not found.state.is_live:
        raise RequestError(f"{found.name} is {found.state}: only a running run can be killed.")


def remove(database: Database, name: RunName) -> None:
    """Mark a run deleted and move its folder to the trash; its number is never used again.

    Raises:
        RequestError: it is live or locked.
    """
    found = present(database, name)
    check_removable(found)
    with database.write() as connection:
        if _state_of(connection, found) == "RUNNING":  # claimed meanwhile
            raise RequestError(f"{name} is running: stop it first (`aetui stop {name}`).")
        _set(connection, found, deleted_at=clock.now(connection))
    _move(database.root.run(name).folder, database.root.trashed(name))


def check_removable(found: Run) -> None:
    """Raises RequestError: the run is live or locked."""
    if found.state.is_live:
        raise RequestError(f"{found.name} is {found.state}: stop it first (`aetui stop {found.name}`).")
    if found.locked:
        raise RequestError(f"{found.name} is locked: unlock it first.")


def restore(database: Database, name: RunName) -> None:
    """Take a deleted run back out of the trash.

    Raises:
        RequestError: it is not deleted.
    """
    found = run(database, name)
    check_restorable(found)
    _move(database.root.trashed(name), database.root.run(name).folder)
    with database.write() as connection:
        _set(connection, found, deleted_at=None)


def check_restorable(found: Run) -> None:
    """Raises RequestError: the run is not deleted."""
    if not found.deleted:
        raise RequestError(f"{found.name} is not deleted: there is nothing to restore.")


def set_lock(database: Database, name: RunName, locked: bool) -> None:
    """Protect a run against deletion, or no longer."""
    found = present(database, name)
    with database.write() as connection:
        _set(connection, found, locked=locked)


def present(database: Database, name: RunName) -> Run:
    """The run of that name.

    Raises:
        RequestError: there is none, or it is deleted.
    """
    found = run(database, name)
    if found.deleted:
        raise RequestError(f"{name} is deleted: `aetui restore {name}` brings it back.")
    return found


def _state_of(connection: Connection, found: Run) -> str:
    query = select(schema.trials.c.state).where(schema.trials.c.trial_id == found.trial_id)
    return str(connection.execute(query).scalar_one())


def _unfinished_state(connection: Connection, found: Run) -> str:
    """WAITING or RUNNING, as it is in this transaction.

    Raises:
        RequestError: the run has ended meanwhile.
    """
    state = _state_of(connection, found)
    if state not in ("WAITING", "RUNNING"):
        raise RequestError(f"{found.name} has ended meanwhile.")
    return state


def _set(connection: Connection, found: Run, **values: object) -> None:
    connection.execute(update(schema.runs).where(schema.runs.c.trial_id == found.trial_id).values(**values))


def _move(source: Path, target: Path) -> None:
    if not source.exists():
        return  # it never began
    if target.exists():
        shutil.rmtree(target)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.rename(target)
