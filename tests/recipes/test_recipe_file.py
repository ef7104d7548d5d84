"""Recipes of a user's own: one that is good, and what is refused with one sentence."""

from pathlib import Path

import pytest

from engine.recipes import recipe_file
from engine.recipes.steps import Crossval, Evaluate, Train
from engine.search import SearchSpec
from store.errors import RequestError

EXAMPLE = "\n".join(
    line.removeprefix("    ") for line in (recipe_file.__doc__ or "").splitlines() if line.startswith("    ")
)


def load(folder: Path, text: str, name: str = "mine.toml") -> object:
    file = folder / name
    file.write_text(text)
    return recipe_file.load(file)


def test_the_example_of_the_documentation(tmp_path: Path) -> None:
    file = tmp_path / "any.toml"
    file.write_text(EXAMPLE)
    recipe = recipe_file.load(file)
    assert recipe.name == "widths"
    search, final, folds, test = recipe.steps
    assert isinstance(search.work, SearchSpec)
    assert (search.work.num_trials, search.work.base.epochs, search.work.base.optim.patience) == (20, 5, 0)
    assert search.work.at_least == {"optimizer": 4}
    assert len(search.work.first) == 12
    assert isinstance(final.work, Train)
    assert [plan.spec.seed for plan in final.work.plans] == [0, 1, 2]
    (chosen,) = {str(plan.chosen) for plan in final.work.plans}
    assert "'hidden', 'latent_dim', 'lr', 'optimizer', 'weight_decay'" in chosen
    assert final.work.plans[0].spec.settings()["beta"] == 1e-3
    assert final.needs == ("search",)
    assert folds.work == Crossval(of="search", top=3, folds=5)
    assert test.work == Evaluate(of=("final",), noise=("gaussian:0.1,0.2",))
    assert [(row.id, row.figure, row.reference) for row in recipe.rows] == [
        ("search", "value", None),
        ("final", "mse", 0.0205),
        ("folds", "gap", None),
        ("test_final_gaussian_0.1", "mse@gaussian:0.1", None),
        ("test_final_gaussian_0.2", "mse@gaussian:0.2", None),
    ]
    assert all(step.budget_s > 0 for step in recipe.steps)


def test_what_a_step_sets_itself_is_not_taken_from_the_search(tmp_path: Path) -> None:
    text = '[s]\nkind = "search"\n[r]\nkind = "run"\nneeds = ["s"]\nbest_of = "s"\nset = { latent_dim = 2 }\n'
    recipe = load(tmp_path, text)
    assert isinstance(recipe, recipe_file.Recipe)
    work = recipe.step("r").work
    assert isinstance(work, Train)
    assert work.plans[0].chosen is not None
    assert "latent_dim" not in work.plans[0].chosen.take
    assert work.plans[0].spec.model.latent_dim == 2


def test_a_search_over_a_space_of_ones_own_with_configurations_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "space.toml").write_text("[lr]\nlow = 1e-4\nhigh = 1e-2\nlog = true\n")
    (tmp_path / "first.toml").write_text("[[configuration]]\nlr = 1e-3\n")
    recipe = load(tmp_path, "[s]\nkind = 'search'\nspace = 'space.toml'\nfirst = 'first.toml'\n")
    assert isinstance(recipe, recipe_file.Recipe)
    work = recipe.step("s").work
    assert isinstance(work, SearchSpec)
    assert [parameter.name for parameter in work.space.parameters] == ["lr"]
    assert work.first == ({"lr": 1e-3},)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[a", "cannot be read"),
        ('name = "x"', "has no step"),
        ('wrong = 1\n[a]\nkind = "run"', "has wrong, which is not known"),
        ("[a]\nmodel = 'cae'", "lacks kind"),
        ("[a]\nkind = 'bake'", "is of kind 'bake'"),
        ("[a]\nkind = 'run'\ntrials = 3", "has trials, which is not known"),
        ("[a]\nkind = 'run'\nmodel = 'gan'", "no kind 'gan'"),
        ("[a]\nkind = 'run'\ndataset = 'nowhere'", "no data set 'nowhere'"),
        ("[a]\nkind = 'run'\nepochs = 0", "epochs=0"),
        ("[a]\nkind = 'run'\nepochs = 'many'", "epochs='many'"),
        ("[a]\nkind = 'run'\nset = { color = 1 }", "'color' is not a setting"),
        ("[a]\nkind = 'run'\nset = { lr = 1000 }", "out of range"),
        ("[a]\nkind = 'run'\nneeds = 'b'", "list of texts"),
        ("[a]\nkind = 'run'\nneeds = ['b']\n[b]\nkind = 'run'", "stands before it"),
        ("[a]\nkind = 'run'\nbest_of = 'b'", "is the best of 'b'"),
        ("[s]\nkind = 'search'\n[a]\nkind = 'run'\nbest_of = 's'", "name it under needs"),
        ("[s]\nkind = 'search'\nsampler = 'dice'", "sampler='dice'"),
        ("[s]\nkind = 'search'\nspace = 'absent.toml'", "cannot be read"),
        ("[a]\nkind = 'run'\n[c]\nkind = 'crossval'\nof = 'a'\nneeds = ['a']\nfolds = 1", "folds=1"),
        ("[c]\nkind = 'crossval'\nof = 'a'", "no run or search"),
        ("[e]\nkind = 'evaluate'", "lacks of"),
        ("[e]\nkind = 'evaluate'\nof = ['a']", "no run that stands before"),
        ("[a]\nkind = 'run'\n[e]\nkind = 'evaluate'\nof = ['a']\nneeds = ['a']\nnoise = ['hum:1']", "no noise 'hum'"),
        ("name = 'a/b'\n[a]\nkind = 'run'", "cannot be used"),
    ],
)
def test_a_bad_recipe_is_refused_with_one_sentence(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(RequestError, match=says) as refused:
        load(tmp_path, text)
    assert "\n" not in str(refused.value).rstrip()


def test_images_of_ones_own_may_lie_beside_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "mine.toml").write_text('dataset = "photos"\n[only]\nkind = "run"\n')
    monkeypatch.chdir("/")
    (step,) = recipe_file.load(tmp_path / "mine.toml").steps
    assert isinstance(step.work, Train)
    assert step.work.plans[0].spec.dataset == str(tmp_path / "photos")
