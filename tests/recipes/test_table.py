"""The arithmetic of the table against known values, and its three renderings."""

import json
import struct
from pathlib import Path

import pytest

from engine.recipes.figures import num_parameters, speedup
from engine.recipes.paper import paper
from engine.recipes.paper_table import NOISE_NOTE
from engine.recipes.steps import Recipe
from engine.recipes.table import Row, is_better, latex, markdown, number, rows, summarise, text
from store.database import Database
from store.names import RunName

IDS = [
    "search",
    "importance",
    "cae6",
    "crossval_gap",
    "classifier_frozen",
    "classifier_finetuned",
    "dae_1x",
    "dae_2x",
    "dae_3x",
    "dae_4x",
    "dae_5x",
    "dae_saltpepper",
    "vae6",
    "vae2",
]
REFERENCE = {
    "cae6": 0.018,
    "crossval_gap": 3.0,
    "classifier_frozen": 97.56,
    "dae_1x": 0.0188,
    "dae_2x": 0.0201,
    "dae_3x": 0.0261,
    "dae_4x": 0.0381,
    "dae_5x": 0.0525,
    "vae6": 0.0205,
    "vae2": 0.0373,
}
ROW = Row(
    id="classifier_frozen",
    title="classifier & 100% of $ | _more_",
    reference=97.56,
    ours=99.125,
    spread=0.05,
    better=True,
    runs=(RunName("p-frozen", 0), RunName("p-frozen", 1), RunName("q", 3)),
    command="aetui run classifier --name p-frozen",
    unit="%",
    num_parameters=1234567,
    epochs=30,
    time_s=61.4,
    notes=("at most",),
)
RECIPE = Recipe(name="r", title="a table", steps=(), notes=(NOISE_NOTE,))


def test_mean_and_spread_over_seeds() -> None:
    assert summarise([]) == (None, None)
    assert summarise([0.25], 100) == (25.0, None)
    mean, spread = summarise([0.98, 0.99, 1.0], 100)
    assert mean == pytest.approx(99.0)
    assert spread == pytest.approx(1.0)  # n - 1


@pytest.mark.parametrize(
    ("ours", "reference", "higher", "answer"),
    [
        (0.015, 0.018, False, True),
        (0.018, 0.018, False, False),
        (0.02, 0.018, False, False),
        (99.2, 97.56, True, True),
        (97.0, 97.56, True, False),
        (None, 0.018, False, None),
        (0.015, None, False, None),
    ],
)
def test_better_or_not(ours: float | None, reference: float | None, higher: bool, answer: bool | None) -> None:
    assert is_better(ours, reference, higher) is answer


def test_time_to_the_lowest_error_that_both_reach() -> None:
    ours = [(1.0, 0.10), (2.0, 0.04), (3.0, 0.05)]
    assert speedup(ours, [(4.0, 0.2), (8.0, 0.04), (12.0, 0.01)]) == 4.0
    assert speedup(ours, [(4.0, 0.2), (10.0, 0.07)]) == 5.0
    assert speedup(ours, [(3.0, 0.2)]) == 3.0
    assert speedup(ours, []) is None


def test_parameters_are_those_of_the_model_without_its_running_means(tmp_path: Path) -> None:
    shapes = {"model.a.weight": [3, 4], "model.a.bias": [], "model.n.running_mean": [9], "optimizer.0.m": [50]}
    header = json.dumps({"__metadata__": {}, **{name: {"shape": shape} for name, shape in shapes.items()}}).encode()
    file = tmp_path / "best.safetensors"
    file.write_bytes(struct.pack("<Q", len(header)) + header)
    assert num_parameters(file) == 13
    assert num_parameters(tmp_path / "absent") is None


def test_numbers_are_written_as_the_reference_writes_them() -> None:
    assert [number(*pair) for pair in ((0.01876, ""), (97.56, "%"), (4.04, "x"), (1.234, "points"), (None, "%"))] == [
        "0.0188",
        "97.56%",
        "4.0x",
        "1.23 points",
        "-",
    ]


def test_the_renderings_hold_the_numbers_the_note_and_the_command() -> None:
    for rendered in (text(RECIPE, [ROW]), markdown(RECIPE, [ROW]), latex(RECIPE, [ROW])):
        assert "never stated its noise factor" in rendered
        assert "1x = 0.1" in rendered
        assert "aetui run classifier --name p-frozen" in rendered
        for cell in ("1,234,567", "30", "61 s", "yes"):
            assert cell in rendered
    assert "99.12%" in text(RECIPE, [ROW])
    assert "p-frozen/0,1 q/3" in text(RECIPE, [ROW])
    (line,) = [line for line in markdown(RECIPE, [ROW]).splitlines() if "classifier &" in line and line[0] == "|"]
    assert line.count("|") - line.count("\\|") == 10
    (line,) = [line for line in latex(RECIPE, [ROW]).splitlines() if line.startswith("classifier")]
    assert line.startswith(r"classifier \& 100\% of \$ | \_more\_ & 97.56\% & 99.12\%")
    assert line.endswith(r"\\")
    assert r"\toprule" in latex(RECIPE, [ROW])


@pytest.mark.parametrize("preset", ["quick", "full"])
def test_the_rows_of_the_study_before_anything_ran(database: Database, preset: str) -> None:
    found = {row.id: row for row in rows(database, paper(preset, dataset="digits"))}
    assert [id for id in found if id in IDS] == IDS
    assert {id: row.reference for id, row in found.items() if id in IDS and row.reference is not None} == REFERENCE
    assert {row.unit for id, row in found.items() if id in ("crossval_gap", "classifier_frozen")} == {"%"}
    for row in found.values():
        assert (row.ours, row.spread, row.better, row.runs) == (None, None, None, ())
        assert {"id", "title", "reference", "ours", "spread", "better", "runs", "command"} <= row.as_json().keys()
