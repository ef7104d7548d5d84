"""Opening the storage: SQLite under the root by default, or any address that SQLAlchemy knows."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import sqlalchemy
from sqlalchemy import URL, Connection, Engine
from sqlalchemy.exc import SQLAlchemyError

from store import schema, sqlite
from store.address import Addresses
from store.backend import cannot_open, check_connects, connect, shown, sqlite_file, storage_url
from store.errors import OlderStorage, RequestError, StorageTrouble
from store.file_system import check_writable, only_read
from store.paths import Root
from store.room import lack

_LOCKS = {
    "postgresql": ("SELECT pg_advisory_lock(4152)", "SELECT pg_advisory_unlock(4152)"),
    "mysql": ("SELECT GET_LOCK(MD5(DATABASE()), 60)", "SELECT RELEASE_LOCK(MD5(DATABASE()))"),
}
"""Of the database that is connected to; the number is any that nobody else takes."""


@dataclass(frozen=True, eq=False)
class Database:
    """An open storage and the root it belongs to. Connections are made as needed; safe to share between threads."""

    root: Root
    storage: str | None = field(repr=False)
    """The address as it was given, password included; None for the root's own SQLite file."""
    url: URL = field(repr=False)
    engine: Engine = field(repr=False)
    artifacts: str | None
    """The address of the artifact store that the files of runs are shared through; None: they lie under the root."""
    file_id: int | None
    """The inode of a SQLite file when it was opened."""

    def __str__(self) -> str:
        return shown(self.url)

    @property
    def addresses(self) -> Addresses:
        return Addresses(self.storage, self.artifacts)

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

    def only_read(self) -> str | None:
        """What to say where it can be looked at and nothing else; None: it can be written to."""
        file = sqlite_file(self.url)
        return str(only_read(file.parent)) if file is not None and sqlite.is_read_only(file) else None

    def close(self) -> None:
        self.engine.dispose()


def open_database(
    root: Root, storage: str | None = None, *, artifacts: str | None = None, create: bool = False
) -> Database:
    """Open the storage; with ``create``, make the root and the tables where they are absent.

    Raises:
        RequestError: it is absent (and not to be created), unreachable, or not a storage of ours.
    """
    url = storage_url(root, storage)
    file = sqlite_file(url)
    if not create and file is not None and not _is_there(file):
        raise RequestError(f"There is nothing at {file} yet: `aetui demo` or `aetui run cae` begins it.")
    try:
        if create:  # who would make it wants to write
            if file is not None and sqlite.is_read_only(file):
                raise only_read(file.parent)
            check_writable(root.path)
            if file is not None and file.exists() and not file.is_file():
                raise RequestError(f"{file} is no file, and cannot be the storage: name another root.")
            _make_folder(root.path)
            if file is not None and not file.is_file():
                _create_sqlite(root, file)
        engine = connect(url)
        check_connects(engine)
        database = Database(root, storage, url, engine, artifacts, _inode(file) if file else None)
        if not _has_our_tables(database):
            if not create:
                raise RequestError(f"{shown(url)} holds no experiments of aetui yet: `aetui run cae` begins them.")
            with exclusive(_schema_lock(root, file)), _alone(database):
                _create_tables(database)
        return database
    except (SQLAlchemyError, OSError) as error:
        if file is not None and (found := lack(error, root.path) or sqlite.read_only(error, file)):
            raise found from error
        raise cannot_open(url, error) from error


def open_inherited(root: Root) -> Database:
    """As a parent process has it, which says so in the environment: an address can hold a password.

    Raises:
        RequestError: see `open_database`.
    """
    addresses = Addresses.inherited()
    return open_database(root, addresses.storage, artifacts=addresses.artifacts)


def database_exists(root: Root, storage: str | None = None) -> bool:
    """Whether `open_database` finds something without ``create``; an address other than SQLite is taken on trust."""
    file = sqlite_file(storage_url(root, storage))
    return file is None or _is_there(file)


def _is_there(file: Path) -> bool:
    try:
        return file.is_file()
    except OSError:  # of a name that is too long
        return False


def _inode(file: Path) -> int | None:
    try:
        return file.stat().st_ino
    except OSError:
        return None


def _make_folder(folder: Path) -> None:
    # Runs can hold private data: only their owner reads a new root.
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)


def _schema_lock(root: Root, file: Path | None) -> Path:
    """Of a SQLite file that several roots name: beside it."""
    return root.schema_lock if file is None else file.with_name(root.schema_lock.name)


def _create_sqlite(root: Root, file: Path) -> None:
    """Make the whole file aside and rename it, so that whoever finds it finds it complete."""
    with exclusive(_schema_lock(root, file)):
        if file.is_file():
            return
        aside = file.with_name(f".{file.name}.new")
        for leftover in file.parent.glob(f"{aside.name}*"):
            leftover.unlink()
        url = URL.create("sqlite", database=str(aside))
        database = Database(root, None, url, connect(url), None, None)
        _create_tables(database)
        database.close()
        aside.rename(file)


def _has_our_tables(database: Database) -> bool:
    """Raises RequestError: it has, but those of another version of aetui."""
    with database.read() as connection:
        is_ours = sqlalchemy.inspect(connection).has_table(schema.version.name)
        if is_ours or sqlalchemy.inspect(connection).has_table(schema.optuna_form.name):
            check_form(connection, str(database))
        if not is_ours:
            return False
        # The row is the very last thing that creation writes.
        found = connection.execute(sqlalchemy.select(schema.version.c.version)).scalar_one_or_none()
    file = sqlite_file(database.url)
    if found == 2 and file is not None and sqlite.is_read_only(file):
        return True  # it lacks the table of artifacts, and to look at it none is needed
    if found in (1, 2):
        found = _upgrade(database)
    if found not in (None, schema.VERSION):
        raise RequestError(
            f"{database} was made by another version of aetui (tables {found}, here {schema.VERSION}): "
            "take that version, or another root."
        )
    if found is not None and database.artifacts is None:
        _check_needs_no_artifacts(database)
    return found is not None


def _check_needs_no_artifacts(database: Database) -> None:
    """Raises RequestError: the files of its runs lie in an artifact store, and none was named."""
    with database.read() as connection:
        is_shared = connection.execute(sqlalchemy.select(schema.artifacts.c.trial_id).limit(1)).first() is not None
    if is_shared:
        raise RequestError(
            f"The runs of {database} have their files in an artifact store: name it with --artifacts or "
            "AETUI_ARTIFACTS, as their workers have it."
        )


def check_form(connection: Connection, shown: str) -> None:
    """Raises OlderStorage, StorageTrouble: the tables of Optuna are not as `store.schema` has them."""
    form = connection.execute(sqlalchemy.select(schema.optuna_form.c.version_num)).scalar_one_or_none()
    if form in schema.OLDER_OPTUNA_FORMS:
        raise OlderStorage(
            f"{shown} was made by an older Optuna (its tables have the form {form}, here {schema.OPTUNA_FORM}): "
            "`aetui doctor --upgrade-storage` copies it and then brings it up to date."
        )
    if form not in (None, schema.OPTUNA_FORM):
        raise StorageTrouble(
            f"{shown} was made by a newer Optuna (its tables have the form {form}, here {schema.OPTUNA_FORM}): "
            "take a newer aetui, or another root."
        )


def _upgrade(database: Database) -> int:
    """Bring tables of an older version up to now: milliseconds at any size.

    Version 1 did not say what changed a run last, version 2 had no artifacts.
    """
    table, version = schema.runs, schema.version
    # MySQL ends a transaction, and gives its locks up, with each table that is changed.
    with _alone(database), database.engine.begin() as connection:
        # An update comes first: its lock lets one process do it, and the others find it done.
        connection.execute(sqlalchemy.update(version).values(version=version.c.version))
        if connection.execute(sqlalchemy.select(version.c.version)).scalar_one() < schema.VERSION:
            names = [column["name"] for column in sqlalchemy.inspect(connection).get_columns(table.name)]
            if table.c.changed.name not in names:
                column = sqlalchemy.schema.CreateColumn(table.c.changed).compile(dialect=connection.dialect)
                connection.exec_driver_sql(f"ALTER TABLE {table.name} ADD COLUMN {column}")
                schema.changed_index.create(connection)
            schema.artifacts.create(connection, checkfirst=True)
            connection.execute(sqlalchemy.update(version).values(version=schema.VERSION))
    return schema.VERSION


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
def _alone(database: Database) -> Iterator[None]:
    """Let no other host make or change the tables meanwhile; those of one root have a file to lock."""
    lock, unlock = _LOCKS.get(database.url.get_backend_name(), (None, None))
    if lock is None or unlock is None:
        yield
        return
    with database.read() as connection:
        connection.execute(sqlalchemy.text(lock))
        try:
            yield
        finally:
            connection.execute(sqlalchemy.text(unlock))


@contextmanager
def exclusive(path: Path) -> Iterator[None]:
    """Hold a lock file, which is made where it is absent."""
    descriptor = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
