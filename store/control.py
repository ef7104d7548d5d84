"""What users ask of runs: stop, pause, resume, remove, restore, lock, tag. Each checks first that it makes sense."""

import fcntl
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, delete, func, insert, select, update

from store import clock, schema
from store.database import Database
from store.errors import RequestError
from store.listing import run
from store.names import RunName, check_note, check_tag
from store.paths import Root
from store.records import NOTE_ATTRIBUTE, TAGS_ATTRIBUTE, Request, Run
from store.trial_rows import end_trial, touch

MAX_TAGS = 50
_AT_ONCE = 500  # names in one query
_HELD_BACK = (Request.PAUSE, Request.HOLD)


def stop(database: Database, name: RunName) -> None:
    """Ask a live run to finish its epoch and end as stopped; a run that only waits ends at once.

    Raises:
        RequestError: it has ended already.
    """
    found = present(database, name)
    check_stoppable(found)
    with database.write() as connection:
        if _unfinished_state(connection, found) == "WAITING":
            end_trial(connection, found.trial_id, "PRUNED", _best_reported(connection, found))
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
        if _request_of(connection, found) in _HELD_BACK:
            raise RequestError(f"{name} has been paused meanwhile.")
        _set(connection, found, request=Request.HOLD if waits and found.epoch == 0 else Request.PAUSE)


def check_pausable(found: Run) -> None:
    """Raises RequestError: the run has ended, or is held back already."""
    if found.state.is_finished or found.request in _HELD_BACK:
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
        if _request_of(connection, found) is None:
            raise RequestError(f"{name} has been resumed meanwhile.")
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
    with _moving(database.root):
        found = present(database, name)
        check_removable(found)
        folder = database.root.run(name).folder
        database.root.check_holds(folder)
        with database.write() as connection:
            if _state_of(connection, found) == "RUNNING":  # claimed meanwhile
                raise RequestError(f"{name} is running: stop it first (`aetui stop {name}`).")
            _set(connection, found, deleted_at=clock.now(connection))
        _move(folder, database.root.trashed(name))


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
    with _moving(database.root):
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


def annotate(
    database: Database,
    names: Sequence[RunName],
    *,
    add: Sequence[str] = (),
    remove: Sequence[str] = (),
    note: str | None = None,
) -> None:
    """Add tags to runs, take others off, and write ``note`` beside them ("" takes it away; None leaves it).

    All of it or, where something is refused, nothing; tags stand in the order in which they were added.

    Raises:
        RequestError: a run is absent or deleted, a tag or the note cannot be used, or there are too many tags.
    """
    for tag in add:
        check_tag(tag)
    if note is not None:
        check_note(note)
    with database.write() as connection:
        ids = _trial_ids(connection, names)
        for begin in range(0, len(names), _AT_ONCE):
            some = {ids[name]: name for name in names[begin : begin + _AT_ONCE]}
            if add or remove:
                tags = _tags(connection, some)
                _write(
                    connection,
                    TAGS_ATTRIBUTE,
                    {each: _changed(some[each], tags.get(each, ()), add, remove) for each in some},
                )
            if note is not None:
                _write(connection, NOTE_ATTRIBUTE, dict.fromkeys(some, note))
            touch(connection, *some)


def present(database: Database, name: RunName) -> Run:
    """The run of that name.

    Raises:
        RequestError: there is none, or it is deleted.
    """
    found = run(database, name)
    if found.deleted:
        raise _is_deleted(name)
    return found


def _trial_ids(connection: Connection, names: Sequence[RunName]) -> dict[RunName, int]:
    """Raises RequestError: one of them is absent or deleted."""
    trials, studies, own = schema.trials, schema.studies, schema.runs
    found: dict[RunName, int] = {}
    for begin in range(0, len(names), _AT_ONCE):
        for experiment in dict.fromkeys(name.experiment for name in names[begin : begin + _AT_ONCE]):
            numbers = [name.number for name in names[begin : begin + _AT_ONCE] if name.experiment == experiment]
            query = (
                select(trials.c.number, trials.c.trial_id, own.c.deleted_at)
                .join(studies, studies.c.study_id == trials.c.study_id)
                .join(own, own.c.trial_id == trials.c.trial_id)
                .where(studies.c.study_name == experiment, trials.c.number.in_(numbers))
            )
            for number, trial_id, deleted_at in connection.execute(query):
                if deleted_at is not None:
                    raise _is_deleted(RunName(experiment, number))
                found[RunName(experiment, number)] = trial_id
    for name in names:
        if name not in found:
            raise RequestError(f"There is no run {name}: `aetui ls` shows those there are.")
    return {name: found[name] for name in names}


def _tags(connection: Connection, trial_ids: Iterable[int]) -> dict[int, list[str]]:
    """The tags that they have; what somebody else wrote under that name, and is no list, is none."""
    table = schema.trial_user_attributes
    query = select(table.c.trial_id, table.c.value_json).where(
        table.c.trial_id.in_(trial_ids), table.c.key == TAGS_ATTRIBUTE
    )
    found = {trial_id: json.loads(text) for trial_id, text in connection.execute(query)}
    return {trial_id: list(map(str, tags)) for trial_id, tags in found.items() if isinstance(tags, list)}


def _changed(name: RunName, before: Sequence[str], add: Sequence[str], remove: Sequence[str]) -> list[str]:
    """Raises RequestError: there would be too many."""
    tags = [tag for tag in dict.fromkeys([*before, *add]) if tag not in remove]
    if len(tags) > MAX_TAGS:
        raise RequestError(f"{name} would have {len(tags)} tags: {MAX_TAGS} are the most.")
    return tags


def _write(connection: Connection, attribute: str, values: Mapping[int, object]) -> None:
    """The values of one user attribute, by trial; nothing to say is no attribute at all."""
    table = schema.trial_user_attributes
    connection.execute(delete(table).where(table.c.trial_id.in_(values), table.c.key == attribute))
    rows = [
        {"trial_id": trial_id, "key": attribute, "value_json": json.dumps(value)}
        for trial_id, value in values.items()
        if value
    ]
    if rows:
        connection.execute(insert(table), rows)


def _is_deleted(name: RunName) -> RequestError:
    return RequestError(f"{name} is deleted: `aetui restore {name}` brings it back.")


def _state_of(connection: Connection, found: Run) -> str:
    query = select(schema.trials.c.state).where(schema.trials.c.trial_id == found.trial_id)
    return str(connection.execute(query).scalar_one())


def _request_of(connection: Connection, found: Run) -> str | None:
    query = select(schema.runs.c.request).where(schema.runs.c.trial_id == found.trial_id)
    request: str | None = connection.execute(query).scalar_one()
    return request


def _unfinished_state(connection: Connection, found: Run) -> str:
    """WAITING or RUNNING, as it is in this transaction.

    Raises:
        RequestError: the run has ended meanwhile.
    """
    state = _state_of(connection, found)
    if state not in ("WAITING", "RUNNING"):
        raise RequestError(f"{found.name} has ended meanwhile.")
    return state


def _best_reported(connection: Connection, found: Run) -> float | None:
    """Of its finished epochs: what its worker would have ended it with."""
    values = schema.trial_intermediate_values
    lowest = select(func.min(values.c.intermediate_value)).where(values.c.trial_id == found.trial_id)
    best: float | None = connection.execute(lowest).scalar_one()
    return best


def _set(connection: Connection, found: Run, **values: object) -> None:
    connection.execute(update(schema.runs).where(schema.runs.c.trial_id == found.trial_id).values(**values))


@contextmanager
def _moving(root: Root) -> Iterator[None]:
    """Let nobody else move folders into or out of the trash meanwhile.

    What stands in the storage and where the folder lies change one after the other: a removal and a restoration of the
    same run that ran through each other would leave a run without its files, and could take them from its next worker.
    """
    descriptor = os.open(root.path / ".trash.lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _move(source: Path, target: Path) -> None:
    if not source.exists():
        return  # it never began
    if target.exists():
        shutil.rmtree(target)
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    source.rename(target)
