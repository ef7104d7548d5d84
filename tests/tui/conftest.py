import asyncio
import shutil
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from store import clock, schema, workers
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from tests.tui.roots import WORKER, add_run

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own terminal is shut out: UTF-8 and colours unless a test says otherwise."""
    for variable in ("NO_COLOR", "LC_ALL", "LC_CTYPE", "SSH_CONNECTION", "AETUI_ROOT", "TERM"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "Läufe von mir" / "runs")


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, RunName]]:
    """A root that is copied for each test, and its runs: one of each common state, and a variational one."""
    root = Root(tmp_path_factory.mktemp("template") / "runs")
    database = open_database(root, create=True)
    workers.register(database, WORKER, "cpu", None)
    made = {
        state: add_run(database, "digits-a", state, done=done)
        for state, done in (("complete", 10), ("stopped", 5), ("failed", 2), ("running", 4))
    }
    made["vae"] = add_run(database, "vae-b", "complete", kind="vae", done=6, latent_dim=2)
    made["held"] = add_run(database, "digits-a", "held")
    made["waiting"] = add_run(database, "digits-a", "waiting")
    database.close()
    return root.path, made


@pytest.fixture
def trained(root: Root, trained_root: Path) -> Iterator[Database]:
    """A copy of the root that the module trained."""
    shutil.copytree(trained_root, root.path)
    opened = open_database(root)
    yield opened
    opened.close()


@pytest.fixture
def database(root: Root, template: tuple[Path, dict[str, RunName]]) -> Iterator[Database]:
    shutil.copytree(template[0], root.path)
    opened = open_database(root)
    yield opened
    opened.close()


def hear_of_workers(database: Database) -> None:
    """They are as old as the root that was copied: they have just been heard, however slow this machine is."""
    with database.engine.begin() as connection:
        soon = clock.now(connection) + 600
        for table in (schema.leases, schema.workers):
            connection.execute(table.update().values(heartbeat_at=soon))


@pytest.fixture
def runs(database: Database, template: tuple[Path, dict[str, RunName]]) -> dict[str, RunName]:
    """The runs of the root, by their states (``vae`` is one of its own)."""
    hear_of_workers(database)
    return template[1]


@pytest.fixture
def until() -> Until:
    async def wait(condition: Callable[[], object]) -> None:
        """Let the app work until ``condition`` holds."""
        give_up = time.monotonic() + 60
        while not condition():
            assert time.monotonic() < give_up, "this did not come about"
            await asyncio.sleep(0.02)

    return wait
