"""Opening the storage: SQLite under the root by default, or any address that SQLAlchemy knows."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from store import schema
from store.errors import RequestError
from store.paths import Root

BUSY_TIMEOUT_S = 60.0


@dataclass(frozen=True, eq=False)
class Database:
    """An open storage and the root it belongs to. Connections are made as needed; safe to share between threads."""

    root: Root
    storage: str | None
    """The address as it was given, password included; None for the root's own SQLite file."""
    url: URL
    engine: Engine
    file_id: int | None
    """The inode of a SQLite file when it was opened."""

    def __str__(self) -> str:
        return self.url.render_as_string(hide_password=True)

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.engine.connect() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction, write lock first (a SQLite transaction that begins by reading can fail at its first write).

        Every such transaction counts as a change (see `store.listing.change_token`).
        """
        with self.engine.begin() as connection:
            connection.execute(
                sqlalchemy.update(schema.changes)
                .where(schema.changes.c.id == 1)
                .values(count=schema.changes.c.count + 1)
            )
            yield connection

    def is_gone(self) -> bool:
        """Whether the SQLite file was removed or replaced since: what is read here then is nobody's any more."""
        file = sqlite_file(self.url)
        return file is not None and _inode(file) != self.file_id

    def close(self) -> None:
        self.engine.dispose()


def storage_url(root: Root, storage: str | None) -> URL:
    """The address as SQLAlchemy reads it: ``storage``, else the SQLite file of ``root``.

    Raises:
        RequestError: it is not an address.
    """
    if storage is None:
        return URL.create("sqlite", database=str(root.database))
    try:
        return make_url(storage)
    except ArgumentError:
        # The text may hold a password: it is not repeated.
        raise RequestError(
            "The storage address cannot be read: write it like postgresql+psycopg://USER@HOST/NAME."
        ) from None


def open_database(root: Root, storage: str | None = None, *, create: bool = False) -> Database:
    """Open the storage; with ``create``, make the root and the tables where they are absent.

    Raises:
        RequestError: it is absent (and not to be created), unreachable, or not a storage of ours.
    """
    url = storage_url(root, storage)
    file = sqlite_file(url)
    if not create and file is not None and not file.is_file():
        raise RequestError(f"There is nothing at {file} yet: `aetui demo` or `aetui run cae` begins it.")
    shown = url.render_as_string(hide_password=True)
    try:
        if create:
            _make_folder(root.path)
            if file is not None and not file.is_file():
                _create_sqlite(root, file)
        database = Database(root, storage, url, connect(url), _inode(file) if file else None)
        if not _has_our_tables(database):
            if not create:
                raise RequestError(f"{shown} holds no experiments of aetui yet: `aetui run cae` begins them.")
            with _exclusive(root.schema_lock):
                _create_tables(database)
        return database
    except (SQLAlchemyError, OSError) as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise RequestError(f"The storage {shown} cannot be opened: {cause}.") from error


def database_exists(root: Root, storage: str | None = None) -> bool:
    """Whether `open_database` finds something without ``create``; an address other than SQLite is taken on trust."""
    file = sqlite_file(storage_url(root, storage))
    return file is None or file.is_file()


def connect(url: URL) -> Engine:
    """An engine with our settings for its backend.

    Raises:
        RequestError: its driver is not installed, or the backend is not known.
    """
    options: dict[str, Any] = {}
    if url.get_backend_name() == "sqlite":
        options["connect_args"] = {"timeout": BUSY_TIMEOUT_S}
    else:
        options["pool_pre_ping"] = True
    try:
        engine = sqlalchemy.create_engine(url, **options)
    except (NoSuchModuleError, ImportError):
        raise RequestError(
            f"The storage {url.drivername}://... needs a driver that is not here: "
            "`pip install 'aetui[postgres]'` or `'aetui[mysql]'` brings it."
        ) from None
    if engine.dialect.name == "sqlite":
        set_up_sqlite(engine)
    return engine


def set_up_sqlite(engine: Engine) -> None:
    """WAL and a long busy timeout for every new connection; 155 against 33 reports a second, and no lock errors."""

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite address, None for other backends."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" and url.database else None


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except OSError:
        return None


def _make_folder(folder: Path) -> None:
    # Runs can hold private data: only their owner reads a new root.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _create_sqlite(root: Root, file: Path) -> None:
    """Make the whole file aside and rename it, so that whoever finds it finds it complete."""
    with _exclusive(root.schema_lock):
        if file.is_file():
            return
        aside = file.with_name(f".{file.name}.new")
        for leftover in file.parent.glob(f"{aside.name}*"):
            leftover.unlink()
        url = URL.create("sqlite", database=str(aside))
        database = Database(root, None, url, connect(url), None)
        _create_tables(database)
        database.close()
        aside.rename(file)


def _has_our_tables(database: Database) -> bool:
    """Raises RequestError: it has, but those of another version of aetui."""
    with database.read() as connection:
        if not sqlalchemy.inspect(connection).has_table(schema.version.name):
            return False
        # The row is the very last thing that creation writes.
        found = connection.execute(sqlalchemy.select(schema.version.c.version)).scalar_one_or_none()
    if found == 1:
        found = _upgrade(database)
    if found not in (None, schema.VERSION):
        raise RequestError(
            f"{database} was made by another version of aetui (tables {found}, here {schema.VERSION}): "
            "take that version, or another root."
        )
    return found is not None


def _upgrade(database: Database) -> int:
    """Bring tables of version 1, which did not say what changed a run last, up to now: milliseconds at any size."""
    table, version = schema.runs, schema.version
    with database.engine.begin() as connection:
        mine = connection.execute(sqlalchemy.update(version).where(version.c.version == 1).values(version=2))
        names = [column["name"] for column in sqlalchemy.inspect(connection).get_columns(table.name)]
        if mine.rowcount and table.c.changed.name not in names:  # else another process was first
            column = sqlalchemy.schema.CreateColumn(table.c.changed).compile(dialect=connection.dialect)
            connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")
            schema.changed_index.create(connection)
    return 2


def _create_tables(database: Database) -> None:
    from store.studies import create_optuna_tables  # 0.4 s of import, on a fresh root only

    if _has_our_tables(database):
        return
    create_optuna_tables(database.url)
    schema.own_metadata.create_all(database.engine)
    with database.engine.begin() as connection:
        connection.execute(sqlalchemy.insert(schema.changes).values(id=1, count=0))
        connection.execute(sqlalchemy.insert(schema.version).values(version=schema.VERSION))


@contextmanager
def _exclusive(path: Path) -> Iterator[None]:
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
