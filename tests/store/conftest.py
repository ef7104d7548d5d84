from collections.abc import Iterator
from pathlib import Path

import pytest

from store import workers
from store.database import Database, open_database
from store.paths import Root
from tests.postgres import fresh_database
from tests.postgres import postgres as postgres


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "Ergebnisse für mich" / "runs")


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, root: Root) -> Iterator[Database]:
    """A fresh storage on every backend."""
    storage = None
    if request.param == "postgresql":
        storage = fresh_database(request.getfixturevalue("postgres"))
    opened = open_database(root, storage, create=True)
    yield opened
    opened.close()


@pytest.fixture
def worker_id(database: Database) -> str:
    """This process, entered as a worker."""
    workers.register(database, "here@cpu", "cpu", None)
    return "here@cpu"
