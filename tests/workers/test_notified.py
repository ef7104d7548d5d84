"""Real workers tell of what ends, and leave where fewer are wanted."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from engine import jobs, search
from engine.notices import NOTIFY_VARIABLE
from engine.search import SearchSpec
from engine.slots import choose_slots, chosen_slots
from engine.space import Space
from store import listing, workers
from store.clock import host
from store.database import Database
from tests.live import holder_pid, small_spec, wait_for


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where each notice becomes a line."""
    out = tmp_path / "told"
    code = "import sys; open(sys.argv[1], 'a').write(sys.stdin.read() + '\\n')"
    file = tmp_path / "notify.toml"
    file.write_text(f"command = {json.dumps([sys.executable, '-c', code, str(out)])}")
    monkeypatch.setenv(NOTIFY_VARIABLE, str(file))
    return out


def events(out: Path) -> list[tuple[str, str]]:
    lines = out.read_text().splitlines() if out.exists() else []
    return sorted((notice["event"], notice["subject"]) for notice in map(json.loads, lines))


def test_an_end_a_death_and_the_end_of_a_search_are_told(database: Database, told: Path) -> None:
    name = jobs.enqueue(database, small_spec(epochs=60))  # not to end before it is killed
    jobs.ensure_workers(database, 1)
    wait_for(lambda: listing.run(database, name).epoch, "the first epoch")
    pid = wait_for(lambda: holder_pid(database, name), "its worker")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: listing.run(database, name).state.is_finished, "the end of the run")
    space = Space.read({"latent_dim": {"low": 2, "high": 4}})
    search.start(database, "found", SearchSpec(base=small_spec(epochs=1), space=space, num_trials=2))
    jobs.ensure_workers(database, 1)
    wait_for(lambda: len(events(told)) >= 3, "the news of all")
    assert events(told) == [("complete", str(name)), ("died", str(name)), ("search", "found")]


def test_a_device_has_no_more_workers_than_were_chosen(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETUI_IDLE_S", "60")
    names = [jobs.enqueue(database, small_spec(epochs=10)) for _ in range(4)]
    jobs.ensure_workers(database, 2)
    wait_for(lambda: sum(bool(worker.run) for worker in workers.workers(database)) == 2, "two workers at work")
    choose_slots(database.root, "cpu", 1)
    wait_for(lambda: len(workers.workers(database)) == 1, "one of them to leave after its run")
    states = [listing.run(database, name).state for name in names]
    assert not any(state == "failed" for state in states)
    choose_slots(database.root, "cpu", 0)
    wait_for(lambda: not workers.workers(database), "the other to leave")
    assert chosen_slots(database.root) == {"cpu": 0}
    assert host() in json.loads(database.root.slots.read_text())
