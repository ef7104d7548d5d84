"""Workers as Slurm jobs: by submitit's local executor, and what would be handed to sbatch."""

import json
import os
import pickle
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import psutil
import pytest

pytest.importorskip("submitit", reason="the slurm extra is not installed")

from engine import jobs
from engine.placing import slurm
from engine.placing.order import Order
from engine.placing.slot import Standing
from store import listing, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.cli.command_line import COMMAND
from tests.live import end_processes, is_alive, small_spec, wait_for
from tests.placing_lines import readmes_lines
from tests.postgres import postgres as postgres
from tests.ray_cluster import without_settings
from tests.servers import fresh_database

LIMIT_S = 240.0
ADDRESS = "postgresql+psycopg://aetui:Parole-9f31@127.0.0.1/experiments"
TRIED_HERE = ("worker", "--on", "slurm", "--address", "local")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(Root(tmp_path / "Läufe und mehr"), create=True)
    yield opened
    opened.close()
    end_processes(opened.root)


def start(database: Database, *options: str) -> "subprocess.Popen[str]":
    folder = database.root.path / "folder"
    folder.mkdir()
    (folder / "engine.py").write_text("raise SystemExit('a file of the user')")
    return subprocess.Popen(
        [COMMAND, *TRIED_HERE, *options],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**without_settings(), "AETUI_ROOT": str(database.root.path), "AETUI_IDLE_S": "3"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        cwd=folder,
    )


def at_work(database: Database, name: RunName) -> int | None:
    """The process that has trained two epochs of ``name``, or more."""
    found = [each.pid for each in workers.workers(database) if each.alive and each.run == name]
    return found[0] if found and listing.run(database, name).epoch >= 2 else None


@pytest.mark.timeout(300)
def test_jobs_train_what_waits_and_end(database: Database) -> None:
    names = [jobs.enqueue(database, small_spec(epochs=2)) for _ in range(3)]
    _, *line = readmes_lines("slurm")[1].split()
    assert line[: len(TRIED_HERE)] == list(TRIED_HERE)
    out, err = start(database, *line[len(TRIED_HERE) :], "--json").communicate(timeout=LIMIT_S)
    told = json.loads(out)
    assert [job["exit_status"] for job in told] == [0, 0], err
    assert {listing.run(database, name).state for name in names} == {RunState.COMPLETE}
    assert all(Path(job["log"]).is_file() for job in told)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_a_killed_job_gives_its_run_back_and_ctrl_c_ends_the_other(database: Database) -> None:
    names = [jobs.enqueue(database, small_spec(epochs=100_000, schedule="constant")) for _ in range(2)]
    attending = start(database, "--slots", "2")
    try:
        pids = [wait_for(lambda name=name: at_work(database, name), "two epochs", LIMIT_S) for name in names]
        trainers = [psutil.Process(pid) for pid in pids]
        trainers[0].parent().kill()  # the job's own process: what it began must end by itself
        wait_for(lambda: listing.run(database, names[0]).state is RunState.WAITING, "the run to come back", LIMIT_S)
        attending.send_signal(signal.SIGINT)
        _, err = attending.communicate(timeout=LIMIT_S)
    finally:
        attending.kill()
    assert attending.returncode == 130, err
    wait_for(lambda: not any(map(is_alive, trainers)), "the end of those that trained")
    assert [listing.run(database, name).state for name in names] == [RunState.WAITING] * 2
    assert workers.workers(database) == []


@pytest.fixture
def sbatch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A Slurm that notes what it is given, and runs nothing."""
    folder = tmp_path / "bin"
    folder.mkdir()
    note = f'cp "$1" {tmp_path}/script; env > {tmp_path}/environment; echo Submitted batch job 7'
    for name, does in (("sbatch", note), ("srun", ""), ("squeue", ""), ("scancel", "")):
        (folder / name).write_text(f"#!/bin/sh\n{does}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path


def test_sbatch_gets_what_was_asked_for_and_the_address_only_by_the_environment(sbatch: Path) -> None:
    root = sbatch / "runs"
    order = Order(root=root, gpus=2.0, cpus=1, environment={"AETUI_STORAGE": ADDRESS})
    parameters = dict(map(slurm.read_parameter, ["partition=gpu", "time=1-00:00:00", "cpus-per-task=8", "exclusive"]))
    placement = slurm.place(order, 3, parameters=parameters, is_local=False)
    assert [placed.id for placed in placement.settle()] == ["7_0", "7_1", "7_2"]
    lines = (sbatch / "script").read_text().splitlines()
    for option in (
        "partition=gpu",
        "time=1-00:00:00",
        "cpus-per-task=8",
        "exclusive",
        "gpus-per-node=2",
        "array=0-2%3",
    ):
        assert f"#SBATCH --{option}" in lines
    assert f"AETUI_STORAGE={ADDRESS}" in (sbatch / "environment").read_text()
    assert "AETUI_STORAGE" not in os.environ
    kept = [file for file in root.rglob("*") if file.is_file()]
    assert kept
    assert [file for file in kept if b"Parole" in file.read_bytes()] == []


def test_what_readme_asks_of_slurm_is_what_sbatch_gets(sbatch: Path, postgres: str) -> None:
    address = fresh_database(postgres)
    open_database(Root(sbatch / "runs"), address, create=True).close()
    _, *line = readmes_lines("slurm")[0].split()
    environment = {**without_settings(), "AETUI_ROOT": str(sbatch / "runs"), "AETUI_STORAGE": address}
    done = subprocess.run(
        [COMMAND, *line, "--detach"], env=environment, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stderr
    given = (sbatch / "script").read_text().splitlines()
    for option in ("partition=gpu", "time=8:00:00", "gpus-per-node=1", "array=0-3%4"):
        assert f"#SBATCH --{option}" in given


def test_without_a_time_the_partition_s_own_counts(sbatch: Path) -> None:
    slurm.place(Order(root=sbatch / "runs", gpus=0.0, cpus=1), 1, parameters={}, is_local=False)
    assert "--time" not in (sbatch / "script").read_text()


def test_what_sbatch_refuses_is_told(sbatch: Path) -> None:
    (sbatch / "bin" / "sbatch").write_text("#!/bin/sh\necho sbatch: error: invalid partition: none >&2\nexit 1\n")
    with pytest.raises(RequestError, match="invalid partition: none"):
        slurm.place(Order(root=sbatch / "runs", gpus=0.0, cpus=1), 1, parameters={}, is_local=False)


def test_jobs_that_slurm_has_no_more_are_over(sbatch: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    placement = slurm.place(Order(root=sbatch / "runs", gpus=0.0, cpus=1), 2, parameters={}, is_local=False)
    (sbatch / "bin" / "squeue").write_text("#!/bin/sh\necho 8 7_1\n")
    placement.leave()
    assert [placed.is_over for placed in placement.look()] == [True, False]


def test_how_a_job_ended_is_read_without_a_pickle(sbatch: Path) -> None:
    root = sbatch / "runs"
    placement = slurm.place(Order(root=root, gpus=0.0, cpus=1), 3, parameters={}, is_local=False)
    folder = Root(root).worker_logs / "slurm"
    told, damaged, silent = placement.settle()
    standing = Standing(worker=f"{told.name}-1@cpu", host="node1", place="job 7", log="log", exit_status=1, says="No.")
    (folder / f"{told.name}.json").write_text(json.dumps(asdict(standing)))
    (folder / f"{damaged.name}.json").write_text('{"worker": ')
    (folder / "7_1_0_log.err").write_text("submitit\nslurmstepd: error: node lost\n")
    for placed in (told, damaged, silent):
        (folder / f"{placed.id}_0_result.pkl").write_bytes(pickle.dumps(Evil(str(sbatch / "touched"))))
    assert placement.look() == [
        replace(told, is_over=True, standing=standing),
        replace(damaged, is_over=True, says="slurmstepd: error: node lost"),
        replace(silent, is_over=True, says="no reason was given"),
    ]
    assert not (sbatch / "touched").exists()


@dataclass
class Evil:
    """Writes a file when it is unpickled."""

    path: str

    def __reduce__(self) -> tuple[object, ...]:
        return open, (self.path, "w")


@pytest.mark.parametrize("text", ["", "=gpu", "partition=", "Partition=gpu", "time=1\n#SBATCH --mem=1", "--mem=1"])
def test_what_is_no_option_of_sbatch_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="partition=gpu"):
        slurm.read_parameter(text)


def test_without_slurm_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(RequestError, match="no sbatch on the PATH"):
        slurm.check(0.0, is_local=False)
    with pytest.raises(RequestError, match="whole GPUs"):
        slurm.check(0.25, is_local=True)
