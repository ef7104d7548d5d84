"""A root on a disk that can only be read: it can be looked at."""

import json
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from store import control, listing, workers
from store.database import Database, open_database
from store.errors import StorageTrouble
from store.listing_reader import ListingReader
from store.paths import Root
from store.records import RunState
from tests.cli.command_line import CommandLine
from tests.faults.disks import storage_findings
from tests.queued import add_run
from tests.tui.roots import WORKER
from tests.tui.roots import add_run as add_state
from tests.tui.test_screen import shown as shown_by
from tui.app import AetuiApp

Seal = Callable[[Path], Path]


@pytest.fixture
def sealed(database: Database, seal: Seal) -> Path:
    """A root with a complete run, sealed while nobody has it open."""
    workers.register(database, WORKER, "cpu", None)
    add_state(database, "digits-a", "complete", done=3)
    database.close()
    return seal(database.root.path)


def test_it_is_listed_shown_and_exported(
    sealed: Path, tmp_path: Path, command_line: Callable[[Path], CommandLine]
) -> None:
    aetui = command_line(sealed)
    assert "digits-a" in aetui("ls").out
    assert aetui("show", "digits-a/0", "--json").json()["state"] == "complete"
    said = aetui("export", "digits-a/0", "--out", str(tmp_path / "out"), "--data", "json")
    assert (said.status, said.err) == (0, "Exporting.\n")
    (run,) = json.loads((tmp_path / "out" / "runs.json").read_text())
    assert run["run"] == "digits-a/0"
    into_it = aetui("export", "digits-a/0", "--data", "json")
    assert (into_it.status, into_it.err.count("\n")) == (2, 1)
    assert "cannot be written" in into_it.err


def test_what_would_write_says_one_sentence(
    sealed: Path, tmp_path: Path, command_line: Callable[[Path], CommandLine]
) -> None:
    for root, *asked in (
        (sealed, "run", "cae", "--dataset", "digits"),
        (sealed, "worker"),
        (sealed, "tag", "digits-a/0", "--add", "mine"),
        (sealed / "another", "run", "cae", "--dataset", "digits"),
    ):
        said = command_line(root)(*asked)
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1), (asked, said)
        assert "can only be read" in said.err
    assert not (sealed / "another").exists()
    assert [finding.verdict for finding in storage_findings(Root(sealed))] == ["ok"]


def test_where_the_storage_lies_elsewhere_nothing_is_queued_that_nobody_here_could_train(
    tmp_path: Path, seal: Seal, command_line: Callable[[Path], CommandLine]
) -> None:
    root = tmp_path / "runs"
    with closing(open_database(Root(root), f"sqlite:///{tmp_path / 'elsewhere.db'}", create=True)) as elsewhere:
        run = add_run(elsewhere, "digits-a")
        control.pause(elsewhere, run)
        aetui = command_line(seal(root))
        aetui.environment["AETUI_STORAGE"] = f"sqlite:///{tmp_path / 'elsewhere.db'}"
        said = aetui("run", "cae", "--dataset", "digits", "--detach")
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1), said
        assert "can only be read" in said.err
        said = aetui("resume", "digits-a/0")
        assert (said.status, said.err.count("\n")) == (2, 1), said
        assert "What was asked for waits, and no worker can be started here" in said.err
        assert [(str(each.name), each.state) for each in listing.runs(elsewhere)] == [("digits-a/0", RunState.WAITING)]
        said = aetui("worker")
        assert (said.status, said.out, said.err.count("\n")) == (2, "", 1), said
        assert "can only be read" in said.err


def test_it_can_be_followed_while_others_write_to_it(database: Database, seal: Seal) -> None:
    add_run(database)
    looker = open_database(Root(seal(database.root.path)))
    reader = ListingReader(looker)
    assert len(reader.read(None)[2]) == 1
    add_run(database)
    assert len(reader.read(None)[2]) == 2
    database.close()  # the last that has it open takes its log along
    assert len(listing.runs(looker)) == 2
    again = open_database(database.root)
    add_run(again)
    assert len(reader.read(None)[2]) == 3
    with pytest.raises(StorageTrouble, match="can only be read"):
        add_run(looker)
    for each in (again, looker):
        each.close()


async def test_the_screen_opens_and_says_so(sealed: Path) -> None:
    async with AetuiApp(Root(sealed)).run_test(size=(120, 36), notifications=True) as pilot:
        for _ in range(1200):
            await pilot.pause(0.05)
            told = [notification.message for notification in pilot.app._notifications]
            if "digits-a" in (shown := shown_by(pilot)) and told:
                break
        assert "digits-a" in shown
        assert any("can only be read" in sentence for sentence in told)
