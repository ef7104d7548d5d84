"""Cross-validation of an experiment's best configurations: what to queue, and how to sum it up. Free of torch.

Every configuration is trained once a fold and once on a hold-out of the same share, with the origin's kind, data set,
settings, epochs, seed and threads; the runs go into an experiment of their own. The test images play no part.
"""

import dataclasses
import math
import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import engine.jobs
from engine import matching
from engine.spec import RunSpec
from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName, check_name
from store.paths import find_data_dir
from store.records import Run, RunState
from store.sharing.ledger import has_file

DEFAULT_TOP, DEFAULT_FOLDS = 5, 5
ORIGIN_ATTRIBUTE = "crossval_of"
"""User attribute: the run whose configuration is cross-validated; beside it `FOLD_ATTRIBUTE`."""
FOLD_ATTRIBUTE = "fold"
"""User attribute: the fold, from 0, or ``HOLDOUT``."""
HOLDOUT = "holdout"

MAX_TOP, MAX_FOLDS = 1000, 100


@dataclass(frozen=True, kw_only=True)
class Summary:
    """One configuration: the ``origin`` run, its run of each fold, and that of the hold-out (None: not there)."""

    origin: Run
    folds: tuple[Run | None, ...]
    holdout: Run | None

    @property
    def runs(self) -> list[Run]:
        return [run for run in (*self.folds, self.holdout) if run is not None]

    @property
    def values(self) -> tuple[float | None, ...]:
        """Validation error of every fold; None where its run is not complete."""
        return tuple(map(_value, self.folds))

    @property
    def mean(self) -> float | None:
        """Over all folds; None until the last is complete."""
        known = self._known()
        return statistics.fmean(known) if known else None

    @property
    def std(self) -> float | None:
        """Sample standard deviation over all folds; None until the last is complete."""
        known = self._known()
        return statistics.stdev(known) if known else None

    @property
    def holdout_value(self) -> float | None:
        return _value(self.holdout)

    @property
    def difference_percent(self) -> float | None:
        """How far the hold-out's error lies above (below: negative) the mean of the folds."""
        mean, holdout = self.mean, self.holdout_value
        return None if not mean or holdout is None else 100 * (holdout - mean) / mean

    def as_json(self) -> dict[str, Any]:
        return {
            "origin": str(self.origin.name),
            "origin_value": self.origin.value,
            "params": dict(self.origin.params),
            "folds": [
                {"fold": fold, "run": str(run.name) if run else None, "value": value}
                for fold, (run, value) in enumerate(zip(self.folds, self.values, strict=True))
            ],
            "mean": self.mean,
            "std": self.std,
            "holdout": {"run": str(self.holdout.name) if self.holdout else None, "value": self.holdout_value},
            "difference_percent": self.difference_percent,
        }

    def _known(self) -> list[float]:
        known = [value for value in self.values if value is not None]
        return known if len(known) == len(self.folds) else []


def target_experiment(experiment: str) -> str:
    """The name of the experiment that the runs go into."""
    return check_name(f"{experiment}-crossval")


def best_runs(database: Database, experiment: str, top: int = DEFAULT_TOP) -> list[Run]:
    """The complete runs of the ``top`` lowest values, each configuration once; fewer where there are not so many.

    Raises:
        RequestError: there is no such experiment, or none of its runs is complete.
    """
    return [plan.origin for plan in _plans(database, experiment, top)]


def queue_missing(
    database: Database, experiment: str, *, top: int = DEFAULT_TOP, folds: int = DEFAULT_FOLDS
) -> list[RunName]:
    """Queue what is missing of the cross-validation; returns all of its runs, those that were there included.

    What was stopped or failed goes on as a new run from its checkpoint, or begins anew where it left none.

    Raises:
        RequestError: see `best_runs`; ``top`` or ``folds`` is out of range; a configuration cannot be trained any
            more. Nothing is queued then.
    """
    target = target_experiment(experiment)
    _check_range("top", top, 1, MAX_TOP)
    _check_range("folds", folds, 2, MAX_FOLDS)
    there = matching.runs_by_configuration(database, listing.runs(database, target))
    found: list[Run | _Missing] = []
    for plan in _plans(database, experiment, top):
        for part, spec in _parts(plan.spec, folds):
            run = there.get(matching.configuration(spec))
            if run is None or run.state in matching.ENDED_EARLY:
                if run is not None and has_file(database, run, database.root.run(run.name).last):
                    spec = dataclasses.replace(spec, start_from=str(run.name))
                checked = engine.jobs.check(database, spec, target, plan.data_dir)
                found.append(_Missing(origin=plan.origin.name, part=part, spec=checked, data_dir=plan.data_dir))
            else:
                found.append(run)
    return [each.name if isinstance(each, Run) else each.queue(database, target) for each in found]


def summaries(
    database: Database, experiment: str, *, top: int = DEFAULT_TOP, folds: int = DEFAULT_FOLDS
) -> list[Summary]:
    """How far the cross-validation is and what came out, best origin first.

    Raises:
        RequestError: see `best_runs`.
    """
    there = matching.runs_by_configuration(database, listing.runs(database, target_experiment(experiment)))
    found = []
    for plan in _plans(database, experiment, top):
        *parts, holdout = [there.get(matching.configuration(spec)) for _, spec in _parts(plan.spec, folds)]
        found.append(Summary(origin=plan.origin, folds=tuple(parts), holdout=holdout))
    return found


@dataclass(frozen=True, kw_only=True)
class _Plan:
    """A run to be cross-validated, and its configuration as it is trained from the beginning."""

    origin: Run
    spec: RunSpec
    data_dir: Path


@dataclass(frozen=True, kw_only=True)
class _Missing:
    """A run that is still to be queued."""

    origin: RunName
    part: int | str
    spec: RunSpec
    data_dir: Path

    def queue(self, database: Database, target: str) -> RunName:
        attributes = {ORIGIN_ATTRIBUTE: str(self.origin), FOLD_ATTRIBUTE: self.part}
        return engine.jobs.add(database, self.spec, target, self.data_dir, user_attrs=attributes)


def _plans(database: Database, experiment: str, top: int) -> list[_Plan]:
    listing.experiment(database, check_name(experiment))
    complete = [run for run in listing.runs(database, experiment) if _value(run) is not None]
    plans: dict[str, _Plan] = {}
    for run in sorted(complete, key=lambda run: (run.value, run.name.number)):
        frozen = listing.frozen(database, run.name)
        # Without a run of its own kind that it went on from: that has seen images that a fold holds back.
        spec = matching.first_spec(database, run.name)
        if not spec.folds:
            plan = _Plan(origin=run, spec=spec, data_dir=find_data_dir(frozen.data_dir))
            plans.setdefault(matching.configuration(spec), plan)
        if len(plans) == top:
            break
    if not plans:
        raise RequestError(f"{experiment!r} has no complete run whose configuration could be cross-validated.")
    return list(plans.values())


def _parts(spec: RunSpec, folds: int) -> list[tuple[int | str, RunSpec]]:
    """Every fold, and the hold-out last."""
    numbers = [*range(folds), None]
    return [(HOLDOUT if fold is None else fold, dataclasses.replace(spec, folds=folds, fold=fold)) for fold in numbers]


def _value(run: Run | None) -> float | None:
    """Its validation error; None where it is not complete or the error not finite."""
    if run is None or run.state is not RunState.COMPLETE or run.value is None or not math.isfinite(run.value):
        return None
    return run.value


def _check_range(key: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise RequestError(f"{key}={value} is out of range: it must lie in [{low}, {high}].")
