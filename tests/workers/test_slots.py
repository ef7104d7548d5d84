"""How many workers a device has: built in, by the file, on the queue screen, on the command line; the last wins."""

import os
from pathlib import Path

import pytest

from engine.settings import SETTINGS_VARIABLE
from engine.slots import ask_for_workers, choose_slots, is_surplus, said_or_usual, slots
from store import workers
from store.database import Database
from tests.nvml import Card, Driver


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    monkeypatch.setenv(SETTINGS_VARIABLE, str(path))
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    Driver([Card(), Card()]).install(monkeypatch)
    return path


def test_each_goes_before_the_one_before_it(database: Database, file: Path) -> None:
    root = database.root
    assert slots(root) == ["cuda:0", "cuda:1"]
    file.write_text('[slots]\ncpu = 1\n"cuda:1" = 2\n"cuda:7" = 3\n')  # of a machine with more cards
    assert slots(root) == ["cuda:0", "cpu", "cuda:1", "cuda:1"]
    choose_slots(root, "cuda:1", 0)
    assert slots(root) == ["cuda:0", "cpu"]
    ask_for_workers(root, 3)
    os.utime(root.supervisor_lock, (2**31, 2**31))
    assert slots(root) == ["cuda:0", "cpu", "cuda:0"], "as many as were said, where the user wants them"
    os.utime(root.slots, (2**31 + 1, 2**31 + 1))  # chosen on the screen while they work
    assert slots(root).count("cuda:1") == 0
    choose_slots(root, "cuda:0", 1)
    os.utime(root.slots, (2**31 + 1, 2**31 + 1))
    assert slots(root).count("cuda:0") == 1


def test_a_usual_number_gives_way_to_any_choice(database: Database, file: Path) -> None:
    root = database.root
    assert said_or_usual(root, None, 2) == 2
    file.write_text("[slots]\ncpu = 3\n")
    assert said_or_usual(root, None, 2) is None
    assert said_or_usual(root, 5, 2) == 5


def test_a_worker_too_many_by_the_file_leaves_unless_more_were_asked_for(database: Database, file: Path) -> None:
    for name in ("a", "b"):
        workers.register(database, f"{name}@cpu", "cpu", None)
    assert not is_surplus(database, "b@cpu")
    file.write_text("[slots]\ncpu = 1\n")
    assert [is_surplus(database, f"{name}@cpu") for name in ("a", "b")] == [False, True]
    ask_for_workers(database.root, 2)
    assert not is_surplus(database, "b@cpu")


def test_a_file_that_cannot_be_used_stops_no_worker(database: Database, file: Path) -> None:
    file.write_text("[slots]\ncpu = many\n")
    assert slots(database.root) == ["cuda:0", "cuda:1"]
    assert not is_surplus(database, "a@cpu")
