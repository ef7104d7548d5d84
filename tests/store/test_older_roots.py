"""Roots as older releases left them (in ``roots/``, each made by the code of its time): today's commands open them.

Each holds an experiment ``old``: run 0 is complete after two epochs of ``digits``, 1 waits, 2 was deleted.
"""

import os
import sqlite3
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import schema
from store.paths import Root
from tests.cli.command_line import CommandLine
from tests.live import end_processes, epochs_of

ROOTS = Path(__file__).parent / "roots"


@pytest.fixture(params=[1, pytest.param(2, marks=pytest.mark.slow)])
def version(request: pytest.FixtureRequest) -> int:
    """Of the tables of ours in the root."""
    return int(request.param)


@pytest.fixture
def aetui(tmp_path: Path, version: int) -> Iterator[CommandLine]:
    """Today's commands on a copy of the older root."""
    root = tmp_path / "alte Läufe"
    with tarfile.open(ROOTS / f"version-{version}.tar.xz") as archive:
        archive.extractall(root, filter="data")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AETUI_", "XDG_"))}
    yield CommandLine(root, {**kept, "HOME": str(tmp_path), "LANG": "C.UTF-8", "AETUI_IDLE_S": "2"})
    end_processes(Root(root))


@pytest.mark.timeout(300)  # seven commands, of which one trains and one measures
def test_a_root_of_an_older_release_is_looked_at_measured_and_trained_on(
    aetui: CommandLine, version: int, tmp_path: Path
) -> None:
    database = aetui.root / "aetui.db"
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT version FROM aetui_schema").fetchone() == (version,)

    (experiment,) = aetui("ls", "--json").json()
    assert (experiment["experiment"], experiment["states"]) == ("old", {"complete": 1, "waiting": 1})
    with sqlite3.connect(database) as connection:
        assert connection.execute("SELECT version FROM aetui_schema").fetchone() == (schema.VERSION,)
    shown = aetui("show", "old/0", "--json").json()
    assert (shown["state"], shown["epoch"], experiment["best"]) == ("complete", 2, shown["value"])

    assert aetui("export", "old", "--data", "csv", "--out", str(tmp_path / "out")).status == 0
    assert any("old" in file.read_text() for file in (tmp_path / "out").rglob("*.csv"))
    if version == 2:  # seconds more, and of either version the same files
        measured = aetui("evaluate", "old/0", "--json").json()
        assert measured["mse"] == pytest.approx(shown["test"]["mse"], rel=1e-4)

    small = ("width=1", "depth=3", "hidden=2", "latent_dim=2", "train_limit=300", "patience=0")
    words = [f"--set={setting}" for setting in small]
    went_on = aetui("run", "cae", "--dataset", "digits", "--name", "old", "--from", "old/0", "--epochs", "3", *words)
    assert went_on.status == 0, went_on.err
    assert epochs_of(aetui.root / "old/3/metrics.jsonl") == [1, 2, 3], "its curve goes on from the older one"
    states = {run["run"]: run["state"] for run in aetui("ls", "old", "--json").json()}
    assert states == {"old/0": "complete", "old/1": "complete", "old/3": "complete"}, "what waited was trained too"
    assert aetui("restore", "old/2").status == 0
