"""Looking at real worker processes: waiting for what they do, finding and signalling them."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import psutil
from safetensors import safe_open

from engine.spec import KeepSpec, ModelSpec, OptimSpec, RunSpec
from store import workers
from store.database import Database, open_database
from store.metrics import read_metrics
from store.names import RunName
from store.paths import Root

T = TypeVar("T")


def wait_for(ask: Callable[[], T], what: str, timeout_s: float = 90.0) -> T:
    """The first true answer of ``ask``; fails the test when none comes."""
    deadline = time.monotonic() + timeout_s
    while True:
        asked_at = time.monotonic()
        if answer := ask():
            return answer
        now = time.monotonic()
        assert now < deadline, f"waited {timeout_s:.0f} s in vain for {what}"
        time.sleep(min(max(0.05, 2 * (now - asked_at)), 1.0))  # what takes long to ask slows those that are waited for


def put_to_sleep(database: Database, pid: int) -> None:
    """Stop a process, but not within a transaction: nobody could write for as long as it sleeps."""
    while True:
        os.kill(pid, signal.SIGSTOP)
        with closing(sqlite3.connect(database.root.database, timeout=1.0)) as connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError:
                os.kill(pid, signal.SIGCONT)
                time.sleep(0.05)
            else:
                return


def is_alive(process: psutil.Process) -> bool:
    """Whether it still works: one that ended, and that nobody has asked for its status, does not."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def small_spec(*, epochs: int = 3, kind: str = "cae", seed: int = 0, **settings: object) -> RunSpec:
    """A run of seconds on ``digits``: where its length does not matter, of few images."""
    return RunSpec(
        kind=kind,
        dataset="digits",
        epochs=epochs,
        seed=seed,
        device="cpu",
        model=ModelSpec(latent_dim=2, width=4, depth=2, hidden=16),
        optim=OptimSpec(batch_size=64, patience=0),
        keep=KeepSpec(latent_samples=50, latent_epochs=5, image_samples=2),
    ).with_settings({"train_limit": 300, **settings})


def processes_of(root: Root, module: str = "engine.") -> list[psutil.Process]:
    """Supervisors and workers (``module``: only the ones of it) of this root."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
        except psutil.Error:
            continue
        if str(root.path) in words and any(word.startswith(module) for word in words):
            found.append(process)
    return found


def end_processes(root: Root) -> None:
    """Kill whatever still works for this root: what one test leaves would slow all that follow."""
    num_quiet = 0
    while num_quiet < 3:  # a worker and its supervisor start each other again
        found = processes_of(root)
        for process in found:
            with suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(found, timeout=5)
        num_quiet = 0 if found else num_quiet + 1


@contextmanager
def worked_on_database(path: Path) -> Iterator[Database]:
    """A fresh root at ``path``; whatever still works for it is killed at the end."""
    root = Root(path)
    database = open_database(root, create=True)
    yield database
    database.close()
    end_processes(root)


def holder_pid(database: Database, name: RunName) -> int | None:
    """The process that trains ``name`` at this moment."""
    return next((worker.pid for worker in workers.workers(database) if worker.run == name and worker.alive), None)


def weights(path: Path) -> dict[str, bytes]:
    """Every tensor of a checkpoint, optimizer and RNG states included, byte for byte."""
    with safe_open(path, framework="numpy") as file:
        return {key: file.get_tensor(key).tobytes() for key in file.keys()}  # noqa: SIM118  # no mapping


def epochs_of(path: Path) -> list[int]:
    return [line["epoch"] for line in read_metrics(path) if line["kind"] == "epoch"]


def curve(path: Path) -> list[dict[str, object]]:
    """The metrics lines without what a clock measured."""
    clocks = ("time", "images_per_s")
    return [{key: value for key, value in line.items() if key not in clocks} for line in read_metrics(path)]
