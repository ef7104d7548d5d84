"""The forms behind n, S, V, E, A and that of recipes: what is wrong is said, what is started is what was typed."""

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from textual import events
from textual.pilot import Pilot

from engine import catalog, jobs, search
from engine.devices import default_threads
from engine.recipes import driving
from engine.recipes.asked import AskedRecipe
from engine.search import SearchSpec
from engine.spec import DenoisingSpec, ModelSpec, RunSpec
from store import listing, searches, workers
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from tests.live import small_spec
from tests.tui.conftest import Until
from tests.tui.test_screen import SMALL, current, home, screen, sees, shown
from tui.requests import launching
from tui.screens.forms.form import Form
from tui.screens.home import HomeScreen


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """No worker is started; what was asked for is noted."""
    asked: list[str] = []
    monkeypatch.setattr(jobs, "ensure_workers", lambda *args, **options: asked.append("ensure_workers"))
    return asked


@pytest.fixture(scope="module")
def trained_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with two trained runs, ``small/0`` and ``small/1``."""
    root = Root(tmp_path_factory.mktemp("trained") / "runs")
    database = open_database(root, create=True)
    for seed in (0, 1):
        jobs.enqueue(database, small_spec(epochs=1, seed=seed, train_limit=200), "small")
    jobs.run_inline(database)
    database.close()
    return root.path


async def fill(pilot: Pilot[object], **texts: str) -> None:
    """Type into the fields of the form that is open, whatever stood there."""
    form = pilot.app.screen
    assert isinstance(form, Form)
    for key, text in texts.items():
        field = next(field for field in form.shown_fields() if field.key == key)
        form.query_one(f"#field-{field.kind}-{key}").focus()
        await pilot.press("end", "ctrl+u", *text)


async def choose(pilot: Pilot[object], key: str, value: str) -> None:
    form = pilot.app.screen
    assert isinstance(form, Form)
    field = next(field for field in form.shown_fields() if field.key == key)
    form.query_one(f"#field-{field.kind}-{key}").focus()
    for _ in field.choices:
        if form.values()[key] == value:
            return
        await pilot.press("right")
    assert form.values()[key] == value


def is_open(pilot: Pilot[object], heading: str) -> Callable[[], bool]:
    return lambda: isinstance(pilot.app.screen, Form) and heading in shown(pilot)


async def test_what_is_typed_right_behind_a_key_that_moves_takes_the_place_of_what_stood_there(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, (120, 36), focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("n")
        await until(is_open(pilot, "New run"))
        for key in ("down", *"mnist"):  # in one piece, as over a slow link
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        form = pilot.app.screen
        assert isinstance(form, Form)
        await until(lambda: form.values()["dataset"].endswith("mnist"))
        assert form.values()["dataset"] == "mnist"
        before = form.values()
        for key in ("down", "down", "7", "down", "3"):  # from one line to the next, too
            pilot.app.post_message(events.Key(key, key if len(key) == 1 else None))
        await until(lambda: form.values()["latent_dim"].endswith("3"))
        assert form.values() == before | {"epochs": "7", "latent_dim": "3"}


@pytest.mark.parametrize("size", [SMALL, pytest.param((120, 36), marks=pytest.mark.slow)])
async def test_a_classifier_starts_from_the_encoder_under_the_cursor(
    database: Database, root: Root, until: Until, size: tuple[int, int]
) -> None:
    small = jobs.enqueue(
        database, RunSpec(kind="cae", dataset="digits", epochs=1, model=ModelSpec(width=8, hidden=16)), "small"
    )
    root.run(small).last.parent.mkdir(parents=True)
    root.run(small).last.write_bytes(b"a checkpoint")
    async with screen(root, size, focus=small) as pilot:
        await until(lambda: current(pilot) == small)
        await pilot.press("n")
        await until(is_open(pilot, "New run"))
        assert "start_from" not in shown(pilot)
        await choose(pilot, "kind", "classifier")
        await until(sees(pilot, "A classifier on digits, 1,437 training images", "small/0"))
        assert "latent_dim" not in shown(pilot)
        await fill(pilot, start_from="small/7")
        await pilot.press("enter")
        await until(sees(pilot, "There is no run small/7"))
        await fill(pilot, start_from="small/0", more="width=4")
        await pilot.press("enter")
        await until(sees(pilot, "small/0 has width=8"))
        await choose(pilot, "freeze", "encoder")
        await fill(pilot, more="", name="transfer")
        await pilot.press("enter")
        await until(lambda: current(pilot) == RunName("transfer", 0))
    spec = listing.frozen(database, RunName("transfer", 0)).spec
    assert (spec["kind"], spec["dataset"], spec["start_from"]) == ("classifier", "digits", "small/0")
    assert (spec["model"]["width"], spec["model"]["hidden"], spec["model"]["freeze"]) == (8, 16, "encoder")


@pytest.mark.parametrize(
    ("kind", "settings", "fields"),
    [
        ("cae", {}, {}),
        ("cae", {"width": 8, "patience": 0, "lr": 0.0036410020549, "augment": 1, "ema": 0}, {"seed": 7}),
        ("dae", {"noise": "0..0.5", "latent_dim": 3, "optimizer": "adagrad"}, {"epochs": 3}),
        ("vae", {"beta": 1e-3, "weight_decay": 1e-5, "train_limit": 100, "schedule": "cosine"}, {"device": "cpu"}),
        ("classifier", {"freeze": "encoder", "hidden": 64}, {"start_from": "a/0"}),
    ],
)
def test_a_run_again_is_that_run(kind: str, settings: dict[str, Any], fields: dict[str, Any]) -> None:
    model = catalog.kind(kind).spec()
    spec = RunSpec(
        **{"kind": kind, "dataset": "digits", "epochs": 5, "threads": default_threads()} | fields, model=model
    )
    spec = spec.with_settings(settings)
    values = {field.key: field.default for field in launching.fields()} | launching.again(spec, "exp")
    launch = launching.launch_of(values)
    assert (launch.spec, launch.experiment) == (spec, "exp")


async def test_again_with_changes(database: Database, root: Root, runs: dict[str, RunName], until: Until) -> None:
    threads = default_threads()
    spec = RunSpec(
        kind="dae", dataset="digits", epochs=7, threads=threads, model=DenoisingSpec(noise="0.2..0.4", width=8)
    )
    origin = jobs.enqueue(database, spec.with_settings({"lr": 0.0123, "patience": 3}), "noisy")
    fold = jobs.enqueue(database, dataclasses.replace(spec, folds=3, fold=1), "noisy")
    async with screen(root, focus=origin) as pilot:
        await until(lambda: current(pilot) == origin)
        await pilot.press("R")
        await until(is_open(pilot, "noisy/0 again, with changes"))
        assert sees(pilot, "0.2..0.4", "0.0123", "width=8 patience=3")()
        await fill(pilot, seed="5")
        await pilot.press("enter")
        await until(lambda: current(pilot) == RunName("noisy", 2))
        await pilot.press("up")
        await until(lambda: current(pilot) == fold)
        await pilot.press("R")
        await until(sees(pilot, "belongs to its folds"))
    first, second = (listing.frozen(database, name).spec for name in (origin, RunName("noisy", 2)))
    assert second == {**first, "seed": 5}


async def test_another_kind_takes_nothing_from_the_run_under_the_cursor(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(lambda: current(pilot) == runs["complete"])
        await pilot.press("n")
        await until(is_open(pilot, "New run"))
        await choose(pilot, "kind", "classifier")
        await choose(pilot, "kind", "dae")
        await until(sees(pilot, "A denoising autoencoder on mnist-5k"))


async def test_a_search_is_begun(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, no_workers: list[str], tmp_path: Path
) -> None:
    space = tmp_path / "space.toml"
    space.write_text('[lr]\nlow = 1e-3\nhigh = 1e-2\nlog = true\n[optimizer]\nchoices = ["adam", "sgd"]\n')
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("S")
        await until(is_open(pilot, "Search"))
        await until(sees(pilot, "40 complete runs of a convolutional autoencoder on mnist-5k"))
        await fill(pilot, dataset="digits", name="found", epochs="2", train_limit="100", trials="x")
        await until(sees(pilot, "trials='x' does not fit: it must be a whole number."))
        await fill(pilot, trials="6", space="nowhere.toml")
        await pilot.press("enter")
        await until(sees(pilot, "The search space 'nowhere.toml' cannot be read"))
        await fill(pilot, space=str(space), at_least="lr=2")
        await pilot.press("enter")
        await until(sees(pilot, "needs a setting of the space that has choices"))
        await choose(pilot, "sampler", "random")
        await fill(pilot, at_least="optimizer=2", seed="3")
        await pilot.press("enter")
        await until(lambda: search.find(database, "found"))
        await until(sees(pilot, "found is searched until 6 runs are complete."))
    found = search.find(database, "found")
    assert found is not None
    begun, is_on = found
    assert is_on
    assert (begun.num_trials, begun.sampler, begun.pruner, begun.at_least) == (
        6,
        "random",
        "percentile",
        {"optimizer": 2},
    )
    assert (begun.spec["dataset"], begun.spec["epochs"], begun.spec["train_limit"], begun.seed) == ("digits", 2, 100, 3)
    assert [parameter["name"] for parameter in begun.space] == ["lr", "optimizer"]
    assert begun.first == []
    assert no_workers == ["ensure_workers"]


async def test_a_search_that_rests_goes_on(database: Database, root: Root, until: Until) -> None:
    base = small_spec(epochs=1, train_limit=200)
    jobs.enqueue(database, base, "other")
    search.start(
        database,
        "mine",
        SearchSpec(base=base, space=search.Space.read({"lr": {"low": 1e-3, "high": 1e-2}}), num_trials=3),
    )
    study = listing.experiment(database, "mine").study_id
    workers.register(database, "idle@cpu", "cpu", None)
    assert searches.begin_run(database, "idle@cpu", "cpu") is not None
    async with screen(root, focus=RunName("mine", 0)) as pilot:
        await until(lambda: current(pilot) == RunName("mine", 0))
        await pilot.press("S")
        await until(is_open(pilot, "Search"))
        assert "goes on" not in shown(pilot), "it is on"
        await fill(pilot, name="mine", dataset="digits")
        await pilot.press("enter")
        await until(sees(pilot, "mine was searched over another space"))
        await pilot.press("escape")
        searches.switch_off(database, study)
        await pilot.press("S")
        await until(sees(pilot, "mine goes on until 3 runs are complete."))
        assert "dataset" not in shown(pilot)
        await fill(pilot, trials="0")
        await until(sees(pilot, "trials=0 is out of range"))
        await fill(pilot, trials="9")
        await pilot.press("enter")
        await until(sees(pilot, "mine is searched until 9 runs are complete."))
    found = search.find(database, "mine")
    assert found is not None
    assert (found[0].num_trials, found[1], found[0].spec) == (9, True, base.as_json())


async def test_the_best_are_cross_validated(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, no_workers: list[str]
) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("V")
        await until(is_open(pilot, "Cross-validation of digits-a"))
        await fill(pilot, top="1", folds="1")
        await until(sees(pilot, "folds=1 is out of range: it must lie in [2, 100]."))
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, Form)
        await fill(pilot, folds="2")
        await until(sees(pilot, "Up to 3 runs in digits-a-crossval"))
        await pilot.press("enter")
        await until(lambda: current(pilot) == RunName("digits-a-crossval", 0))
        await until(sees(pilot, "digits-a-crossval: 3 runs queued, 0 were there."))
    folds = [run.user_attrs["fold"] for run in listing.runs(database, "digits-a-crossval")]
    assert folds == [0, 1, "holdout"]
    assert no_workers == ["ensure_workers"]


async def test_without_a_complete_run_nothing_is_cross_validated(database: Database, root: Root, until: Until) -> None:
    name = jobs.enqueue(database, small_spec(), "fresh")
    async with screen(root, focus=name) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press("V")
        await until(sees(pilot, "'fresh' has no complete run"))
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_marked_runs_are_evaluated_in_the_background(trained: Database, root: Root, until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot))
        await pilot.press("g", "space", "space", "E")
        await until(is_open(pilot, "Evaluate 2 marked runs"))
        await fill(pilot, noise="hail:0.1")
        await until(sees(pilot, "There is no noise 'hail'"))
        await fill(pilot, noise="gaussian:0.5", draws="2")
        await until(sees(pilot, "Test figures of 2 marked runs, clean and under gaussian:0.5; in the background."))
        await pilot.press("enter")
        await until(sees(pilot, "small/0 is measured on the test images of digits."))
        for number in (0, 1):
            await until(lambda number=number: "mse@gaussian:0.5" in listing.run(trained, RunName("small", number)).test)
        await until(sees(pilot, "small/1: mse 0."))
        value = listing.run(trained, RunName("small", 1)).test["mse@gaussian:0.5"]
        run = home(pilot).runs.current
        assert run is not None
        await until(lambda: home(pilot).runs.current.test.get("mse@gaussian:0.5") == value)  # type: ignore[union-attr]


async def test_a_run_that_is_not_complete_is_not_evaluated(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("E")
        await until(sees(pilot, "Only a complete run has test figures."))
        assert isinstance(pilot.app.screen, HomeScreen)


async def test_a_latent_study_is_kept_beside_the_run(trained: Database, root: Root, until: Until) -> None:
    name = RunName("small", 0)
    async with screen(root, focus=name) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press("A")
        await until(is_open(pilot, "Latent study of small/0"))
        await fill(pilot, between="3")
        await until(sees(pilot, "between='3' is no two positions of images"))
        await choose(pilot, "split", "test")
        await fill(pilot, between="3 17", limit="60")
        await pilot.press("enter")
        await until(sees(pilot, "the test images of digits are encoded"))
        file = root.run(name).folder / "latent-test-pca.npz"
        await until(sees(pilot, "small/0: knn accuracy", "trustworthiness"))
        with np.load(file) as arrays:
            assert arrays["interpolation_indices"].tolist() == [3, 17]
            assert len(arrays["codes"]) == 60


async def test_what_a_helper_refuses_is_said(trained: Database, root: Root, until: Until) -> None:
    async with screen(root, focus=RunName("small", 0)) as pilot:
        await until(lambda: current(pilot))
        await pilot.press("A")
        await until(is_open(pilot, "Latent study"))
        await fill(pilot, between="3 999")
        await pilot.press("enter")
        await until(sees(pilot, "There is no image 999"))


async def test_a_recipe_is_begun(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[tuple[AskedRecipe, int | None]] = []

    def drive(_: object, asked: AskedRecipe, *, data_dir: Path | None, slots: int | None) -> str:
        begun.append((asked, slots))
        return "mine"

    monkeypatch.setattr(driving, "drive", drive)
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        home(pilot).action_new_recipe()
        await until(is_open(pilot, "New recipe"))
        await until(sees(pilot, "The reference study (quick) on mnist-5k, in the background"))
        await fill(pilot, seeds="0")
        await until(sees(pilot, "seeds=0 is out of range: it must be 1 or more."))
        await choose(pilot, "recipe", "a file")
        assert "preset" not in shown(pilot)
        await fill(pilot, file="nowhere.toml")
        await pilot.press("enter")
        await until(sees(pilot, "There is no recipe 'nowhere.toml'"))
        await choose(pilot, "recipe", "paper")
        await fill(pilot, dataset="digits", seeds="2", device="tpu")
        await until(sees(pilot, "device='tpu' is not known"))
        await fill(pilot, device="cpu", workers="1", name="mine")
        await pilot.press("enter")
        await until(sees(pilot, "mine goes on in the background; r shows its steps."))
    asked = AskedRecipe(
        source="paper",
        name="mine",
        preset="quick",
        dataset="digits",
        num_seeds=2,
        seed=0,
        device="cpu",
        threads=1,
    )
    assert begun == [(asked, 1)]
