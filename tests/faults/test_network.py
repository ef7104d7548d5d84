"""A root on a network file system, where SQLite's WAL is not safe: a rollback journal, every step synced."""

import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy

from engine import jobs
from store import listing, queue, workers
from store.address import Addresses
from store.database import Database, open_database
from store.file_system import MOUNTS_VARIABLE, file_system
from store.listing_reader import ListingReader
from store.paths import Root
from store.studies import optuna_storage
from tests.cli.command_line import CommandLine
from tests.faults.disks import is_whole, journal_mode, storage_findings
from tests.live import epochs_of, small_spec, wait_for
from tests.queued import add_run
from tui.first_look import FirstLook


def settings(engine: sqlalchemy.Engine) -> tuple[object, object]:
    with engine.connect() as connection:
        return tuple(connection.exec_driver_sql(f"PRAGMA {of}").scalar() for of in ("journal_mode", "synchronous"))


SAFE, FAST = ("truncate", 2), ("wal", 1)


@pytest.mark.parametrize(
    ("kind", "is_network"),
    [
        *(
            (kind, True)
            for kind in ("nfs", "nfs4", "cifs", "smb3", "lustre", "ceph", "9p", "fuse.sshfs", "fuse.rclone")
        ),
        *((kind, False) for kind in ("ext4", "xfs", "btrfs", "tmpfs", "overlay", "fuseblk", "fuse.ntfs-3g", "zfs")),
    ],
)
def test_a_network_is_told_by_the_kernels_table(
    kind: str, is_network: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, table = tmp_path / "mit Leerzeichen", tmp_path / "mounts"
    folder.mkdir()
    escaped = str(folder).replace(" ", "\\040")
    table.write_text(
        "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
        "23 22 254:0 / /proc rw shared:5 - proc proc rw\n"
        f"90 22 0:52 /part {escaped} ro,relatime shared:1 master:2 propagate_from:2 - {kind} server:/x rw\n"
        "a line that means nothing\n"
    )
    monkeypatch.setenv(MOUNTS_VARIABLE, str(table))
    assert file_system(folder / "runs" / "not there yet").kind == kind
    assert file_system(folder / "runs").is_network is is_network
    assert file_system(tmp_path).kind == "ext4"
    monkeypatch.setenv(MOUNTS_VARIABLE, str(tmp_path / "none"))
    assert not file_system(folder).is_network


@pytest.mark.usefixtures("on_network")
def test_every_connection_keeps_to_a_journal(tmp_path: Path) -> None:
    database = open_database(Root(tmp_path / "runs"), create=True)
    assert settings(database.engine) == SAFE
    storage = optuna_storage(database)
    assert settings(storage.engine) == SAFE
    assert journal_mode(database.root.database) != "wal"
    storage.engine.dispose()
    database.close()


def test_a_root_that_was_moved_there_leaves_wal_once_nobody_has_it_open(
    database: Database, request: pytest.FixtureRequest
) -> None:
    name = add_run(database)
    assert settings(database.engine) == FAST
    request.getfixturevalue("on_network")
    # Another process, as ours would share its locks with what is opened here.
    code = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute('SELECT 1 FROM studies').fetchall(); input()"
    )
    other = subprocess.Popen(
        [sys.executable, "-c", f"{code.replace('input()', 'print(1, flush=True); input()')}", database.root.database],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert other.stdout is not None
    other.stdout.readline()
    database.close()
    with closing(open_database(database.root)) as meanwhile:
        assert [run.name for run in listing.runs(meanwhile)] == [name]
        assert settings(meanwhile.engine)[0] == "wal"
    other.communicate(b"\n")
    with closing(open_database(database.root)) as alone:
        assert settings(alone.engine) == SAFE
        assert [run.name for run in listing.runs(alone)] == [name]
    assert not database.root.database.with_name("aetui.db-wal").exists()


@pytest.mark.usefixtures("on_network")
def test_several_at_once_claim_each_run_once_and_a_reader_sees_it(tmp_path: Path) -> None:
    root = Root(tmp_path / "runs")
    database = open_database(root, create=True)
    names = [add_run(database) for _ in range(20)]
    reader = ListingReader(database)

    def work(number: int) -> list[str]:
        with closing(open_database(root)) as own:
            worker_id = f"w{number}@cpu"
            workers.register(own, worker_id, "cpu", None)
            done = []
            while (claim := queue.claim(own, worker_id, "cpu")) is not None:
                queue.report(own, claim, 1, 0.5)
                queue.heartbeat(own, claim)
                queue.finish(own, claim, "COMPLETE", value=0.5)
                done.append(str(claim.name))
            return done

    with ThreadPoolExecutor(4) as pool:
        claimed = [name for done in pool.map(work, range(4)) for name in done]
    assert sorted(claimed) == sorted(map(str, names))
    assert {run.state.value for run in reader.read(None)[2]} == {"complete"}
    look = FirstLook(root, Addresses(), None).read()
    assert look is not None
    assert len(look.runs) == 20
    database.close()
    assert is_whole(root.database)


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("on_network")
def test_a_run_is_trained_there_and_the_user_is_told_once(
    tmp_path: Path, command_line: Callable[[Path], CommandLine]
) -> None:
    database = open_database(Root(tmp_path / "runs"), create=True)
    name = jobs.enqueue(database, small_spec(epochs=2), "there")
    aetui = command_line(database.root.path)
    said = aetui("run", "cae", "--dataset", "digits", "--epochs", "1", "--set", "width=2", "--threads", "1")
    assert said.status == 0, said.err
    assert said.err.count("is on a network file system (nfs4)") == 1
    wait_for(lambda: listing.run(database, name).state.is_finished, "the end")
    assert listing.run(database, name).state == "complete"
    assert epochs_of(database.root.run(name).metrics) == [1, 2]
    assert settings(database.engine) == SAFE
    assert "network" not in aetui("ls").err
    told, found = storage_findings(database.root)
    assert (told.verdict, found.verdict) == ("note", "ok")
    assert "nfs4" in told.says
    assert "journal truncate" in found.says
    for log in database.root.worker_logs.iterdir():
        assert "locked" not in log.read_text()
    database.close()


@pytest.mark.timeout(120)
@pytest.mark.usefixtures("on_network")
def test_a_named_file_that_lies_there_is_told_of_too(
    tmp_path: Path, command_line: Callable[[Path], CommandLine]
) -> None:
    aetui = command_line(tmp_path / "runs")
    env = {"AETUI_STORAGE": f"sqlite:///{tmp_path}/all.db"}
    said = aetui("run", "cae", "--dataset", "digits", "--queue-only", env=env)
    assert said.status == 0, said.err
    assert said.err.count(f"{tmp_path} is on a network file system (nfs4)") == 1
    found = [each for each in aetui("doctor", "--json", env=env).json()["checks"] if each["subject"] == "storage"]
    assert [each["verdict"] for each in found] == ["note", "ok"]
    assert "journal truncate" in found[1]["says"]
