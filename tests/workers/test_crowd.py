"""Many at once on one SQLite file: 16 workers, 4 screens, an export and Optuna's dashboard; two users and one run."""

import json
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from engine import jobs
from engine.slots import choose_slots
from store import listing, workers
from store.database import Database, open_database
from store.metrics import read_metrics
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.at_once import ask, disagreements
from tests.chaos.ledger import Ledger
from tests.chaos.place import Place
from tests.chaos.screens import Screens
from tests.live import end_processes, epochs_of, small_spec, wait_for

MINUTES = float(os.environ.get("AETUI_CROWD_MINUTES") or 10)
NUM_WORKERS, NUM_SCREENS = 16, 4
_EPOCHS = 3
_WAITING = 2 * NUM_WORKERS
"""So many are kept waiting, that no worker is without one."""
_EXPERIMENTS = ("one", "two", "three")
_SETTLES_S = 600.0
_TROUBLE = ("locked", "Traceback (most recent call last)")

_users: dict[str, tuple[Database, Barrier]] = {}


def _be_a_user(root: Path, barrier: Barrier) -> None:
    _users["me"] = open_database(Root(root)), barrier


def _ask_as_user(what: str, name: RunName) -> bool:
    database, barrier = _users["me"]
    barrier.wait(60)
    return ask(database, what, name)


@pytest.mark.timeout(120)
def test_two_processes_that_ask_at_once_end_as_one_after_the_other(database: Database) -> None:
    workers.register(database, "here@cpu", "cpu", None)
    context, seed = get_context("spawn"), random.SystemRandom().randrange(10_000)
    print(f"seed {seed}")
    users = (database.root.path, context.Barrier(2))
    with ProcessPoolExecutor(2, mp_context=context, initializer=_be_a_user, initargs=users) as pool:

        def together(one: str, other: str, name: RunName) -> tuple[bool, bool]:
            first, second = pool.map(_ask_as_user, (one, other), (name, name))
            return first, second

        wrong = disagreements(database, "here@cpu", together, random.Random(seed), num_cases=10, num_times=3)
    assert wrong == []


@dataclass
class _Looks:
    """What those beside the workers have seen; written by one thread each."""

    exports: Counter[int] = field(default_factory=Counter)
    pages: Counter[str] = field(default_factory=Counter)
    trouble: list[str] = field(default_factory=list)


@pytest.mark.slow
@pytest.mark.timeout(60 * MINUTES + 2 * _SETTLES_S)
def test_a_crowd_on_one_file_loses_nothing(tmp_path: Path) -> None:
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is in the dev extra")
    place, ledger, looks = Place.make(tmp_path / "crowd"), Ledger(), _Looks()
    database = open_database(place.root, create=True)
    screens = Screens(place, random.Random(0), ledger)
    ends, asked = time.monotonic() + 60 * MINUTES, list[RunName]()
    try:
        choose_slots(place.root, "cpu", NUM_WORKERS)
        asked += _fill_up(database, len(asked))
        jobs.ensure_workers(database, NUM_WORKERS, device="cpu")
        for _ in range(NUM_SCREENS):
            screens.begin()
        with _beside(place, looks):
            most_workers = 0
            while time.monotonic() < ends:
                asked += _fill_up(database, len(asked))
                _attend(screens, 2.0)
                most_workers = max(most_workers, sum(worker.alive for worker in workers.workers(database)))
            assert len(screens.open) == NUM_SCREENS, ledger.wrong
            until = time.monotonic() + _SETTLES_S
            while listing.queue_length(database) or listing.num_running(database):
                assert time.monotonic() < until, "what waits is not worked off"
                _attend(screens, 1.0)
        wait_for(lambda: _have_left(screens), "the screens to leave")
        told = _check(database, asked)
        print(f"{told}, {most_workers} workers at most, exports {dict(looks.exports)}, pages {dict(looks.pages)}")
        assert (ledger.wrong, looks.trouble, _trouble_in_logs(place.root)) == ({}, [], [])
        assert most_workers == NUM_WORKERS
        assert looks.exports[0] > 0
        assert looks.pages["study"] > 0
    finally:
        screens.end()
        database.close()
        end_processes(place.root)


def _fill_up(database: Database, num_asked: int) -> list[RunName]:
    """Let enough wait, each with a seed of its own."""
    lacking = range(num_asked, num_asked + _WAITING - listing.queue_length(database))
    return [
        jobs.enqueue(database, small_spec(epochs=_EPOCHS, seed=seed), _EXPERIMENTS[seed % len(_EXPERIMENTS)])
        for seed in lacking
    ]


def _attend(screens: Screens, seconds: float) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        screens.attend()
        time.sleep(0.05)


def _have_left(screens: Screens) -> bool:
    """Ask them to go; once more where a text was being typed. Read in one piece, the two keys would be Alt and q."""
    for key in ("\x1b", "q"):
        for screen in screens.open:
            screen.press(key)
        _attend(screens, 2.0)
    return not screens.open


@contextmanager
def _beside(place: Place, looks: _Looks) -> Iterator[None]:
    """One who exports, again and again, and one who looks at Optuna's dashboard."""
    is_over = threading.Event()
    with _dashboard(place.root, looks) as port:
        threads = [
            threading.Thread(target=_export, args=(place, looks, is_over)),
            threading.Thread(target=_look_at_dashboard, args=(port, looks, is_over)),
        ]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            is_over.set()
            for thread in threads:
                thread.join()


def _export(place: Place, looks: _Looks, is_over: threading.Event) -> None:
    number = 0
    while not is_over.wait(1.0):
        what = _EXPERIMENTS[number % len(_EXPERIMENTS)]
        number += 1
        words = place.command("export", what, "--out", str(place.exported / what), "--data", "csv,json")
        done = subprocess.run(words, env=place.environment(), capture_output=True, text=True, check=False)
        looks.exports[done.returncode] += 1
        if done.returncode or any(word in done.stderr for word in _TROUBLE):
            looks.trouble.append(f"export of {what}, status {done.returncode}: {done.stderr}")


@contextmanager
def _dashboard(root: Root, looks: _Looks) -> Iterator[int]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    code = "from optuna_dashboard._cli import main; main()"
    words = [sys.executable, "-c", code, f"sqlite:///{root.database}", "--host", "127.0.0.1", "--port", str(port)]
    errors = root.path.parent / "dashboard.txt"
    with errors.open("wb") as file:
        process = subprocess.Popen(words, stdout=file, stderr=file)
    try:
        yield port
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        text = errors.read_text(errors="replace")
        looks.trouble += [f"dashboard: {word} in {text[-3000:]}" for word in _TROUBLE if word in text]


def _look_at_dashboard(port: int, looks: _Looks, is_over: threading.Event) -> None:
    while not is_over.wait(1.0):
        try:
            with urlopen(f"http://127.0.0.1:{port}/api/studies", timeout=60) as answer:
                studies = json.load(answer)["study_summaries"]
            looks.pages["studies"] += 1
            for study in studies:
                with urlopen(f"http://127.0.0.1:{port}/api/studies/{study['study_id']}?after=0", timeout=60) as answer:
                    json.load(answer)
                looks.pages["study"] += 1
        except HTTPError as error:
            looks.trouble.append(f"the dashboard answered {error}")
        except OSError:
            looks.pages["no answer yet"] += 1


def _check(database: Database, asked: list[RunName]) -> str:
    """Every run that was asked for was trained once, from its first epoch to its last, and all of it is told alike."""
    runs = {run.name: run for run in listing.runs(database, deleted=True)}
    assert sorted(runs) == sorted(asked)
    assert Counter((run.state, run.attempt, run.epoch) for run in runs.values()) == {
        (RunState.COMPLETE, 1, _EPOCHS): len(asked)
    }
    expected = list(range(1, _EPOCHS + 1))
    num_values = 0
    for run in runs.values():
        paths = database.root.run(run.name)
        lines = {line["epoch"]: line["value"] for line in read_metrics(paths.metrics) if line["kind"] == "epoch"}
        assert epochs_of(paths.metrics) == expected, run.name
        reported = listing.values(database, run.trial_id)
        assert reported == list(lines.items()), run.name
        assert run.value == min(lines.values()), run.name
        assert paths.log.read_text().count("attempt ") == 1, run.name
        num_values += len(reported)
    with closing(sqlite3.connect(database.root.database)) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    return f"{len(runs)} runs, {num_values} values"


def _trouble_in_logs(root: Root) -> list[str]:
    logs = [*root.worker_logs.glob("*"), *root.path.rglob("log.txt"), root.path / ".screen.log"]
    texts = {log: log.read_text(errors="replace") for log in logs if log.is_file()}
    return [f"{log}: {text[-2000:]}" for log, text in texts.items() if any(word in text for word in _TROUBLE)]
