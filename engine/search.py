"""Searches as the command line and the screen see them: begin, go on, stop, look. Free of torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from engine import jobs
from engine.space import Space
from engine.spec import RunSpec
from store import listing, searches
from store.database import Database
from store.errors import RequestError
from store.experiments import ensure_experiment
from store.paths import find_data_dir
from store.records import Run, RunState
from store.searches import Search

# store.studies imports Optuna (0.4 s): only who asks what mattered pays for it.
SAMPLERS = ("tpe", "random", "qmc", "gp", "cmaes")
PRUNERS = ("percentile", "median", "hyperband", "halving", "none")
IMPORTANCES = ("pedanova", "fanova")


@dataclass(frozen=True, kw_only=True)
class SearchProgress:
    """``best_by`` maps a searched setting with few values to its best run for each value."""

    num_complete: int
    num_pruned: int
    num_failed: int
    num_running: int
    num_trials: int
    is_on: bool
    is_over: bool
    best: Run | None
    best_by: Mapping[str, Mapping[Any, Run]]
    pruned: Sequence[Run]


@dataclass(frozen=True, kw_only=True)
class SearchSpec:
    """A search: over when ``num_trials`` runs are complete, each of them ``base`` with the settings of ``space`` drawn.

    ``first`` are configurations tried before any is drawn; ``at_least`` asks for that many complete runs of every
    choice of a setting.
    """

    base: RunSpec
    space: Space
    num_trials: int = 40
    sampler: str = "tpe"
    pruner: str = "percentile"
    at_least: Mapping[str, int] = field(default_factory=dict)
    first: Sequence[Mapping[str, Any]] = ()


def check(database: Database | None, experiment: str, spec: SearchSpec, *, data_dir: Path | None = None) -> Search:
    """The search as `start` will keep it, with everything that it names found to be there and usable.

    ``database`` is None where the root is still to be made.

    Raises:
        RequestError: something named is absent or does not fit, or the experiment was searched over another space.
    """
    data_dir = find_data_dir(data_dir)
    base = jobs.check(database, spec.base, experiment, data_dir)
    search = Search(
        spec=base.as_json(),
        space=spec.space.as_json(),
        sampler=spec.sampler,
        pruner=spec.pruner,
        num_trials=spec.num_trials,
        seed=base.seed,
        at_least=dict(spec.at_least),
        first=[dict(settings) for settings in spec.first],
        data_dir=str(data_dir),
    )
    _check(search, base, spec.space)
    if database is not None:
        before = find(database, experiment)
        if before is not None and Space.from_json(before[0].space) != spec.space:
            raise RequestError(f"{experiment} was searched over another space: take another name with --name.")
        if before is None and listing.runs(database, experiment, deleted=True):
            raise RequestError(f"{experiment} holds runs that no search began: take another name with --name.")
    return search


def start(database: Database, experiment: str, spec: SearchSpec, *, data_dir: Path | None = None) -> None:
    """Begin a search, or go on with one (more trials, another sampler); workers take it up by themselves.

    Runs that `stop` paused go on where they were, so a search finds the same however often it is stopped.

    Raises:
        RequestError: see `check`.
    """
    search = check(database, experiment, spec, data_dir=data_dir)
    study_id = ensure_experiment(database, experiment, search.spec["kind"], search.spec["dataset"])
    searches.save(database, study_id, search)
    jobs.let_go_on(database, experiment)


def stop(database: Database, experiment: str) -> None:
    """Begin no more runs and pause those that wait or run; `start` goes on with them and with the search.

    Raises:
        RequestError: the experiment is absent or has no search.
    """
    study_id, _, _ = _find(database, experiment)
    searches.switch_off(database, study_id)
    jobs.pause_all(database, experiment)


def progress(database: Database, experiment: str) -> SearchProgress:
    """Raises RequestError: the experiment is absent or has no search."""
    study_id, search, is_on = _find(database, experiment)
    counts = searches.count(database, study_id, search)
    runs = listing.runs(database, experiment)
    complete = [run for run in runs if run.state is RunState.COMPLETE and run.value is not None]
    # Its own runs that wait for a worker (let go on, or theirs has died) are still to be counted in what it found.
    is_waiting = any(run.state is RunState.WAITING and searches.ORIGIN_ATTRIBUTE in run.user_attrs for run in runs)
    return SearchProgress(
        num_complete=counts.states["COMPLETE"],
        num_pruned=counts.states["PRUNED"],
        num_failed=counts.states["FAIL"],
        num_running=counts.states["RUNNING"],
        num_trials=search.num_trials,
        is_on=is_on,
        is_over=counts.is_over(search) and not (counts.states["RUNNING"] or is_waiting),
        best=min(complete, key=_value, default=None),
        best_by={name: _best_by(complete, name) for name in _few_valued(search)},
        pruned=[run for run in runs if run.state is RunState.PRUNED],
    )


def importance(database: Database, experiment: str, method: str = "pedanova") -> dict[str, float]:
    """How much each searched setting matters to the value, in parts of 1, largest first.

    Raises:
        RequestError: the method is not known, or too few runs are complete.
    """
    from store import studies

    if method not in get_args(studies.ImportanceMethod):
        raise RequestError(f"There is no importance {method!r}: take pedanova or fanova.")
    _find(database, experiment)
    return studies.importances(database, experiment, method)  # type: ignore[arg-type]  # checked above


def _check(search: Search, base: RunSpec, space: Space) -> None:
    space.check(base)
    if search.sampler not in SAMPLERS:
        raise RequestError(f"There is no sampler {search.sampler!r}: take one of {', '.join(SAMPLERS)}.")
    if search.pruner not in PRUNERS:
        raise RequestError(f"There is no pruner {search.pruner!r}: take one of {', '.join(PRUNERS)}.")
    if search.num_trials < 1:
        raise RequestError(f"A search of {search.num_trials} trials finds nothing: ask for 1 or more.")
    for name, least in search.at_least.items():
        if not search.choices(name):
            raise RequestError(f"--at-least {name}={least} needs a setting of the space that has choices.")
        if least < 0:
            raise RequestError(f"--at-least {name}={least} must be 0 or more.")
    for settings in search.first:
        base.with_settings(settings)


def find(database: Database, experiment: str) -> tuple[Search, bool] | None:
    """The search of an experiment and whether it is on; None where there is no such experiment, or it has no search."""
    for found in listing.experiments(database):
        if found.experiment == experiment:
            return searches.find(database, found.study_id)
    return None


def _find(database: Database, experiment: str) -> tuple[int, Search, bool]:
    study_id = listing.experiment(database, experiment).study_id
    found = searches.find(database, study_id)
    if found is None:
        raise RequestError(f"{experiment} has no search: `aetui search --name {experiment}` begins one.")
    return study_id, *found


def _few_valued(search: Search) -> list[str]:
    """Settings with choices or whole numbers: those of which each value can have a best run."""
    return [parameter["name"] for parameter in search.space if parameter["choices"] or parameter["is_int"]]


def _best_by(complete: Sequence[Run], name: str) -> dict[Any, Run]:
    values = sorted({run.params[name] for run in complete if name in run.params}, key=str)
    if len(values) > 12:  # a range of whole numbers as wide as that says nothing value by value
        return {}
    return {value: min((run for run in complete if run.params.get(name) == value), key=_value) for value in values}


def _value(run: Run) -> float:
    assert run.value is not None
    return run.value
