"""What lies where a run's folder is to be: the run fails and says why, nothing outside changes."""

import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from engine import jobs
from engine.analysis.loaded import load_run
from store import control, listing
from store.database import open_database
from store.errors import RequestError
from store.paths import Root
from store.records import RunState
from tests.cli.command_line import TINY, CommandLine
from tests.live import end_processes, small_spec


@pytest.mark.timeout(120)
def test_a_run_whose_folder_cannot_be_made_fails_and_the_next_one_trains(tmp_path: Path) -> None:
    database = open_database(Root(tmp_path / "runs"), create=True)
    (database.root.path / "blocked").write_text("mine")
    names = [jobs.enqueue(database, small_spec(epochs=1), experiment) for experiment in ("blocked", "free")]
    jobs.run_inline(database)
    blocked, free = (listing.run(database, name) for name in names)
    assert (blocked.state, free.state) == (RunState.FAILED, RunState.COMPLETE)
    assert blocked.reason is not None
    assert str(database.root.run(blocked.name).folder) in blocked.reason
    assert (database.root.path / "blocked").read_text() == "mine"
    database.close()


@pytest.mark.timeout(120)
def test_no_link_leads_a_run_out_of_the_root(tmp_path: Path) -> None:
    database = open_database(Root(tmp_path / "runs"), create=True)
    outside = tmp_path / "outside"
    (outside / "0").mkdir(parents=True)
    (outside / "0" / "theirs").touch()
    name = jobs.enqueue(database, small_spec(epochs=1), "linked")
    (database.root.path / "linked").symlink_to(outside)
    jobs.run_inline(database)
    found = listing.run(database, name)
    assert found.state is RunState.FAILED
    assert found.reason is not None
    assert "out of the root by a link" in found.reason
    with pytest.raises(RequestError, match="out of the root by a link"):
        control.remove(database, name)
    assert [file.relative_to(outside) for file in outside.rglob("*")] == [Path("0"), Path("0/theirs")]
    database.close()


def test_no_link_brings_weights_into_the_root(tmp_path: Path) -> None:
    database = open_database(Root(tmp_path / "runs"), create=True)
    name = jobs.enqueue(database, small_spec(epochs=1), "swapped")
    jobs.run_inline(database)
    folder = database.root.run(name).folder
    folder.rename(tmp_path / "outside")
    folder.symlink_to(tmp_path / "outside")
    with pytest.raises(RequestError, match="out of the root by a link"):
        load_run(database, name, "cpu")
    database.close()


@pytest.mark.timeout(180)
def test_in_a_folder_that_everybody_can_read_new_files_are_their_owners_alone(
    command_line: Callable[[Path], CommandLine], tmp_path: Path
) -> None:
    root = tmp_path / "runs"
    root.mkdir(mode=0o755)
    root.chmod(0o755)
    aetui = command_line(root)
    try:
        assert aetui("run", "cae", *TINY, "--epochs", "1").status == 0
        open_to_others = [
            file.relative_to(root) for file in root.rglob("*") if stat.S_IMODE(file.lstat().st_mode) & 0o077
        ]
        assert (root / "cae-digits" / "0" / "last.safetensors").is_file()
        assert open_to_others == []
    finally:
        end_processes(Root(root))
