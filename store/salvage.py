"""Saving what can be read of a damaged SQLite file into a fresh one that takes its place, when a user asks for it."""

import itertools
import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store import schema, sqlite
from store.artifacts import written_aside
from store.backend import sqlite_file, storage_url
from store.database import exclusive
from store.errors import RequestError, StorageTrouble
from store.paths import Root
from store.room import lack

_WAITS_S = 5.0
_ONE_BY_ONE = 2000
"""So many keys behind an unreadable one are tried singly: more than a page has. Behind them ever longer steps."""
_LARGEST_KEY = 2**63 - 1
_PARENTS = {"study_id": "studies", "trial_id": "trials"}


@dataclass(frozen=True, kw_only=True, slots=True)
class SavedTable:
    """``has_gaps``: some of its pages could not be read; ``num_orphans``: rows of runs or experiments that are lost."""

    name: str
    num_rows: int
    has_gaps: bool
    num_orphans: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Salvaged:
    """``aside``: the damaged file, as it was."""

    aside: Path
    tables: Sequence[SavedTable]

    @property
    def num_rows(self) -> int:
        return sum(table.num_rows for table in self.tables)


def salvage(root: Root, storage: str | None = None) -> Salvaged | None:
    """Set the damaged file aside as NAME.damaged-DATE, and put what could be read of it in its place.

    None: SQLite finds no damage, and nothing was done.

    Raises:
        RequestError: there is no such file, it is another database than SQLite, somebody has it open, or not even its
            list of tables can be read, or there is no room. Nothing was changed then.
    """
    file = sqlite_file(storage_url(root, storage))
    if file is None:
        raise RequestError("Only a SQLite file can be saved here: a server's database has its own means for that.")
    if not file.is_file():
        raise RequestError(f"There is nothing at {file} to save.")
    with exclusive(root.schema_lock):
        try:
            with written_aside(file) as fresh:
                tables = _save(file, fresh)
                if tables is None:
                    raise _NotDamaged
                aside = _keep(file)
        except _NotDamaged:
            return None
        except (OSError, sqlite3.Error) as error:
            full = lack(sqlite.trouble(error, file) or error, file.parent)
            raise full or StorageTrouble(f"{file} cannot be saved ({error}): it is as it was.") from error
    return Salvaged(aside=aside, tables=tables)


class _NotDamaged(Exception):
    pass


def _save(file: Path, fresh: Path) -> list[SavedTable] | None:
    """None: there is no damage. ``fresh`` is whole on disk afterwards, in one file."""
    with closing(sqlite3.connect(file, timeout=_WAITS_S, isolation_level=None)) as source:
        try:
            # In WAL this is refused while anybody else has the file open.
            source.execute("PRAGMA locking_mode = EXCLUSIVE")
            source.execute("BEGIN EXCLUSIVE")
            if source.execute("PRAGMA integrity_check(1)").fetchall() == [("ok",)]:
                return None
        except sqlite3.DatabaseError as error:
            if _is_busy(error):
                raise RequestError(
                    f"{file} is open elsewhere: let its workers end (`aetui workers` lists them), close its screens, "
                    "and try again."
                ) from error
        try:
            made = source.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
        except sqlite3.DatabaseError as error:
            raise StorageTrouble(
                f"Nothing can be saved of {file}: not even its list of tables can be read ({error}). "
                "Restore a copy of it; the runs' folders beside it are whole."
            ) from error
        source.text_factory = _text
        with closing(sqlite3.connect(fresh)) as target:
            for _kind, _name, statement in sorted(made, key=lambda each: str(each[0]) != "table"):
                target.execute(statement)
            names = [str(name) for kind, name, _ in made if kind == "table"]
            saved = [_copy(source, target, name) for name in names]
            _see_to_what_every_storage_has(target, names)
            orphans = _drop_orphans(target, names)
            target.commit()
    return [
        SavedTable(
            name=each.name,
            num_rows=each.num_rows - orphans.get(each.name, 0),
            has_gaps=each.has_gaps,
            num_orphans=orphans.get(each.name, 0),
        )
        for each in saved
    ]


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    return getattr(error, "sqlite_errorcode", 0) & sqlite.MAIN_CODE in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _text(stored: bytes) -> str:
    return stored.decode("utf-8", errors="replace")


def _copy(source: sqlite3.Connection, target: sqlite3.Connection, name: str) -> SavedTable:
    """A row that contradicts one that was saved before it is damage too."""
    rows = _Rows(source, name)
    num_rows = 0
    for row in rows:
        places = ", ".join("?" * len(row))
        num_rows += target.execute(f'INSERT OR IGNORE INTO "{name}" VALUES ({places})', row).rowcount
    return SavedTable(name=name, num_rows=num_rows, has_gaps=rows.has_gaps)


class _Rows:
    """Those of a table that can be read, by their keys."""

    def __init__(self, source: sqlite3.Connection, name: str) -> None:
        self.has_gaps = False
        self._source = source
        self._query = f'SELECT rowid, * FROM "{name}" WHERE rowid >= ? ORDER BY rowid'

    def __iter__(self) -> Iterator[tuple[Any, ...]]:
        key: int | None = 0
        while key is not None:
            try:
                for row in self._source.execute(self._query, (key,)):
                    yield row[1:]
                    key = row[0] + 1
                return
            except sqlite3.DatabaseError:
                self.has_gaps = True
                key = self._next_readable(key)

    def _next_readable(self, key: int) -> int | None:
        """The key of the first row behind ``key`` that can be read; None: there is none."""
        steps = itertools.chain(range(1, _ONE_BY_ONE), (2**power for power in range(11, 63)))
        failed = key
        for step in steps:
            if key + step > _LARGEST_KEY:
                return None
            try:
                found = self._first(key + step)
            except sqlite3.DatabaseError:
                failed = key + step
                continue
            return self._between(failed, key + step, found)
        return None

    def _between(self, failed: int, reached: int, found: int | None) -> int | None:
        """As `_next_readable`, where nothing can be read at ``failed``, and ``found`` is the first from ``reached``."""
        while reached - failed > 1:
            middle = (failed + reached) // 2
            try:
                found, reached = self._first(middle), middle
            except sqlite3.DatabaseError:
                failed = middle
        return found

    def _first(self, key: int) -> int | None:
        row = self._source.execute(f"{self._query} LIMIT 1", (key,)).fetchone()
        return None if row is None else int(row[0])


def _see_to_what_every_storage_has(target: sqlite3.Connection, names: Sequence[str]) -> None:
    """The single rows that are read each time a storage is opened or changed."""
    for table, row in ((schema.version, (schema.VERSION,)), (schema.changes, (1, 0))):
        if table.name in names and target.execute(f"SELECT count(*) FROM {table.name}").fetchone() == (0,):
            places = ", ".join("?" * len(row))
            target.execute(f"INSERT INTO {table.name} VALUES ({places})", row)


def _drop_orphans(target: sqlite3.Connection, names: Sequence[str]) -> dict[str, int]:
    """Remove rows of experiments and runs that are not there any more; returns how many, by table."""
    dropped = dict[str, int]()
    for column, parent in _PARENTS.items():  # experiments first: with them go their runs
        for name in names:
            columns = [row[1] for row in target.execute(f'PRAGMA table_info("{name}")')]
            if name != parent and column in columns and parent in names:
                query = f'DELETE FROM "{name}" WHERE {column} NOT IN (SELECT {column} FROM {parent})'
                dropped[name] = dropped.get(name, 0) + target.execute(query).rowcount
    return dropped


def _keep(file: Path) -> Path:
    """Let the damaged file have another name too, and its log that one alone: it is not the fresh file's."""
    aside = file.with_name(f"{file.name}.damaged-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        os.link(file, aside)
    except OSError:  # some file systems have no second names
        shutil.copyfile(file, aside)
    for end in ("-wal", "-journal"):
        log = file.with_name(file.name + end)
        if log.exists():
            log.replace(aside.with_name(aside.name + end))
    file.with_name(f"{file.name}-shm").unlink(missing_ok=True)
    return aside
