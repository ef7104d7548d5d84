import itertools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from store import workers
from store.database import Database, open_database
from store.paths import Root
from tests.postgres import find_binaries, server

_database_names = (f"aetui_{number}" for number in itertools.count())


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here (Debian: postgresql)")
    # Not under pytest's folders: they are closed to the server's own user.
    with tempfile.TemporaryDirectory(prefix="aetui-postgres-") as folder, server(Path(folder), binaries) as address:
        yield address


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "Ergebnisse für mich" / "runs")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, root: Root) -> Iterator[Database]:
    """A fresh storage on every backend."""
    storage = None
    if request.param == "postgresql":
        address = request.getfixturevalue("postgres")
        name = next(_database_names)
        admin = sqlalchemy.create_engine(f"{address}/postgres", isolation_level="AUTOCOMMIT")
        with admin.connect() as connection:
            connection.execute(sqlalchemy.text(f"CREATE DATABASE {name}"))
        admin.dispose()
        storage = f"{address}/{name}"
    opened = open_database(root, storage, create=True)
    yield opened
    opened.close()


@pytest.fixture
def worker_id(database: Database) -> str:
    """This process, entered as a worker."""
    workers.register(database, "here@cpu", "cpu", None)
    return "here@cpu"
