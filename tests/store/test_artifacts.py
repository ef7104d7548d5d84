import os
import time
from pathlib import Path

import pytest

from store.artifacts import remove_leftovers, replaced
from store.errors import LeaseLost


def allow() -> None:
    pass


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text("old")
    with pytest.raises(UnicodeEncodeError), replaced(path, 1, allow) as aside:
        aside.write_text("half\ud800")
    assert path.read_text() == "old"
    with replaced(path, 1, allow) as aside:
        aside.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert [file.name for file in tmp_path.iterdir()] == ["results.json"]


def test_a_worker_asleep_between_its_check_and_its_rename_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"

    def check_then_sleep_through_a_take_over() -> None:
        remove_leftovers(tmp_path, 2)  # the new attempt clears away what the old one left
        path.write_text("by the new attempt")

    with pytest.raises(LeaseLost), replaced(path, 1, check_then_sleep_through_a_take_over) as aside:
        aside.write_text("by the old attempt")
    assert path.read_text() == "by the new attempt"


def test_a_missing_folder_is_no_lost_lease(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), replaced(tmp_path / "none" / "x", 1, allow) as aside:
        aside.write_text("x")


def test_an_attempt_that_slept_before_it_cleared_away_leaves_what_the_next_one_writes(tmp_path: Path) -> None:
    path = tmp_path / "last.safetensors"
    with replaced(path, 2, allow) as aside:
        aside.write_text("by the new attempt")
        remove_leftovers(tmp_path, 1)
    assert path.read_text() == "by the new attempt"


def test_what_a_killed_process_left_goes_once_nobody_can_be_writing_it(tmp_path: Path) -> None:
    old, fresh = tmp_path / ".shared.json.7.aside", tmp_path / ".shared.json.8.aside"
    for leftover in (old, fresh):
        leftover.touch()
    yesterday = time.time() - 86_400
    os.utime(old, (yesterday, yesterday))
    remove_leftovers(tmp_path, 1)
    assert list(tmp_path.iterdir()) == [fresh]
