"""A run whose files are damaged: commands name the file and go on, or say in one sentence why they cannot."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

from engine.export.manifest import describe
from engine.export.staging import read_manifest
from engine.recipes.helpers import Helper
from engine.slots import choose_slots, chosen_slots
from store import listing
from store.database import open_database
from store.names import RunName
from store.paths import Root
from tests.properties.awkward import DEEP, documents
from tests.properties.roots import call, is_no_crash, show_only_text
from tui.look import Look
from tui.panes.latent.frames_reader import FramesReader
from tui.panes.numbers.health import HealthReader
from tui.panes.numbers.pane import NumbersPane
from tui.remembered import Remembered

_TABLES = st.dictionaries(
    st.sampled_from(
        (
            "confusion",
            "classes",
            "mse_by_class",
            "error_by_class",
            "kl_by_unit",
            "figures",
            "best_epoch",
            "spec",
            "files",
        )
    ),
    st.sampled_from(([[1, 2], [3, 4]], [[-1, 10**30], [0, 1]], ["a", "b"], {"a": 0.1, "b": 10**400}, [0.1, "x"], {}))
    | documents,
    max_size=5,
)
_CONTENTS = st.one_of(
    _TABLES.map(lambda table: json.dumps(table).encode()),
    documents.map(lambda document: json.dumps(document).encode()),
    _TABLES.map(lambda table: json.dumps(table).encode()[:-3]),
    st.binary(max_size=20),
    st.just(DEEP.encode()),
)


@given(content=_CONTENTS)
def test_results_and_configurations_are_read_as_far_as_they_make_sense(content: bytes, root: Root) -> None:
    paths = root.run(RunName("plane", 0))
    files = ("results.json", "config.json", "evaluation.json", "latent-test-pca.json")
    for file in (*(paths.folder / name for name in files), root.slots, root.path / ".screen.json"):
        file.write_bytes(content)
    database = open_database(root)
    run = listing.run(database, RunName("plane", 0))
    health = HealthReader(paths).read()
    assert health is not None
    pane = NumbersPane(Look.of())
    pane._run, pane._health = run, health
    for width in (40, 120):
        for line in pane._lines(width):
            assert isinstance(line, Text)
    told: list[object] = []
    FramesReader(root, lambda name, frames: told.append(frames), 60).look([run.name], 1, lambda: True)
    assert told
    describe(database, figures={}, missing=[], made_at=0.0)
    Helper(module="x", run=run.name, arguments=(), answer=paths.folder / "evaluation.json").read()
    assert all(0 <= count <= 1024 for count in chosen_slots(root).values())
    choose_slots(root, "cpu", 1)
    assert chosen_slots(root)["cpu"] == 1
    assert isinstance(Remembered.read(root), Remembered)
    (root.path / "manifest.json").write_bytes(content)
    assert isinstance(read_manifest(root.path), dict)
    database.close()


@pytest.fixture
def damaged(root: Root, monkeypatch: pytest.MonkeyPatch) -> Root:
    """Every file of ``plain/0`` is there, and none can be read."""
    monkeypatch.setenv("AETUI_ROOT", str(root.path))
    folder = root.run(RunName("plain", 0)).folder
    (folder / "images").mkdir()
    for name in (
        "config.json",
        "results.json",
        "metrics.jsonl",
        "images/3.npz",
        "last.safetensors",
        "best.safetensors",
    ):
        (folder / name).write_bytes(b"\x1b[2J no such thing\n\xff")
    for file in (folder / "latents").iterdir():
        file.write_bytes(b"PK\x03\x04 not quite a zip")
    return root


def test_show_names_each_file_that_is_damaged_and_shows_the_rest(damaged: Root) -> None:
    said = call(["show", "plain/0"])
    assert said.status == 0
    show_only_text(said)
    assert "settings" in said.out
    first, second = sorted(said.err.splitlines())
    assert "latents/3.npz cannot be read" in first
    assert "metrics.jsonl is damaged: 1 line of it cannot be read." in second


def test_compare_names_the_file_and_goes_on(damaged: Root, shut_out: Path) -> None:
    said = call(["compare", "plain/0", "plane/0"])
    assert said.status == 0
    assert "metrics.jsonl is damaged" in said.err
    assert "latent_dim" in said.out
    said = call(["compare", "plain/0", "plain/2", "--out", str(shut_out / "x.png")])
    assert said.status == 2
    is_no_crash(said)
    assert list(shut_out.iterdir()) == []


def test_metrics_that_may_not_be_opened_are_named(damaged: Root) -> None:
    path = damaged.run(RunName("plain", 0)).metrics
    path.unlink()
    path.mkdir()
    said = call(["show", "plain/0"])
    assert said.status == 0
    assert f"{path} cannot be read: Is a directory." in said.err


def test_what_is_no_codes_is_told(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETUI_ROOT", str(root.path))
    path = root.run(RunName("plain", 0)).latents_of(3)
    np.savez(path, codes=np.zeros((4, 2)), labels=np.zeros(3, int), indices=np.arange(4))
    said = call(["show", "plain/0"])
    assert said.status == 0
    assert "3.npz cannot be read: its codes, labels and indices" in said.err
