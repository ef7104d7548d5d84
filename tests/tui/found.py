"""A search with runs that ended one way or the other, made through the engine's and the store's own calls."""

import random
from collections.abc import Sequence
from typing import Any

from engine import drawing, search
from engine.search import SearchSpec
from engine.space import Space
from engine.spec import OptimSpec, RunSpec
from store import queue, searches
from store.database import Database
from store.names import RunName
from tests.tui.roots import WORKER

EPOCHS = 8
SPACE = Space.read(
    {
        "optimizer": {"choices": ["sgd", "adam"]},
        "lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "latent_dim": {"low": 2, "high": 6},
    }
)


def begin_search(database: Database, experiment: str, settings: Sequence[dict[str, Any]], num_trials: int = 40) -> None:
    """A search whose first runs have these ``settings``, each with all of `SPACE`."""
    base = RunSpec(kind="cae", dataset="digits", epochs=EPOCHS, device="cpu", optim=OptimSpec(patience=0))
    search.start(database, experiment, SearchSpec(base=base, space=SPACE, num_trials=num_trials, first=settings))


def end_next(database: Database, state: str, value: float, *, epoch: int = EPOCHS) -> RunName:
    """Take the next run of the search and end it in Optuna's ``state`` after ``epoch`` (RUNNING: leave it there)."""
    claim = searches.begin_run(database, WORKER, "cpu")
    assert claim is not None
    drawing.drawn(database, claim)
    queue.report(database, claim, epoch, value)
    if state == "COMPLETE":
        queue.finish(database, claim, state, value=value)
    elif state == "PRUNED":
        reason = f"pruned after epoch {epoch} by percentile: error {value:.5g}, place 9 of 9 at that epoch"
        queue.finish(database, claim, state, value=value, reason=reason)
    elif state == "FAIL":
        queue.finish(database, claim, state, reason="RuntimeError: out of luck")
    return claim.name


def settings_of(number: int) -> dict[str, Any]:
    """Settings that differ from run to run and are the same from test to test."""
    dice = random.Random(number)
    return {
        "optimizer": ("sgd", "adam")[number % 2],
        "lr": 10 ** dice.uniform(-4, -2),
        "latent_dim": 2 + number % 5,
    }
