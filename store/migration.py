"""Copying a storage to another one, on any backend: all rows of Optuna's tables and ours, verified, or none.

All that is written stands in one transaction of the target: it is read back and compared with what was read here
before it ends, so a copy that was broken off leaves an empty storage, or no file at all.
"""

import datetime
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Column,
    Connection,
    Dialect,
    Double,
    Float,
    MetaData,
    Table,
    event,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import SQLAlchemyError

from store import listing, run_folders, schema, takeover, workers
from store.database import Database
from store.errors import RequestError
from store.migration_target import Target, check_target, is_taken, opened
from store.sharing.upload import Uploader

BATCH = 1000
"""Rows in memory at once."""

Tell = Callable[[int, int, str], None]
"""Is told how far it is: done, of how many, and with what."""

# Of this moment, of the storage itself, or written by whoever makes the storage: none of them is a row of a run's.
_NOT_CARRIED = (schema.leases, schema.workers, schema.changes, schema.version)


@dataclass(frozen=True, kw_only=True, slots=True)
class CopiedTable:
    """``digest``: SHA-256 of the rows in the order of their keys, the same on every backend."""

    name: str
    num_rows: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Migrated:
    """``num_folders`` were copied, ``num_folders_there`` were there already; both None where they stay in place."""

    source: str
    target: str
    tables: Sequence[CopiedTable]
    has_whole_seconds: bool
    """The target's form of Optuna's tables has no parts of a second: times were rounded to what it keeps."""
    num_folders: int | None = None
    num_folders_there: int | None = None
    num_shared: int | None = None
    """Runs whose files are in the artifact store; None: there is none."""

    @property
    def num_rows(self) -> int:
        return sum(table.num_rows for table in self.tables)

    def as_json(self) -> dict[str, Any]:
        return {
            "from": self.source,
            "to": self.target,
            "tables": [{"table": each.name, "rows": each.num_rows, "digest": each.digest} for each in self.tables],
            "whole_seconds": self.has_whole_seconds,
            "run_folders": self.num_folders,
            "run_folders_there": self.num_folders_there,
            "runs_shared": self.num_shared,
        }


def migrate(source: Database, target: Target, tell: Tell) -> Migrated:
    """Copy all of ``source``; another root gets the runs' folders first, so that its storage finds them there.

    Where it has an artifact store, what is not there of the runs' files is uploaded before that.

    Raises:
        RequestError: there is nothing to copy, somebody still works on it, ``target`` holds something already or
            cannot take it. The source is unchanged then, and the target's storage empty or absent.
    """
    _check_source(source)
    check_target(target)
    takeover.requeue_dead(source)
    num_shared = _share(source, tell) if source.artifacts is not None else None
    folders = None
    if target.root.path.resolve() != source.root.path.resolve():
        folders = run_folders.plan(source, target.root)
        run_folders.copy(folders, target.root, tell)
    with opened(target) as copy:
        tables = _copy(source, copy, str(target), tell)
        has_whole_seconds = _has_whole_seconds(copy.engine.dialect)
    return Migrated(
        source=str(source),
        target=str(target),
        tables=tables,
        has_whole_seconds=has_whole_seconds,
        num_folders=len(folders.missing) if folders else None,
        num_folders_there=folders.num_there if folders else None,
        num_shared=num_shared,
    )


def _share(source: Database, tell: Tell) -> int:
    uploader = Uploader(source)
    runs = [run for each in listing.experiments(source) for run in listing.runs(source, each.experiment)]
    for done, run in enumerate(runs):
        tell(done, len(runs), f"{run.name} to {source.artifacts}")
        uploader.of_run(run)
    return len(runs)


def _check_source(source: Database) -> None:
    with source.read() as connection:
        if not listing.num_studies(connection):
            raise RequestError(f"{source} holds no experiments: there is nothing to copy.")
    alive = [worker for worker in workers.workers(source) if worker.alive]
    if alive:
        where = ", ".join(sorted({worker.host for worker in alive}))
        many = "A worker is" if len(alive) == 1 else f"{len(alive)} workers are"
        raise RequestError(
            f"{many} alive on {where}: let the runs end (or `aetui pause` them) and wait until `aetui workers` "
            "lists none."
        )


def _check_running(connection: Connection) -> None:
    """Raises RequestError: a run is still somebody's, who may only be silent."""
    trials = schema.trials
    query = (
        select(func.count())
        .join_from(trials, schema.runs, schema.runs.c.trial_id == trials.c.trial_id)
        .where(trials.c.state == "RUNNING")
    )
    if num := connection.execute(query).scalar_one():
        many = "A run is" if num == 1 else f"{num} runs are"
        raise RequestError(
            f"{many} still held by a worker: wait until `aetui ls` shows none as running (half a minute after a "
            "worker of another host has died)."
        )


def _copy(source: Database, target: Database, name: str, tell: Tell) -> list[CopiedTable]:
    """Raises RequestError: the target is not empty, cannot take the rows, or gives others back."""
    try:
        with _snapshot(source) as reading, target.write() as writing:
            _check_running(reading)
            if num := listing.num_studies(writing):  # since it was looked at
                raise is_taken(name, num)
            pairs = _pairs(reading, writing)
            total = sum(_count(reading, here) for here, _ in pairs)
            pace = _Pace(tell, 2 * total)
            copied = [_copy_table(reading, writing, here, there, pace) for here, there in pairs]
            for table, (_, there) in zip(copied, pairs, strict=True):
                if _digest(writing, there, pace) != table:
                    raise RequestError(f"{name} gave other rows of {table.name} back than it got: nothing was kept.")
                _go_on_behind(writing, there)
            count = listing.count_of_changes(reading)
            # Whoever looked at the empty storage sees that it has changed.
            changes = schema.changes
            writing.execute(update(changes).values(count=changes.c.count + count))
            if listing.change_token(source) != count:
                raise RequestError(f"{source} was changed while it was copied: try again once nobody writes to it.")
            return copied
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0].rstrip(".")
        raise RequestError(f"The copy to {name} was broken off, and nothing of it was kept: {cause}.") from error


@contextmanager
def _snapshot(database: Database) -> Iterator[Connection]:
    """A connection that sees the storage as it is now, whatever is written meanwhile."""
    with database.engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN")  # which the driver leaves out before a query
            yield connection
        else:
            yield connection.execution_options(isolation_level="REPEATABLE READ")


def _pairs(reading: Connection, writing: Connection) -> list[tuple[Table, Table]]:
    """The tables to copy, as they are here and there; those that others refer to first."""
    here, there = (_tables(connection) for connection in (reading, writing))
    pairs = []
    for name, table in here.items():
        other = there.get(name)
        if other is None or set(table.columns.keys()) != set(other.columns.keys()):
            raise RequestError(f"The table {name} has another form there than here: the versions of Optuna differ.")
        pairs.append((table, other))
    return pairs


def _tables(connection: Connection) -> dict[str, Table]:
    """By name: Optuna's, which all hang on its studies by foreign keys, then ours."""
    found = MetaData()

    @event.listens_for(found, "column_reflect")
    def plain_numbers(_inspector: Any, _table: Any, column: Any) -> None:
        if isinstance(column["type"], Float):  # MySQL's would come as decimals
            column["type"] = Double(asdecimal=False)

    found.reflect(connection)
    names = {schema.studies.name}
    for table in found.sorted_tables:
        if names & {key.column.table.name for key in table.foreign_keys}:
            names.add(table.name)
    optunas = [table for table in found.sorted_tables if table.name in names]
    ours = [table for table in schema.own_metadata.sorted_tables if table not in _NOT_CARRIED]
    return {table.name: table for table in (*optunas, *ours)}


class _Pace:
    """Counts rows and tells of them."""

    def __init__(self, tell: Tell, total: int) -> None:
        self._tell, self._done, self._total = tell, 0, total

    def add(self, num_rows: int, says: str) -> None:
        self._done += num_rows
        self._tell(self._done, self._total, says)


def _copy_table(reading: Connection, writing: Connection, here: Table, there: Table, pace: _Pace) -> CopiedTable:
    rows = _Rows(here.name)
    columns = _columns(here)
    is_rounded = _has_whole_seconds(writing.dialect)
    for batch in _batches(reading, here):
        if is_rounded:
            batch = [tuple(map(_to_seconds, row)) for row in batch]
        rows.add(batch)
        names = [column.name for column in columns]
        writing.execute(insert(there), [dict(zip(names, row, strict=True)) for row in batch])
        pace.add(len(batch), f"{here.name}: copied")
    return rows.told()


def _digest(connection: Connection, table: Table, pace: _Pace) -> CopiedTable:
    rows = _Rows(table.name)
    for batch in _batches(connection, table):
        rows.add(batch)
        pace.add(len(batch), f"{table.name}: verified")
    return rows.told()


class _Rows:
    """Counts the rows of a table and mixes them into one digest."""

    def __init__(self, name: str) -> None:
        self._name, self._num, self._hash = name, 0, hashlib.sha256()

    def add(self, batch: Sequence[tuple[Any, ...]]) -> None:
        self._num += len(batch)
        for row in batch:
            self._hash.update(repr(tuple(map(_canonical, row))).encode("utf-8", "surrogatepass"))

    def told(self) -> CopiedTable:
        return CopiedTable(name=self._name, num_rows=self._num, digest=self._hash.hexdigest())


def _canonical(value: Any) -> Any:
    """A value as it is written down for the digest, whichever backend it comes from."""
    if isinstance(value, float):
        return (value + 0.0).hex()  # SQLite knows no -0.0
    if isinstance(value, datetime.datetime):
        return value.isoformat()
    return int(value) if isinstance(value, bool) else value


def _has_whole_seconds(dialect: Dialect) -> bool:
    """Of the times in the form that Optuna gives its tables there."""
    return dialect.name == "mysql"


def _to_seconds(value: Any) -> Any:
    """A time as it is kept where there are no parts of a second."""
    if isinstance(value, datetime.datetime):
        return (value + datetime.timedelta(milliseconds=500)).replace(microsecond=0)
    return value


def _batches(connection: Connection, table: Table) -> Iterator[list[tuple[Any, ...]]]:
    query = select(*_columns(table)).order_by(*table.primary_key)
    result = connection.execute(query, execution_options={"yield_per": BATCH})
    for batch in result.partitions():
        yield [tuple(row) for row in batch]


def _columns(table: Table) -> list[Column[Any]]:
    """By name: what was added to a table later stands last in one storage and not in another."""
    return sorted(table.columns, key=lambda column: column.name)


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def _go_on_behind(connection: Connection, table: Table) -> None:
    """Let new rows get keys behind those that were copied; the other backends see to that themselves."""
    if connection.dialect.name == "postgresql" and len(table.primary_key) == 1:  # of several columns, all are given
        (key,) = table.primary_key
        sequence = func.pg_get_serial_sequence(table.name, key.name)  # nothing where keys are given
        connection.execute(select(func.setval(sequence, select(func.max(key)).scalar_subquery())))
