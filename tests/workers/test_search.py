"""Searches, with real workers where it matters who does what when."""

import contextlib
import importlib.util
import os
import random
import signal
import time
from collections import Counter
from pathlib import Path
from typing import Any

import optuna
import pytest

from engine import drawing, jobs, search
from engine.search import SearchSpec
from engine.space import Space, reference_space
from engine.spec import RunSpec
from store import listing, queue, searches, studies, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.live import holder_pid, small_spec, wait_for

SPACE = Space.read(
    {
        "optimizer": {"choices": ["sgd", "adam"]},
        "lr": {"low": 1e-4, "high": 1e-2, "log": True},
        "momentum": {"low": 0.0, "high": 0.9, "when": {"optimizer": "sgd"}},
        "latent_dim": {"low": 2, "high": 4},
    }
)
FIRST = [{"optimizer": "adam", "lr": 3e-3, "latent_dim": 4}, {"optimizer": "sgd", "lr": 1e-2, "latent_dim": 2}]


def base(**settings: Any) -> RunSpec:
    return small_spec(epochs=4, **settings)


def run_to_end(database: Database, slots: int = 2) -> search.SearchProgress:
    jobs.ensure_workers(database, slots=slots)
    return wait_for(lambda: _over(database), "the end of the search", 150)


def _over(database: Database) -> search.SearchProgress | None:
    found = search.progress(database, "s")
    return found if found.is_over else None


def table(database: Database) -> list[tuple[Any, ...]]:
    return [
        (run.name.number, run.state, run.user_attrs["origin"], run.params, run.value, run.reason)
        for run in listing.runs(database, "s")
    ]


@pytest.mark.timeout(240)
def test_a_search_ends_at_its_complete_runs_with_what_was_owed_to_each_choice(database: Database) -> None:
    search.start(
        database, "s", SearchSpec(base=base(), space=SPACE, num_trials=9, at_least={"optimizer": 3}, first=FIRST)
    )
    progress = run_to_end(database)
    runs = listing.runs(database, "s")
    complete = [run for run in runs if run.state is RunState.COMPLETE]
    assert 9 <= len(complete) <= 10  # one more may have been under way
    assert progress.num_complete == len(complete)
    counts = Counter(run.params["optimizer"] for run in complete)
    assert counts["sgd"] >= 3
    assert counts["adam"] >= 3
    for number, settings in enumerate(FIRST):
        assert settings.items() <= runs[number].params.items()
        assert runs[number].user_attrs["origin"] == "hand-picked"
    assert progress.best is not None
    assert progress.best.value == min(run.value for run in complete if run.value is not None)
    assert {run.epochs for run in runs} == {4}
    for run in progress.pruned:
        assert run.reason is not None
        assert run.reason.startswith(f"pruned after epoch {run.epoch} by percentile: error ")
        assert run.value == run.last_value

    study = optuna.load_study(study_name="s", storage=f"sqlite:///{database.root.database}")
    assert study.best_trial.number == progress.best.name.number
    for trial, run in zip(study.trials, runs, strict=True):
        assert trial.params.items() <= run.params.items()
        assert ("momentum" in trial.params) == (trial.params["optimizer"] == "sgd")


@pytest.mark.timeout(240)
def test_a_pruned_run_that_is_resumed_goes_on_to_its_end(database: Database) -> None:
    good = [{"optimizer": "adam", "lr": lr, "latent_dim": 4} for lr in (3e-3, 4e-3, 5e-3, 6e-3, 7e-3, 8e-3)]
    hopeless = {"optimizer": "sgd", "lr": 1e-4, "momentum": 0.0, "latent_dim": 4}
    spec = SearchSpec(base=base(), space=SPACE, num_trials=7, first=[*good, hopeless])
    search.start(database, "s", spec)
    jobs.run_inline(database)
    pruned = listing.runs(database, "s")[len(good)]
    assert (pruned.state, pruned.params["lr"]) == (RunState.PRUNED, 1e-4)
    resumed = jobs.resume(database, pruned.name)
    jobs.run_inline(database)
    found = listing.run(database, resumed)
    assert (found.state, found.epoch) == (RunState.COMPLETE, 4)
    assert found.value is not None
    assert pruned.value is not None
    assert found.value <= pruned.value


@pytest.mark.timeout(240)
@pytest.mark.parametrize("num_kills", [1, pytest.param(3, marks=pytest.mark.slow)])
def test_with_one_worker_kills_change_nothing_of_the_table(database: Database, tmp_path: Path, num_kills: int) -> None:
    undisturbed = open_database(Root(tmp_path / "undisturbed"), create=True)
    for each in (undisturbed, database):
        search.start(each, "s", SearchSpec(base=base(), space=SPACE, num_trials=6, pruner="median", first=FIRST))
    jobs.run_inline(undisturbed)
    jobs.ensure_workers(database, slots=1)
    dice = random.Random(0)
    disturbed: set[RunName] = set()  # each once: three deaths without an epoch end a run, and rightly so
    for _ in range(num_kills):
        time.sleep(dice.uniform(0.2, 1.0))
        live = wait_for(
            lambda: {run.name for run in listing.runs(database, "s") if run.state.is_live} - disturbed, "a run"
        )
        disturbed.update(live)
        if pid := holder_pid(database, min(live)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        wait_for(lambda pid=pid: pid not in {w.pid for w in workers.workers(database) if w.alive}, "its end")
    run_to_end(database, slots=1)
    assert table(database) == table(undisturbed)
    undisturbed.close()


@pytest.mark.timeout(180)
def test_a_search_stops_and_goes_on(database: Database) -> None:
    spec = small_spec(epochs=40)  # seconds: a worker hears within two that it is to pause
    search.start(database, "s", SearchSpec(base=spec, space=SPACE, num_trials=500))
    workers.register(database, "here@cpu", "cpu", None)
    claim = drawing.next_claim(database, "here@cpu", "cpu")
    assert claim is not None
    queue.finish(database, claim, "COMPLETE", value=0.1)  # trained or not: one that is over when all others stop
    workers.unregister(database, "here@cpu")
    jobs.ensure_workers(database, slots=1)
    wait_for(lambda: any(run.state.is_live and run.epoch < 5 for run in listing.runs(database, "s")), "a fresh one")
    search.stop(database, "s")
    wait_for(lambda: not search.progress(database, "s").num_running, "the running ones to stop")
    assert not search.progress(database, "s").is_on
    time.sleep(1.5)
    reached = len(listing.runs(database, "s"))
    assert not listing.num_running(database)
    held = [run.name for run in listing.runs(database, "s") if run.state is RunState.PAUSED]
    assert held
    complete = search.progress(database, "s").num_complete
    search.start(database, "s", SearchSpec(base=spec, space=SPACE, num_trials=complete + 1))
    progress = run_to_end(database, slots=1)
    assert progress.num_complete >= complete + 1
    assert len(listing.runs(database, "s")) >= reached
    states = {run.name: run.state for run in listing.runs(database, "s")}
    assert all(states[name] in (RunState.COMPLETE, RunState.PRUNED) for name in held)
    assert RunState.STOPPED not in states.values()


def test_a_search_is_not_over_while_a_run_of_its_own_waits(database: Database) -> None:
    search.start(database, "s", SearchSpec(base=base(), space=SPACE, num_trials=1))
    workers.register(database, "here@cpu", "cpu", None)
    first, second = (drawing.next_claim(database, "here@cpu", "cpu") for _ in range(2))
    assert first is not None
    assert second is not None
    queue.give_back(database, second)
    queue.finish(database, first, "COMPLETE", value=0.1)
    assert not search.progress(database, "s").is_over
    again = drawing.next_claim(database, "here@cpu", "cpu")
    assert again is not None
    assert again.name == second.name
    queue.finish(database, again, "COMPLETE", value=0.2)
    assert search.progress(database, "s").is_over


@pytest.mark.timeout(120)
@pytest.mark.parametrize("sampler", search.SAMPLERS)
def test_every_sampler_draws_within_the_space(database: Database, sampler: str) -> None:
    if sampler == "cmaes" and importlib.util.find_spec("cmaes") is None:
        pytest.skip("the search extra (cmaes) is not installed")
    search.start(database, "s", SearchSpec(base=base(), space=SPACE, sampler=sampler, num_trials=12))
    workers.register(database, "here@cpu", "cpu", None)
    drawn = []
    for _ in range(12):
        claim = drawing.next_claim(database, "here@cpu", "cpu")
        assert claim is not None
        spec = drawing.drawn(database, claim)
        drawn.append((spec.optim.optimizer, spec.optim.lr, spec.model.latent_dim))
        assert spec.optim.optimizer in ("sgd", "adam")
        assert 1e-4 <= spec.optim.lr <= 1e-2
        assert 2 <= spec.model.latent_dim <= 4
        assert 0.0 <= spec.optim.momentum <= 0.9
        assert listing.frozen(database, claim.name).spec["optim"]["lr"] == spec.optim.lr
        queue.finish(database, claim, "COMPLETE", value=spec.optim.lr)
    assert len(set(drawn)) > 6
    assert drawing.next_claim(database, "here@cpu", "cpu") is None


def test_importance_is_that_of_a_function_whose_answer_is_known(database: Database) -> None:
    study = optuna.create_study(
        study_name="known", storage=f"sqlite:///{database.root.database}", sampler=optuna.samplers.RandomSampler(seed=0)
    )
    study.optimize(
        lambda trial: 10 * trial.suggest_float("all", -1, 1) ** 2 + 0 * trial.suggest_float("none", -1, 1), 40
    )
    for method in ("pedanova", "fanova"):
        found = studies.importances(database, "known", method)
        assert list(found) == ["all", "none"]
        assert found["all"] > 0.8


def test_what_does_not_fit_is_refused_and_nothing_is_begun(database: Database) -> None:
    jobs.enqueue(database, base(), "plain")

    def refused(words: str, name: str = "s", spec: RunSpec | None = None, space: Space = SPACE, **options: Any) -> None:
        with pytest.raises(RequestError, match=words):
            search.start(database, name, SearchSpec(base=spec or base(), space=space, **options))

    refused("no sampler", sampler="magic")
    refused("no pruner", pruner="magic")
    refused("finds nothing", num_trials=0)
    refused("has choices", at_least={"lr": 3})
    refused("not a setting", first=[{"speed": 9}])
    refused("not a setting", space=Space.read({"speed": {"low": 1, "high": 2}}))
    refused("out of range", space=Space.read({"momentum": {"low": 0.5, "high": 2.0}}))
    refused("no search began", name="plain")
    assert [found.experiment for found in listing.experiments(database)] == ["plain"]
    search.start(database, "s", SearchSpec(base=base(), space=SPACE, num_trials=1))
    refused("another space", space=reference_space())
    with pytest.raises(RequestError, match="has no search"):
        search.stop(database, "plain")


def counts(complete: dict[str, int], running: dict[str, int]) -> searches.Counts:
    values = Counter(
        {(v, "COMPLETE"): n for v, n in complete.items()} | {(v, "RUNNING"): n for v, n in running.items()}
    )
    states = Counter({"COMPLETE": sum(complete.values()), "RUNNING": sum(running.values())})
    return searches.Counts(states=states, values={"optimizer": values}, num_hand_picked=0)


@pytest.mark.parametrize(
    ("complete", "running", "expected"),
    [
        ({"adam": 3}, {}, "drawn"),  # 7 left, 4 owed
        ({"adam": 6}, {}, "sgd"),  # 4 left, 4 owed
        ({"adam": 6, "sgd": 1}, {"sgd": 2}, "sgd"),
        ({"adam": 6, "sgd": 2}, {"sgd": 2}, "drawn"),  # all that is owed runs; one of them may be pruned
        ({"adam": 10}, {"sgd": 3}, "sgd"),  # enough are complete, but not of each
        ({"adam": 10}, {"sgd": 4}, None),
    ],
)
def test_what_is_owed_is_forced_only_when_it_must_be(
    complete: dict[str, int], running: dict[str, int], expected: str | None
) -> None:
    wanted = searches.Search(
        spec={}, space=SPACE.as_json(), sampler="tpe", pruner="none", num_trials=10, seed=0, at_least={"optimizer": 4}
    )
    found = searches._next(wanted, counts(complete, running))
    told = None if found is None else found[1].get("optimizer", found[0])
    assert told == expected
