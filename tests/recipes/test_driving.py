"""Recipes driven by a process of their own: begun, looked at, held back, killed, and gone on with."""

import json
import os
import signal
from pathlib import Path

import pytest

from engine import jobs
from engine.recipes import driving, runner
from engine.recipes.asked import AskedRecipe
from engine.recipes.driver_lock import driver, driver_lock
from engine.recipes.driving import DrivenRecipe
from engine.recipes.progress import RecipeProgress, StepState
from engine.recipes.steps import Recipe
from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import RunState
from tests.live import epochs_of, wait_for

LONG = """
dataset = "digits"
[only]
title = "the only one"
kind = "run"
epochs = 100000
set = { width = 2, hidden = 8, train_limit = 100, patience = 0, schedule = "constant" }
"""


@pytest.fixture
def asked(tmp_path: Path) -> AskedRecipe:
    file = tmp_path / "long.toml"
    file.write_text(LONG)
    return AskedRecipe(source=str(file))


def only(database: Database) -> DrivenRecipe:
    (found,) = driving.driven(database.root)
    return found


def test_what_was_asked_is_the_same_from_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "mine.toml").write_text(LONG)
    (tmp_path / "photos").mkdir()
    monkeypatch.chdir(tmp_path)
    mine = AskedRecipe(source="mine.toml", name="other")
    own = AskedRecipe(source="paper", dataset="photos", num_seeds=2)
    named = AskedRecipe(source="paper", dataset="digits")
    kept = [json.dumps(each.as_json()) for each in (mine, own, named)]
    monkeypatch.chdir("/")
    mine_again, own_again, named_again = (AskedRecipe.from_json(json.loads(text)) for text in kept)
    assert (mine_again.source, mine_again.recipe().name) == (str(tmp_path / "mine.toml"), "other")
    assert (own_again.dataset, own_again.num_seeds) == (str(tmp_path / "photos"), 2)
    assert named_again == named


@pytest.mark.parametrize(
    "data", [{}, {"source": 3}, {**AskedRecipe(source="paper").as_json(), "seed": "x"}, {"source": "paper", "more": 1}]
)
def test_what_nobody_asked_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        AskedRecipe.from_json(data)


def test_the_state_file_says_how_far_each_step_is(database: Database, small_recipe: Recipe) -> None:
    asked = AskedRecipe(source="paper", name="small")
    seen: list[DrivenRecipe] = []

    def look(_: RecipeProgress) -> None:
        seen.extend(driving.driven(database.root))

    done = runner.run(
        database,
        small_recipe,
        look,
        see_to_workers=lambda: jobs.run_inline(database) and None,
        record=driving.Record(database.root, asked, 3),
        poll_s=0.0,
    )
    assert done.is_done
    assert {each.is_driven for each in seen} == {True}
    assert [step.state for step in seen[0].steps] == [StepState.RUNNING, StepState.WAITING, StepState.WAITING]
    assert not seen[0].is_over
    over = only(database)
    assert (over.name, over.title, over.asked, over.num_workers) == ("small", "a small recipe", asked, 3)
    assert (over.is_driven, over.is_over, over.is_done, over.left_s) == (False, True, True, 0)
    assert [(step.id, step.num_done, step.num_total, step.experiment) for step in over.steps] == [
        ("search", 3, 3, "small-search"),
        ("final", 2, 2, "small-final"),
        ("folds", 3, 3, "small-final-crossval"),
    ]


def test_files_that_are_damaged_or_foreign_are_passed_over(database: Database, small_recipe: Recipe) -> None:
    runner.run(
        database,
        small_recipe,
        lambda _: None,
        should_stop=lambda: True,
        record=driving.Record(database.root, AskedRecipe(source="paper"), None),
    )
    text = (database.root.path / ".recipe-small.json").read_text()
    (database.root.path / ".recipe-torn.json").write_text(text[:100])
    (database.root.path / ".recipe-renamed.json").write_text(text)
    (database.root.path / ".recipe-list.json").write_text("[1]")
    found = only(database)
    assert (found.name, found.was_interrupted, found.is_driven) == ("small", True, False)


def test_to_look_does_not_keep_a_driver_out(database: Database) -> None:
    root = database.root
    assert driver(root, "x") is None
    with driver_lock(root, "x") as is_ours:
        assert is_ours
        assert driver(root, "x") == os.getpid()
        with driver_lock(root, "x") as is_ours_too:
            assert not is_ours_too
    assert driver(root, "x") is None


def test_wrong_requests_begin_nothing(database: Database, asked: AskedRecipe) -> None:
    with pytest.raises(RequestError, match="no preset"):
        driving.drive(database, AskedRecipe(source="paper", preset="huge"))
    with pytest.raises(RequestError, match="tpu"):
        driving.drive(database, AskedRecipe(source="paper", device="tpu"))
    with driver_lock(database.root, "long"), pytest.raises(RequestError, match="is being run already"):
        driving.drive(database, asked)
    with pytest.raises(RequestError, match="ever ran here"):
        driving.hold(database, "long")
    assert listing.experiments(database) == []
    assert list(database.root.path.glob(".recipe-*.log")) == []


@pytest.mark.timeout(180)
def test_driven_held_back_killed_and_gone_on_with(database: Database, asked: AskedRecipe) -> None:
    name = RunName("long-only", 0)
    metrics = database.root.run(name).metrics

    def num_epochs() -> int:
        return len(epochs_of(metrics)) if metrics.is_file() else 0

    def begin() -> int:
        before = num_epochs()
        assert driving.drive(database, asked, slots=1) == "long"
        process = driver(database.root, "long")
        assert process is not None
        assert only(database).is_driven
        wait_for(lambda: num_epochs() > before, "another epoch")
        return process

    def wait_for_pause() -> None:
        wait_for(lambda: not only(database).is_driven, "the driver's end")
        wait_for(lambda: listing.run(database, name).state is RunState.PAUSED, "the worker to let go")

    begin()
    with pytest.raises(RequestError, match="is being run already"):
        driving.drive(database, asked)
    (step,) = only(database).steps
    assert (step.title, step.state, step.experiment) == ("the only one", StepState.RUNNING, "long-only")
    driving.hold(database, "long")
    wait_for_pause()
    assert only(database).was_interrupted

    os.kill(begin(), signal.SIGKILL)
    wait_for(lambda: not only(database).is_driven, "its end to be seen")
    assert not only(database).was_interrupted
    assert listing.run(database, name).state.is_live, "workers go on"
    driving.hold(database, "long")
    wait_for_pause()

    os.kill(begin(), signal.SIGTERM)
    wait_for_pause()
    assert only(database).was_interrupted
    assert [run.name for run in listing.runs(database)] == [name]
    log = driving.log_file(database.root, "long")
    wait_for(lambda: log.read_text().count("held back") == 2, "the driver's last words")
    assert log.read_text().count("only running 0/1") == 3
    assert (database.root.figures / "long" / "table.md").is_file()
