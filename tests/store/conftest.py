import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest
import sqlalchemy

from store import schema, workers
from store.database import Database, open_database
from store.paths import Root
from tests.mysql import mysql as mysql
from tests.postgres import postgres as postgres
from tests.servers import fresh_database

_SERVERS = {"postgresql": "postgres", "mysql": "mysql"}
"""Of each backend that has one: the fixture that starts it."""
_OF_THE_FORM = {"alembic_version", "version_info", schema.version.name, schema.changes.name}


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "Ergebnisse für mich" / "runs")


@pytest.fixture(params=["sqlite", *_SERVERS])
def backend(request: pytest.FixtureRequest) -> str:
    """Every backend in turn; one that cannot be had here is skipped where its server is first asked for."""
    return str(request.param)


@pytest.fixture
def fresh_storage(request: pytest.FixtureRequest, backend: str) -> str | None:
    """The address of a storage without tables, on every backend; None: the root's own."""
    if backend not in _SERVERS:
        return None
    return fresh_database(request.getfixturevalue(_SERVERS[backend]))


@pytest.fixture
def database(request: pytest.FixtureRequest, backend: str, root: Root) -> Iterator[Database]:
    """An empty storage on every backend; on a server always the same one, emptied: to make its tables takes seconds."""
    storage = None
    if backend in _SERVERS:
        storage, tables = _kept(request.getfixturevalue(_SERVERS[backend]))
        _empty(storage, tables)
    opened = open_database(root, storage, create=True)
    yield opened
    opened.close()


@cache
def _kept(server: str) -> tuple[str, Sequence[sqlalchemy.Table]]:
    """The address of the one that all tests share, and its tables with rows of theirs, in the order to empty them."""
    storage, found = fresh_database(server), sqlalchemy.MetaData()
    with tempfile.TemporaryDirectory() as folder:
        database = open_database(Root(Path(folder)), storage, create=True)
        found.reflect(database.engine)
        database.close()
    return storage, [table for table in reversed(found.sorted_tables) if table.name not in _OF_THE_FORM]


def _empty(storage: str, tables: Sequence[sqlalchemy.Table]) -> None:
    engine = sqlalchemy.create_engine(storage)
    with engine.begin() as connection:
        for table in tables:
            connection.execute(table.delete())
        connection.execute(sqlalchemy.update(schema.changes).values(count=0))
    engine.dispose()


@pytest.fixture
def worker_id(database: Database) -> str:
    """This process, entered as a worker."""
    workers.register(database, "here@cpu", "cpu", None)
    return "here@cpu"
