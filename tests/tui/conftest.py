import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from store import workers
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from tests.tui.roots import WORKER, add_run

Until = Callable[[Callable[[], object]], Awaitable[None]]


@pytest.fixture(autouse=True)
def plain_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The user's own terminal is shut out: UTF-8 and colours unless a test says otherwise."""
    for variable in ("NO_COLOR", "LC_ALL", "LC_CTYPE", "SSH_CONNECTION", "AETUI_ROOT"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("LANG", "C.UTF-8")


@pytest.fixture
def root(tmp_path: Path) -> Root:
    return Root(tmp_path / "Läufe von mir" / "runs")


@pytest.fixture
def database(root: Root) -> Iterator[Database]:
    opened = open_database(root, create=True)
    workers.register(opened, WORKER, "cpu", None)
    yield opened
    opened.close()


@pytest.fixture
def runs(database: Database) -> dict[str, RunName]:
    """One experiment with a run of each common state, and a variational one."""
    made = {
        state: add_run(database, "digits-a", state, done=done)
        for state, done in (("complete", 10), ("stopped", 5), ("failed", 2), ("running", 4))
    }
    made["vae"] = add_run(database, "vae-b", "complete", kind="vae", done=6, latent_dim=2)
    made["held"] = add_run(database, "digits-a", "held")
    made["waiting"] = add_run(database, "digits-a", "waiting")
    return made


@pytest.fixture
def until() -> Until:
    async def wait(condition: Callable[[], object]) -> None:
        """Let the app work until ``condition`` holds."""
        give_up = time.monotonic() + 20
        while not condition():
            assert time.monotonic() < give_up, "this did not come about"
            await asyncio.sleep(0.02)

    return wait
