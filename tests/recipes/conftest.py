"""A root of its own, and a small recipe whose runs take a second each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.recipes.steps import Chosen, Crossval, Plan, Recipe, RowSpec, Step, Train
from engine.search import SearchSpec
from engine.space import Space
from store.database import Database
from tests.live import small_spec, worked_on_database


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh root with an awkward path; whatever still works for it is ended afterwards."""
    monkeypatch.setenv("AETUI_IDLE_S", "3")
    with worked_on_database(tmp_path / "Läufe und mehr" / "runs") as opened:
        yield opened


@pytest.fixture(scope="session")
def small_recipe() -> Recipe:
    """A search, its best configuration trained in full by two seeds, and a cross-validation."""
    search = SearchSpec(
        base=small_spec(epochs=1, train_limit=200),
        space=Space.read({"lr": {"low": 1e-3, "high": 1e-2, "log": True}, "optimizer": {"choices": ["adam", "sgd"]}}),
        num_trials=3,
        sampler="random",
        pruner="none",
    )
    chosen = Chosen(search="search", take=("lr", "optimizer"))
    finals = tuple(Plan(spec=small_spec(epochs=2, seed=seed), chosen=chosen) for seed in (0, 1))
    return Recipe(
        name="small",
        title="a small recipe",
        steps=(
            Step(id="search", title="search", work=search, budget_s=10),
            Step(id="final", title="finals", work=Train(plans=finals), needs=("search",), budget_s=10),
            Step(id="folds", title="folds", work=Crossval(of="final", top=1, folds=2), needs=("final",), budget_s=5),
        ),
        rows=(
            RowSpec(id="search", title="search", step="search", figure="value"),
            RowSpec(id="final", title="final", step="final", figure="mse", reference=10.0),
            RowSpec(id="gap", title="gap", step="folds", figure="gap", unit="%"),
        ),
    )
