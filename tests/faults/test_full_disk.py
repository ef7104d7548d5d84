"""A disk that fills up while something is written: what was whole stays whole, and all goes on once there is room."""

import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import jobs
from engine.training import checkpoints
from store import listing, queue, room, workers
from store.database import Database, open_database
from store.errors import NoRoom
from store.file_system import MOUNTS_VARIABLE
from store.paths import Root
from store.records import Claim, RunState
from tests.cli.command_line import CommandLine
from tests.faults.disks import Disk, is_whole
from tests.faults.undisturbed import train_undisturbed
from tests.live import small_spec, wait_for
from tests.queued import add_run


@pytest.mark.timeout(180)
def test_a_run_waits_on_a_full_disk_and_goes_on_to_the_same_numbers(
    disk: Disk, command_line: Callable[[Path], CommandLine], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETUI_IDLE_S", "2")
    spec = small_spec(epochs=40, train_limit="500")  # seconds: the disk is to be full before its end
    undisturbed = train_undisturbed(tmp_path, spec)
    database = open_database(Root(disk.path / "runs"), create=True)
    name = jobs.enqueue(database, spec, "full")
    jobs.ensure_workers(database)
    wait_for(lambda: listing.run(database, name).epoch >= 2, "two epochs")
    disk.fill()
    wait_for(lambda: listing.run(database, name).reason, "the reason")
    found = listing.run(database, name)
    assert found.state is RunState.WAITING
    assert found.reason is not None
    assert str(database.root.path) in found.reason
    assert "free some" in found.reason
    assert 2 <= found.epoch < spec.epochs
    # Between the two writes it may become full too.
    assert checkpoints.read(database.root.run(name).last).epoch in (found.epoch, found.epoch + 1)
    assert is_whole(database.root.database)
    shown = command_line(database.root.path)("show", str(name))
    assert shown.status == 0
    assert found.reason in shown.out
    refused = command_line(database.root.path)("run", "cae", "--dataset", "digits")
    assert (refused.status, refused.err.count("\n")) == (2, 1)
    assert "no room" in refused.err
    disk.free()
    wait_for(lambda: listing.run(database, name).state.is_finished, "the end")
    assert undisturbed.is_end_of(database, name)
    assert listing.run(database, name).attempt == 2
    database.close()


@pytest.mark.timeout(120)
def test_a_worker_that_comes_later_begins_nothing_either(
    disk: Disk, command_line: Callable[[Path], CommandLine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETUI_IDLE_S", "2")
    database = open_database(Root(disk.path / "runs"), create=True)
    name = jobs.enqueue(database, small_spec(epochs=1), "later")
    disk.fill(slack=2 << 20)  # enough to enter itself, and too little for a run
    jobs.ensure_workers(database, slots=1)
    logs = database.root.worker_logs
    wait_for(lambda: any("no room left" in log.read_text() for log in logs.glob("*.log")), "a worker to say so")
    assert (listing.run(database, name).state, listing.run(database, name).attempt) == (RunState.WAITING, 0)
    disk.free()
    wait_for(lambda: listing.run(database, name).state is RunState.COMPLETE, "the end")
    assert listing.run(database, name).attempt == 1
    database.close()


@pytest.mark.parametrize("journal", ["wal", "truncate"])
def test_what_cannot_be_written_is_not_and_the_database_stays_whole(
    disk: Disk, journal: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if journal == "truncate":
        table = tmp_path / "mounts"
        table.write_text("22 1 0:1 / / rw - nfs4 server:/export rw\n")
        monkeypatch.setenv(MOUNTS_VARIABLE, str(table))
    database = open_database(Root(disk.path / "runs"), create=True)
    workers.register(database, "here@cpu", "cpu", None)
    name = add_run(database)
    claim = queue.claim(database, "here@cpu", "cpu")
    assert claim is not None
    disk.fill()
    epoch = _report_until_full(database, claim)
    database.close()
    assert is_whole(database.root.database)
    assert [step for step, _ in listing.values(database, claim.trial_id)] == list(range(1, epoch))
    disk.free()
    queue.report(database, claim, epoch, 1 / epoch)
    queue.finish(database, claim, "COMPLETE", value=0.1)
    assert listing.run(database, name).state is RunState.COMPLETE
    database.close()


def _report_until_full(database: Database, claim: Claim) -> int:
    """Some still fit into the files as they are; returns the first epoch that does not."""
    for epoch in range(1, 10_000):
        try:
            queue.report(database, claim, epoch, 1 / epoch)
        except NoRoom as error:
            assert "no room left" in str(error)  # noqa: PT017
            return epoch
    raise AssertionError("the disk is not full")


def test_a_quota_counts_as_a_full_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert room.has_room(tmp_path, 1000)

    def refuse(*_: object) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr("os.posix_fallocate", refuse)
    assert not room.has_room(tmp_path, 1000)
    assert list(tmp_path.iterdir()) == []
    lack = room.lack(OSError(errno.EDQUOT, "Disk quota exceeded"), tmp_path)
    assert isinstance(lack, NoRoom)
    assert str(tmp_path) in str(lack)
