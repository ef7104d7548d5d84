"""``search`` with real workers."""

import json
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from engine import search
from engine.recipes.hand_picked import hand_picked
from engine.space import reference_space
from store.database import open_database
from store.paths import Root
from tests.cli.command_line import TINY, CommandLine
from tests.cli.test_cli_requests import assert_one_sentence
from tests.live import epochs_of, wait_for

SPACE = """
[optimizer]
choices = ["adam", "sgd"]

[lr]
low = 1e-3
high = 1e-2
log = true

[latent_dim]
low = 2
high = 3
"""


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("räume") / "space.toml"
    file.write_text(SPACE)
    return file


@pytest.fixture(scope="module")
def searched(make_command_line: Callable[[], CommandLine], space: Path) -> CommandLine:
    """A root with the search ``s``, over after 4 complete runs, two of each optimizer."""
    aetui = make_command_line()
    said = aetui(
        *("search", *TINY, "--epochs", "2", "--name", "s", "--space", str(space), "--trials", "4", "--workers", "1"),
        *("--at-least", "optimizer=2", "--pruner", "none"),
    )
    assert said.status == 0
    assert "4/4" in said.err
    assert "s: 4 of 4 complete" in said.out
    return aetui


def test_it_ends_with_its_best_runs_and_what_mattered(searched: CommandLine) -> None:
    said = searched("search", "--name", "s", "--json")  # over: nothing is trained
    assert said.status == 0
    found = said.json()
    runs = searched("ls", "s", "--json").json()
    assert (found["is_over"], found["complete"], found["trials"], len(runs)) == (True, 4, 4, 4)
    best = min(runs, key=lambda run: run["value"])
    assert found["best"] == best
    assert Counter(run["params"]["optimizer"] for run in runs) == {"adam": 2, "sgd": 2}
    for optimizer in ("adam", "sgd"):
        values = [run["value"] for run in runs if run["params"]["optimizer"] == optimizer]
        assert found["best_by"]["optimizer"][optimizer]["value"] == min(values)
    assert set(found["best_by"]) == {"optimizer", "latent_dim"}
    assert sum(found["importance"].values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        pytest.param("search nope", "no kind 'nope'", marks=pytest.mark.slow),
        ("search --sampler nope --dataset digits", "no sampler 'nope'"),
        pytest.param("search --pruner nope --dataset digits", "no pruner 'nope'", marks=pytest.mark.slow),
        ("search --importance nope", "--importance"),
        ("search --trials 0 --dataset digits", "0 trials"),
        pytest.param("search --trials many", "trials", marks=pytest.mark.slow),
        ("search --space /no/such/file.toml", "cannot be read"),
        ("search --first 13 --dataset digits", "take at most 12"),
        pytest.param("search --first /no/such/file.toml --dataset digits", "cannot be read", marks=pytest.mark.slow),
        ("search --at-least optimizer", "--at-least"),
        pytest.param("search --at-least optimizer=many --dataset digits", "whole number", marks=pytest.mark.slow),
        ("search --at-least lr=2 --dataset digits", "choices"),
        pytest.param("search --dataset nope", "no data set", marks=pytest.mark.slow),
        pytest.param("search --workers 0", "workers", marks=pytest.mark.slow),
        pytest.param("search --name ../x --dataset digits", "cannot be used", marks=pytest.mark.slow),
    ],
)
def test_a_wrong_request_on_a_fresh_root_writes_nothing(aetui: CommandLine, line: str, why: str) -> None:
    said = aetui(*line.split())
    assert_one_sentence(said)
    assert why in said.err
    assert not aetui.root.exists()


@pytest.mark.parametrize(
    ("line", "why"),
    [("--epochs 5", "other settings"), ("vae", "searches cae"), ("--set width=3", "other settings")],
)
def test_a_search_goes_on_with_its_own_settings_only(searched: CommandLine, line: str, why: str) -> None:
    said = searched("search", *line.split(), "--name", "s")
    assert_one_sentence(said)
    assert why in said.err


@pytest.mark.slow
def test_it_tries_so_many_of_the_hand_picked_ones_first(searched: CommandLine) -> None:
    said = searched("search", *TINY, "--epochs", "1", "--name", "f", "--first", "2", "--trials", "3", "--workers", "1")
    assert said.status == 0
    ours = hand_picked(reference_space())
    tried = [run["params"] for run in sorted(searched("ls", "f", "--json").json(), key=lambda run: run["number"])]
    assert [{key: params[key] for key in ours[0]} for params in tried[:2]] == [*ours[:2]]
    assert {key: tried[2][key] for key in ours[0]} not in ours
    again = searched("search", "--name", "f", "--first", "1")
    assert_one_sentence(again)
    assert "for a new search" in again.err


@pytest.mark.timeout(300)
def test_ctrl_c_pauses_it_and_by_name_it_goes_on_where_it_was(searched: CommandLine, space: Path) -> None:
    # Long enough not to end by itself before a worker hears of the stop, at its next heartbeat.
    long = ("--epochs", "80", "--set", "patience=0", "--pruner", "none", "--name", "t", "--space", str(space))
    process = searched.start("search", *TINY, *long, "--trials", "2", "--workers", "1", "--json")
    metrics = searched.root / "t" / "0" / "metrics.jsonl"
    wait_for(lambda: metrics.is_file() and epochs_of(metrics), "an epoch of t/0")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    stopped = json.loads(out)
    assert (stopped["is_over"], stopped["complete"]) == (False, 0)
    assert "aetui search --name t" in err
    assert [run["state"] for run in searched("ls", "t", "--json").json()] == ["paused"]
    said = searched("search", "--name", "t", "--trials", "1", "--json", most_s=200)
    assert said.status == 0
    assert (said.json()["is_over"], said.json()["complete"]) == (True, 1)
    assert [run["number"] for run in searched("ls", "t", "--json").json()] == [0]
    assert epochs_of(metrics) == list(range(1, 81))


def test_detached_it_goes_on_without_us(searched: CommandLine, space: Path) -> None:
    tiny = ("--epochs", "1", "--trials", "1", "--name", "d", "--space", str(space))
    said = searched("search", *TINY, *tiny, "--detach")
    assert said.status == 0
    assert "aetui search --name d" in said.out
    with closing(open_database(Root(searched.root))) as database:
        wait_for(lambda: search.progress(database, "d").is_over, "the end of d")
    assert searched("search", "--name", "d", "--detach", "--json").json()["is_over"]


def test_progress_at_a_terminal_is_a_bar_for_all_of_it(searched: CommandLine) -> None:
    said = searched.at_terminal("search", "--name", "s", "--trials", "5", "--workers", "1")
    assert said.status == 0
    assert "\x1b[" in said.out
    assert "5/5" in said.out
    assert "s: 5 of 5 complete" in said.out
