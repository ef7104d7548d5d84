"""Damaged files: named, set aside where a run can go on without them, and all else works."""

import json
import logging
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from engine import jobs
from engine.session import RunPaused
from engine.training import checkpoints
from store import listing, queue, workers
from store.database import Database, open_database
from store.errors import RequestError, StorageTrouble
from store.metrics import MetricsWriter, read_metrics
from store.names import RunName
from store.paths import Root, RunPaths
from store.records import RunState
from tests.cli.command_line import CommandLine
from tests.faults.disks import storage_findings
from tests.faults.undisturbed import EPOCHS, Undisturbed, short_spec
from tests.live import epochs_of
from tests.queued import add_run

BREAK_OFF_AFTER = 3


def flip(path: Path, place: float) -> None:
    """Change one byte, ``place`` of the way through."""
    content = bytearray(path.read_bytes())
    content[int(place * (len(content) - 1))] ^= 0x10
    path.write_bytes(content)


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, RunName]:
    """A root with a run whose worker left after some epochs; it waits."""
    database = open_database(Root(tmp_path_factory.mktemp("left") / "runs"), create=True)
    name = jobs.enqueue(database, short_spec(), "damaged")
    append = MetricsWriter.append

    def leave(self: MetricsWriter, record: dict[str, object]) -> None:
        append(self, record)
        if record["kind"] == "step" and record["epoch"] == BREAK_OFF_AFTER + 1:
            raise RunPaused

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(MetricsWriter, "append", leave)
        # Once: the queue would give it out again.
        patched.setattr("engine.jobs.drawing.next_claim", _once(jobs.drawing.next_claim))
        jobs.run_inline(database)
    found = listing.run(database, name)
    assert (found.state, found.epoch) == (RunState.WAITING, BREAK_OFF_AFTER)
    database.close()
    return database.root.path, name


@pytest.fixture
def broken_off(database: Database, left: tuple[Path, RunName], caplog: pytest.LogCaptureFixture) -> RunName:
    """That run, in the test's own root."""
    caplog.set_level(logging.INFO, "aetui")
    database.close()
    shutil.rmtree(database.root.path)
    shutil.copytree(left[0], database.root.path)
    return left[1]


def _once(ask: Callable[..., object]) -> Callable[..., object]:
    asks = [ask, lambda *_: None]
    return lambda *arguments: asks.pop(0)(*arguments)


def go_on(database: Database, name: RunName) -> str:
    """To the end; returns the log."""
    jobs.run_inline(database)
    return database.root.run(name).log.read_text()


@pytest.mark.parametrize(
    "damage", [cut, lambda path: flip(path, 0.5), lambda path: flip(path, 0.03)], ids=["cut", "data", "header"]
)
def test_without_its_last_checkpoint_a_run_goes_on_from_its_best(
    database: Database, broken_off: RunName, undisturbed: Undisturbed, damage: Callable[[Path], None]
) -> None:
    paths = database.root.run(broken_off)
    best = checkpoints.read(paths.best).epoch
    damage(paths.last)
    log = go_on(database, broken_off)
    assert f"{paths.last} is damaged" in log
    assert "It is now last.safetensors.damaged." in log
    assert f"goes on after epoch {best}" in log
    assert paths.last.with_name("last.safetensors.damaged").is_file()
    assert undisturbed.is_end_of(database, broken_off)


def test_without_any_checkpoint_it_begins_anew(
    database: Database, broken_off: RunName, undisturbed: Undisturbed
) -> None:
    paths = database.root.run(broken_off)
    for path in (paths.last, paths.best):
        cut(path)
    log = go_on(database, broken_off)
    assert "best.safetensors.damaged" in log
    assert undisturbed.is_end_of(database, broken_off)


@pytest.mark.parametrize("is_last_the_best", [True, False])
def test_without_its_best_checkpoint_it_goes_on_where_the_numbers_stay_the_same(
    database: Database, broken_off: RunName, undisturbed: Undisturbed, is_last_the_best: bool
) -> None:
    paths = database.root.run(broken_off)
    if not is_last_the_best:  # as after an epoch that was worse
        state = dict(checkpoints.read(paths.last).state)
        _rewrite_best_epoch(paths, int(state["best_epoch"]) - 1)
    elif checkpoints.read(paths.last).state["best_epoch"] != BREAK_OFF_AFTER:
        pytest.skip("the last epoch was not the best one")
    flip(paths.best, 0.7)
    log = go_on(database, broken_off)
    assert "It is now best.safetensors.damaged." in log
    assert ("begins anew" in log) is not is_last_the_best
    assert undisturbed.is_end_of(database, broken_off)


def _rewrite_best_epoch(paths: RunPaths, epoch: int) -> None:
    content = paths.last.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    ours = json.loads(header["__metadata__"]["aetui"])
    ours["state"]["best_epoch"] = epoch
    header["__metadata__"] = {"aetui": json.dumps(ours)}  # without a sum, as older ones
    packed = json.dumps(header).encode()
    packed += b" " * (-len(packed) % 8)
    paths.last.write_bytes(len(packed).to_bytes(8, "little") + packed + content[8 + length :])


def test_another_run_cannot_start_from_a_damaged_checkpoint_and_is_told_so(
    database: Database, broken_off: RunName
) -> None:
    jobs.run_inline(database)
    flip(database.root.run(broken_off).last, 0.6)
    spec = replace(short_spec(epochs=EPOCHS + 1), start_from=str(broken_off))
    name = jobs.enqueue(database, spec, "damaged")
    jobs.run_inline(database)
    found = listing.run(database, name)
    assert found.state is RunState.FAILED
    assert "last.safetensors is damaged" in (found.reason or "")
    assert database.root.run(broken_off).last.is_file(), "what belongs to another run stays where it is"


def test_damaged_metrics_lines_are_told_kept_aside_and_passed_over(
    database: Database, broken_off: RunName, undisturbed: Undisturbed, command_line: Callable[[Path], CommandLine]
) -> None:
    metrics = database.root.run(broken_off).metrics
    lines = metrics.read_bytes().split(b"\n")
    epochs = [place for place, line in enumerate(lines) if b'"kind": "epoch"' in line]
    lines[epochs[1]] = lines[epochs[1]][:30] + b"\xff\x00\r\x85" + lines[epochs[1]][40:]
    lines[epochs[0]] = b'{"kind": "epoch", "epoch": "one"}'
    metrics.write_bytes(b"\n".join(lines))
    log = go_on(database, broken_off)
    assert f"2 lines of {metrics} were damaged: they are in metrics.jsonl.damaged" in log
    assert undisturbed.is_end_of(database, broken_off, has_holes=True)
    assert epochs_of(metrics) == [epoch for epoch in range(1, EPOCHS + 1) if epoch > 2]
    metrics.write_bytes(metrics.read_bytes()[:-20] + b"\xfe\n")
    assert len(read_metrics(metrics)) > EPOCHS
    for file in ("config.json", "results.json"):
        (metrics.parent / file).write_bytes(b'{"torn')
    for codes in (metrics.parent / "latents").glob("*.npz"):
        flip(codes, 0.5)
    aetui = command_line(database.root.path)
    shown = aetui("show", str(broken_off))
    assert (shown.status, str(metrics) in shown.err) == (0, True)
    said = aetui("export", str(broken_off), "--data", "csv")
    assert said.status == 0, said.err


def test_a_damaged_page_of_the_database_is_one_sentence(
    database: Database, command_line: Callable[[Path], CommandLine]
) -> None:
    workers.register(database, "here@cpu", "cpu", None)
    for _ in range(60):
        add_run(database)
    claim = queue.claim(database, "here@cpu", "cpu")
    with database.read() as connection:
        page = connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'aetui_runs'").scalar_one()
    database.close()
    file = database.root.database
    content = bytearray(file.read_bytes())
    content[4096 * (page - 1) : 4096 * page] = b"\xa5" * 4096
    file.write_bytes(content)
    again = open_database(database.root)
    assert claim is not None
    with pytest.raises(StorageTrouble, match="is damaged"):
        listing.runs(again)
    with pytest.raises(StorageTrouble, match="is damaged"):
        queue.finish(again, claim, "COMPLETE", value=1.0)
    again.close()
    aetui = command_line(database.root.path)
    for asked in (("ls",), ("run", "cae", "--dataset", "digits", "--queue-only")):
        said = aetui(*asked)
        assert (said.status, said.err.count("\n")) == (2, 1), asked
        assert f"The database {file} is damaged" in said.err
        assert "--recover-storage" in said.err
    (storage,) = storage_findings(database.root)
    assert storage.verdict == "broken"
    assert "is damaged" in storage.says


def test_a_worker_says_of_a_damaged_database_one_sentence_and_ends(database: Database) -> None:
    database.close()
    content = bytearray(database.root.database.read_bytes())
    content[100:4096] = b"\xa5" * 3996
    database.root.database.write_bytes(content)
    for module, rest in (("engine.worker", ["--id", "x@cpu"]), ("engine.supervisor", [])):
        command = [sys.executable, "-P", "-m", module, "--root", str(database.root.path), *rest]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 1
        assert done.stderr.count("\n") == 1, done.stderr
        assert str(database.root.database) in done.stderr


def test_a_checkpoint_without_a_sum_is_read_as_before(database: Database, broken_off: RunName) -> None:
    paths = database.root.run(broken_off)
    before = checkpoints.read(paths.last)
    _rewrite_best_epoch(paths, 1)
    assert checkpoints.read(paths.last).epoch == before.epoch
    flip(paths.last, 0.9)
    checkpoints.read(paths.last)
    cut(paths.last)
    with pytest.raises(RequestError, match="is damaged"):
        checkpoints.read(paths.last)
