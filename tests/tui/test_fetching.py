"""A screen on a host that has none of a run's files: they come through the artifact store, and it tells how far."""

import shutil
import threading
from pathlib import Path

import pytest

from store import listing
from store.address import Addresses
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from store.sharing.objects import Objects
from store.sharing.upload import upload
from tests.tui.conftest import Until
from tests.tui.test_screen import sees, shown
from tui.app import AetuiApp

SIZE = (120, 36)


@pytest.fixture
def elsewhere(database: Database, runs: dict[str, RunName], tmp_path: Path) -> tuple[Root, Addresses]:
    """An empty root, and what it shares with the one that trained ``complete`` and ``stopped``."""
    artifacts = str(tmp_path / "artifacts")
    there = open_database(database.root, artifacts=artifacts)
    for state in ("complete", "stopped"):
        upload(there, listing.run(there, runs[state]))
    there.close()
    return Root(tmp_path / "elsewhere" / "runs"), Addresses(f"sqlite:///{database.root.database}", artifacts)


async def test_a_run_that_another_host_trained_shows_as_it_does_there(
    elsewhere: tuple[Root, Addresses], runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, addresses = elsewhere
    get, goes_on = Objects.get, threading.Event()

    def slow(objects: Objects, key: str) -> bytes:
        if key.endswith("metrics.jsonl"):
            assert goes_on.wait(60)
        return get(objects, key)

    monkeypatch.setattr(Objects, "get", slow)
    async with AetuiApp(root, addresses, focus=runs["complete"]).run_test(size=SIZE) as pilot:
        await until(sees(pilot, f"fetching {runs['complete']} ", "─", " MB"))
        goes_on.set()
        await until(sees(pilot, "loss   ━━ training"))
        await until(lambda: "fetching" not in shown(pilot))
        await pilot.press("2")
        await until(sees(pilot, "epoch 10 of 10", "PCA of 6-D"))
    assert not any(root.run(runs["stopped"]).folder.glob("*")), "what is not shown was fetched"


async def test_an_artifact_store_that_does_not_answer_is_told_and_asked_again(
    elsewhere: tuple[Root, Addresses], runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, addresses = elsewhere
    monkeypatch.setattr("tui.fetching.RETRY_S", 0.5)
    aside = Path(f"{addresses.artifacts}-away")
    shutil.move(str(addresses.artifacts), aside)
    async with AetuiApp(root, addresses, focus=runs["complete"]).run_test(size=SIZE, notifications=True) as pilot:
        await until(sees(pilot, "files not fetched", "A file of the run"))
        shutil.move(aside, str(addresses.artifacts))
        await until(sees(pilot, "loss   ━━ training"))
        await until(lambda: "not fetched" not in shown(pilot))
