"""A database with pages that cannot be read: set aside on request, and all that can be read goes on."""

import random
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from store import listing, queue, workers
from store.database import Database, open_database
from store.errors import NoRoom, RequestError, StorageTrouble
from store.paths import Root
from store.records import Run
from store.salvage import salvage
from tests.cli.command_line import CommandLine
from tests.faults.disks import Disk
from tests.queued import add_run

_PAGE = 4096
_NUM_RUNS, _NUM_EPOCHS = 80, 3


@pytest.fixture
def filled(database: Database) -> Path:
    """The file of a storage with runs that are over, closed."""
    workers.register(database, "here@cpu", "cpu", None)
    for _ in range(_NUM_RUNS):
        add_run(database)
        claim = queue.claim(database, "here@cpu", "cpu")
        assert claim is not None
        for epoch in range(1, _NUM_EPOCHS + 1):
            queue.report(database, claim, epoch, 1 / epoch)
        queue.finish(database, claim, "COMPLETE", value=0.25, test={"mse": 0.5})
    workers.unregister(database, "here@cpu")
    database.close()
    return database.root.database


def pages_of(root: Root, table: str) -> list[int]:
    """Its leaves: pages that hold rows and nothing else."""
    database = open_database(root)
    with database.read() as connection:
        query = f"SELECT pageno FROM dbstat WHERE name = '{table}' AND pagetype = 'leaf'"
        found = [int(row[0]) for row in connection.exec_driver_sql(query)]
    database.close()
    return found


def spoil(file: Path, page: int) -> None:
    with file.open("r+b") as opened:
        opened.seek(_PAGE * (page - 1))
        opened.write(b"\xa5" * _PAGE)


def runs_of(root: Root) -> dict[str, Run]:
    database = open_database(root)
    found = {str(run.name): run for run in listing.runs(database)}
    database.close()
    return found


def has_dbstat(file: Path) -> bool:
    connection = sqlite3.connect(file)
    try:
        connection.execute("SELECT count(*) FROM dbstat")
    except sqlite3.OperationalError:
        return False
    finally:
        connection.close()
    return True


def test_all_but_a_page_is_saved_and_the_rest_works(
    filled: Path, database: Database, command_line: Callable[[Path], CommandLine]
) -> None:
    if not has_dbstat(filled):
        pytest.skip("this SQLite does not tell which page is whose (dbstat)")
    root, before = database.root, runs_of(database.root)
    leaves = pages_of(root, "trials")
    spoil(filled, leaves[len(leaves) // 2])
    damaged = filled.read_bytes()
    aetui = command_line(root.path)
    refused = aetui("ls")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "aetui doctor --recover-storage" in refused.err
    said = aetui("doctor", "--recover-storage")
    assert "trials: " in said.err
    assert "some could not be read" in said.err
    assert "belonged to what is lost" in said.err, "their values went with them"
    (aside,) = root.path.glob("aetui.db.damaged-*")
    assert aside.read_bytes() == damaged
    assert str(aside) in said.err
    after = runs_of(root)
    assert 0 < len(after) < len(before)
    assert len(after) >= len(before) * (1 - 2 / len(leaves)), "those of one page are lost, and no others"
    assert after == {name: before[name] for name in after}
    assert aetui("run", "cae", "--dataset", "digits", "--queue-only").status == 0
    assert aetui("ls", "cae-digits", "--json").status == 0
    again = aetui("doctor", "--recover-storage")
    assert "not damaged: nothing was done" in again.err


def _saved(root: Root) -> str | None:
    """Where the damaged file lies; "nothing", where nothing could be saved; None: nothing was damaged."""
    try:
        saved = salvage(root)
    except StorageTrouble:
        return "nothing"
    return str(saved.aside) if saved else None


def test_whichever_page_it_is_a_storage_is_left_or_nothing_is_changed(
    filled: Path, database: Database, tmp_path: Path
) -> None:
    before = runs_of(database.root)
    pages = list(range(1, filled.stat().st_size // _PAGE + 1))
    kept = []
    for page in [*random.Random(0).sample(pages, min(len(pages), 20)), 1, 2]:
        root = Root(tmp_path / str(len(kept)))
        root.path.mkdir()
        shutil.copy(filled, root.database)
        spoil(root.database, page)
        content = root.database.read_bytes()
        saved = _saved(root)
        if saved == "nothing":
            assert root.database.read_bytes() == content
            kept.append(0)
            continue
        after = runs_of(root)
        assert saved is None or Path(saved).read_bytes() == content
        assert {name: before[name].trial_id for name in after} == {name: after[name].trial_id for name in after}
        opened = open_database(root)
        add_run(opened, experiment="another")
        opened.close()
        kept.append(len(after))
    assert sum(each == len(before) for each in kept) > len(kept) / 3, "of an index, or of what is known anyhow"
    assert any(0 < each < len(before) for each in kept)


def test_one_that_is_open_elsewhere_is_left_alone(filled: Path, database: Database) -> None:
    spoil(filled, filled.stat().st_size // _PAGE)
    content = filled.read_bytes()
    elsewhere = open_database(database.root)
    listing.change_token(elsewhere)
    with pytest.raises(RequestError, match="is open elsewhere"):
        salvage(database.root)
    elsewhere.close()
    assert filled.read_bytes() == content
    assert not list(database.root.path.glob("*.damaged*"))


def test_without_room_for_a_fresh_one_nothing_is_changed(filled: Path, disk: Disk) -> None:
    root = Root(disk.path / "runs")
    root.path.mkdir()
    shutil.copy(filled, root.database)
    spoil(root.database, 3)
    content = root.database.read_bytes()
    disk.fill(slack=64 << 10)
    with pytest.raises(NoRoom):
        salvage(root)
    assert root.database.read_bytes() == content
    assert not [*root.path.glob("*aside*"), *root.path.glob("*damaged*")]
    disk.free()
    assert salvage(root) is not None


def test_what_is_no_damaged_file_is_told(database: Database, tmp_path: Path) -> None:
    database.close()
    assert salvage(database.root) is None
    with pytest.raises(RequestError, match="nothing at"):
        salvage(Root(tmp_path / "nowhere"))
    with pytest.raises(RequestError, match="Only a SQLite file"):
        salvage(database.root, "postgresql+psycopg://me@127.0.0.1/x")
