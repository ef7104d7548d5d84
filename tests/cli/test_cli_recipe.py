"""``recipe`` with real workers and helpers."""

import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.slots import choose_slots
from store.paths import Root
from tests.cli.command_line import CommandLine
from tests.cli.test_cli_requests import assert_one_sentence
from tests.live import epochs_of, is_alive, processes_of, wait_for

RECIPE = """
name = "mine"
dataset = "digits"

[first]
kind = "run"
model = "cae"
epochs = 2
set = { width = 2, hidden = 8, train_limit = 100 }

[transfer]
kind = "run"
model = "classifier"
needs = ["first"]
from = "first"
epochs = 2
set = { width = 2, hidden = 8, train_limit = 100, freeze = "convolutions" }

[folds]
kind = "crossval"
needs = ["first"]
of = "first"
top = 1
folds = 2

[test]
kind = "evaluate"
needs = ["first"]
of = ["first"]
noise = ["gaussian:0.5"]
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("rezepte") / "mine.toml"
    path.write_text(RECIPE)
    return path


@pytest.fixture(scope="module")
def cooked(make_command_line: Callable[[], CommandLine], file: Path) -> CommandLine:
    """A root on which the recipe came to its end."""
    aetui = make_command_line()
    aetui.root.mkdir()
    choose_slots(Root(aetui.root), "cpu", 1)  # each worker imports torch, and one is enough
    said = aetui("recipe", str(file))
    assert said.status == 0
    assert "what each step should take" in said.err
    assert "folds  done  3/3" in said.err
    assert "transfer, test accuracy" in said.out
    return aetui


def test_again_it_trains_nothing_and_has_the_same_rows(cooked: CommandLine, file: Path) -> None:
    before = cooked.listed()
    said = cooked("recipe", str(file), "--json")
    assert said.status == 0
    found = said.json()
    assert found["is_done"]
    rows = {row["id"]: row for row in found["rows"]}
    assert {"first", "transfer", "folds", "test_first_gaussian_0.5"} <= set(rows)
    (first,) = cooked("ls", "mine-first", "--json").json()
    assert rows["first"]["ours"] == pytest.approx(first["test"]["mse"])
    assert rows["test_first_gaussian_0.5"]["ours"] == pytest.approx(first["test"]["mse@gaussian:0.5"])
    assert rows["first"]["runs"] == ["mine-first/0"]
    assert cooked.listed() == before


def test_the_table_is_left_as_markdown_and_latex(cooked: CommandLine) -> None:
    folder = cooked.root / "figures" / "mine"
    assert "| first, test MSE |" in (folder / "table.md").read_text()
    assert r"\begin{tabular}" in (folder / "table.tex").read_text()


def test_ctrl_c_holds_it_back_and_again_it_goes_on(aetui: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    settings = "set = { width = 2, hidden = 8, train_limit = 100, patience = 0 }"
    file.write_text(f'dataset = "digits"\n[only]\nkind = "run"\nepochs = 80\n{settings}\n')
    process = aetui.start("recipe", str(file))
    metrics = aetui.root / "long-only" / "0" / "metrics.jsonl"
    wait_for(lambda: metrics.is_file() and epochs_of(metrics), "an epoch of long-only/0")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "goes on where it was" in err
    assert "only, test MSE" in out
    aetui.wait_until("long-only/0", "paused")
    said = aetui.at_terminal("recipe", str(file))
    assert said.status == 0
    assert "\x1b[" in said.out
    assert epochs_of(metrics) == list(range(1, 81))
    assert len(aetui("ls", "long-only", "--json").json()) == 1


@pytest.mark.slow
def test_detached_it_goes_on_by_itself_and_only_once(aetui: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "long.toml"
    settings = 'set = { width = 2, hidden = 8, train_limit = 100, patience = 0, schedule = "constant" }'
    file.write_text(f'dataset = "digits"\n[only]\nkind = "run"\nepochs = 100000\n{settings}\n')
    said = aetui("recipe", str(file), "--detach")
    assert said.status == 0
    assert "long goes on in the background" in said.out
    again = aetui("recipe", str(file))
    assert_one_sentence(again)
    assert "is being run already" in again.err
    assert "aetui" in again.err
    (process,) = processes_of(Root(aetui.root), "engine.recipes.drive")
    metrics = aetui.root / "long-only" / "0" / "metrics.jsonl"
    wait_for(lambda: metrics.is_file() and epochs_of(metrics), "an epoch of long-only/0")
    process.send_signal(signal.SIGTERM)
    wait_for(lambda: not is_alive(process), "the driver's end")
    aetui.wait_until("long-only/0", "paused")


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nope --detach", "no recipe 'nope'"),
        ("nope", "no recipe 'nope'"),
        ("paper --preset huge", "no preset 'huge'"),
        ("paper --seeds 0", "seeds"),
        ("paper --dataset nope", "no data set"),
        ("paper --name ../x --dataset digits", "cannot be used"),
        ("paper --device tpu --dataset digits", "tpu"),
    ],
)
def test_a_wrong_request_writes_nothing(aetui: CommandLine, line: str, why: str) -> None:
    said = aetui("recipe", *line.split())
    assert_one_sentence(said)
    assert why in said.err
    assert not aetui.root.exists()


def test_a_file_that_is_no_recipe_or_is_told_what_it_says_itself(
    aetui: CommandLine, file: Path, tmp_path: Path
) -> None:
    broken = tmp_path / "broken.toml"
    broken.write_text("[first]\nkind = 'dance'\n")
    assert_one_sentence(aetui("recipe", str(broken)))
    said = aetui("recipe", str(file), "--preset", "quick")
    assert_one_sentence(said)
    assert "--preset" in said.err
    assert not aetui.root.exists()
