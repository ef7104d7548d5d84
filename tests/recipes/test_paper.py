"""The reference study as data: its steps, presets, budgets, and that a wheel brings all of it along."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from engine.recipes import commands, runner
from engine.recipes.paper import paper
from engine.recipes.paper_table import NOISE_NOTE
from engine.recipes.steps import Evaluate, Recipe, Step, Train
from engine.search import SearchSpec
from engine.spec import DenoisingSpec
from store.errors import RequestError

TOP = Path(__file__).parents[2]


def specs(recipe: Recipe, id: str) -> list:
    work = recipe.step(id).work
    assert isinstance(work, Train)
    return [plan.spec for plan in work.plans]


def test_the_full_study_is_the_reference_s_and_fits_its_time() -> None:
    recipe = paper("full")
    search = recipe.step("search").work
    assert isinstance(search, SearchSpec)
    assert (search.base.dataset, search.num_trials, len(search.first)) == ("mnist", 40, 12)
    assert (search.sampler, search.pruner, search.at_least) == ("tpe", "percentile", {"optimizer": 8})
    (cae,) = specs(recipe, "cae6")
    assert (cae.model.latent_dim, cae.train_limit) == (6, 0)
    assert search.base.epochs < cae.epochs
    (dae,), (single,) = specs(recipe, "dae"), specs(recipe, "dae-single")
    assert isinstance(dae.model, DenoisingSpec)
    assert isinstance(single.model, DenoisingSpec)
    assert (dae.model.noise_range, single.model.noise_range) == ((0.0, 0.5), (0.1, 0.1))
    assert [spec.model.latent_dim for spec in (*specs(recipe, "vae6"), *specs(recipe, "vae2"))] == [6, 2]
    assert [spec.train_limit for spec in (*specs(recipe, "few-frozen"), *specs(recipe, "few-scratch"))] == [1000, 1000]
    noise = recipe.step("test-noise").work
    assert isinstance(noise, Evaluate)
    assert noise.noise == ("gaussian:0.1,0.2,0.3,0.4,0.5", "saltpepper:0.1")
    assert NOISE_NOTE in recipe.notes
    total = sum(step.budget_s for step in recipe.steps)
    assert 30 * 60 < total <= 130 * 60, "150 minutes, with a margin for slower machines"
    assert sum(step.budget_s for step in paper("quick").steps) < 5 * 60


def test_seeds_repeat_the_finals_and_nothing_else() -> None:
    one, three = paper("quick"), paper("quick", num_seeds=3)
    assert one.name == three.name, "more seeds later go on with what is there"
    assert one.step("search") == three.step("search")
    assert one.step("candidates") == three.step("candidates")
    for id in ("cae6", "dae", "vae2", "classifier-scratch"):
        assert [spec.seed for spec in specs(three, id)] == [0, 1, 2]
        assert specs(three, id)[:1] == specs(one, id)
    assert paper("quick", seed=5).name != one.name


@pytest.mark.parametrize(
    ("given", "says"),
    [({"preset": "huge"}, "no preset"), ({"dataset": "nowhere"}, "no data set"), ({"num_seeds": 0}, "--seeds 0")],
)
def test_wrong_requests(given: dict, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        paper(**given)


def test_an_absent_data_set_is_found_before_anything_is_queued(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="mnist"):
        runner.check(None, paper("full"), tmp_path)


def test_a_recipe_names_only_what_stands_before_it() -> None:
    step = Step(id="a", title="a", work=Evaluate(of=("b",)))
    with pytest.raises(RequestError, match="name it under needs"):
        Recipe(name="r", title="r", steps=(step,))
    with pytest.raises(RequestError, match="two steps named 'a'"):
        Recipe(name="r", title="r", steps=(Step(id="a", title="", work=Train(plans=())),) * 2)


def test_the_command_of_a_run_holds_what_is_not_the_default() -> None:
    (spec,) = specs(paper("full"), "vae2")
    said = commands.train(spec, "x").split()
    assert said[:7] == ["aetui", "run", "vae", "--dataset", "mnist", "--name", "x"]
    assert "latent_dim=2" in said
    assert not any(word.startswith(("beta=", "momentum=")) for word in said)


@pytest.mark.parametrize(("preset", "first"), [("quick", "--first 6"), ("full", "")])
def test_the_command_of_a_search_tries_the_same_configurations_first(preset: str, first: str) -> None:
    work = paper(preset).step("search").work
    assert isinstance(work, SearchSpec)
    said = commands.search(work, "x")
    assert said.startswith("aetui search cae --dataset mnist")
    assert ("--first" in said) == bool(first)
    assert first in said


def test_a_wheel_brings_the_hand_picked_configurations(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the build backend is not installed here")
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(command, cwd=TOP, check=True, capture_output=True, timeout=100)
    (wheel,) = tmp_path.glob("*.whl")
    assert "engine/recipes/hand_picked.toml" in zipfile.ZipFile(wheel).namelist()


def test_recipes_load_neither_torch_nor_optuna() -> None:
    modules = sorted(f"engine.recipes.{file.stem}" for file in (TOP / "engine" / "recipes").glob("[!_]*.py"))
    assert "engine.recipes.runner" in modules
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, timeout=60, check=True)
    assert not set(done.stdout.split()) & {"torch", "torchvision", "sklearn", "optuna", "textual", "rich", "typer"}
