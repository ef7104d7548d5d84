"""Where a row's number comes from: the runs and answers of its step. Reads what is there; never trains."""

import json
import math
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import matching
from engine.recipes import commands
from engine.recipes.helpers import evaluation
from engine.recipes.selection import candidates
from engine.recipes.steps import Crossval, Evaluate, Importance, Latent, RowSpec, Step, Train
from engine.recipes.work import Study
from engine.search import SearchSpec
from store import listing
from store.metrics import read_metrics
from store.names import RunName
from store.records import Run, RunState
from store.sharing.download import Downloader

_LONGEST_HEADER = 100 << 20
"""What safetensors itself takes at most."""
_BUFFERS = ("running_mean", "running_var", "num_batches_tracked")


@dataclass(frozen=True, kw_only=True)
class Found:
    """The ``values`` of a row, one a run (or seed), before they are put in percent; none where it is not there yet."""

    values: Sequence[float] = ()
    runs: Sequence[Run] = ()
    command: str = ""
    notes: Sequence[str] = field(default_factory=tuple)


def find(study: Study, row: RowSpec) -> Found:
    """What there is of ``row``."""
    step = study.recipe.step(row.step)
    match step.work:
        case SearchSpec() as work:
            return _search(study, step, work)
        case Importance() as work:
            return _importance(study, work, row.figure)
        case Crossval() as work:
            return _crossval(study, work)
        case Latent() as work:
            return _latent(study, work, row.figure)
        case Train():
            return _trained(study, step, row.figure)
        case Evaluate():  # its figures are test figures of the steps that it is about
            return Found()


def _search(study: Study, step: Step, work: SearchSpec) -> Found:
    experiment = study.recipe.experiment(step.id)
    runs = listing.runs(study.database, experiment)
    best = [run for one in candidates(runs)[:1] for run in runs if run.name == one.name]
    complete = sum(run.state is RunState.COMPLETE for run in runs)
    pruned = sum(run.state is RunState.PRUNED for run in runs)
    return Found(
        values=[run.value for run in best if run.value is not None],
        runs=best,
        command=commands.search(work, experiment),
        notes=(f"{complete} complete, {pruned} pruned",) if runs else (),
    )


def _importance(study: Study, work: Importance, figure: str) -> Found:
    step = study.recipe.step(work.of)
    assert isinstance(step.work, SearchSpec)
    shares = study.importance(work)
    if not shares:
        return Found(command=commands.search(step.work, study.recipe.experiment(work.of)))
    keys = figure.partition(":")[2].split("+")
    return Found(
        values=[sum(shares.get(key, 0.0) for key in keys)],
        command=commands.search(step.work, study.recipe.experiment(work.of)),
        notes=(", ".join(f"{key} {share:.0%}" for key, share in shares.items()),),
    )


def _crossval(study: Study, work: Crossval) -> Found:
    found = study.summaries(work.of, work.top, work.folds)
    apart = [abs(one.difference_percent) for one in found if one.difference_percent is not None]
    best = found[0] if found and found[0].difference_percent is not None else None
    return Found(
        values=apart[:1] if best else (),
        runs=best.runs if best else (),
        command=commands.cross_validate(work, study.recipe.experiment(work.of)),
        notes=("all configurations: " + ", ".join(f"{percent:.2f}%" for percent in apart),) if len(apart) > 1 else (),
    )


def _latent(study: Study, work: Latent, figure: str) -> Found:
    answers = [(helper, helper.read()) for helper in study.latents(work)]
    helper, answer = next(iter(answers), (None, None))
    if helper is None:
        return Found()
    return Found(
        values=[float(answer[figure])] if answer and _is_number(answer.get(figure)) else (),
        runs=[listing.run(study.database, helper.run)],
        command=commands.latent(helper.run, work.methods[0]),
    )


def _trained(study: Study, step: Step, figure: str) -> Found:
    runs = _complete(study, step)
    notes: Sequence[str] = ()
    what, _, other = figure.partition(":")
    if what in ("speedup", "gain"):
        values = _compared(study, what, runs, _complete(study, study.recipe.step(other)))
    else:
        with_figure = [run for run in runs if (figure == "value" and run.value is not None) or figure in run.test]
        values = [float(run.test[figure]) if figure in run.test else float(run.value or 0.0) for run in with_figure]
        runs, notes = with_figure, _units(study, with_figure)
    return Found(values=values, runs=runs, command=_command(study, runs, figure), notes=notes)


def _complete(study: Study, step: Step) -> list[Run]:
    return [run for run in study.runs_of(step) if run.state is RunState.COMPLETE]


def _compared(study: Study, what: str, ours: Sequence[Run], others: Sequence[Run]) -> list[float]:
    """Each run beside the other of its seed."""
    by_seed = {run.seed: run for run in others}
    values = []
    for run in ours:
        other = by_seed.get(run.seed)
        if other is None:
            continue
        if what == "gain":
            if "accuracy" in run.test and "accuracy" in other.test:
                values.append(run.test["accuracy"] - other.test["accuracy"])
        elif (ratio := speedup(_course(study, run), _course(study, other))) is not None:
            values.append(ratio)
    return values


def _course(study: Study, run: Run) -> list[tuple[float, float]]:
    """Seconds of training and the validation error then, of every epoch."""
    Downloader(study.database).fetch(run, with_weights=False)
    times = {line["epoch"]: line["time"] for line in _epochs(study, run.name) if _is_number(line.get("time"))}
    reported = listing.values(study.database, run.trial_id)
    return [(float(times[epoch]), value) for epoch, value in reported if value is not None and epoch in times]


def _epochs(study: Study, name: RunName) -> list[dict[str, Any]]:
    return [line for line in read_metrics(study.database.root.run(name).metrics) if line.get("kind") == "epoch"]


def speedup(ours: Sequence[tuple[float, float]], other: Sequence[tuple[float, float]]) -> float | None:
    """How many times longer the ``other`` course takes to the lowest error that both reach.

    A course is the seconds since its beginning and the validation error, epoch by epoch; None where one is empty.
    """
    if not ours or not other:
        return None
    target = max(min(value for _, value in course) for course in (ours, other))
    our_time, their_time = (next(time for time, value in course if value <= target) for course in (ours, other))
    return their_time / our_time if our_time else None


def _units(study: Study, runs: Sequence[Run]) -> list[str]:
    """How regular the codes of variational runs are, from their evaluations."""
    told = []
    for run in runs:
        figures = evaluation(study.database, run.name, ()).read() or {}
        deviations = figures.get("unit_std")
        if isinstance(deviations, list) and deviations:
            active = int(figures.get("active_units", len(deviations)))
            low, high = min(deviations), max(deviations)
            told.append(f"{active} of {len(deviations)} units active, deviations {low:.2f} - {high:.2f}")
    return told[:1]


def _command(study: Study, runs: Sequence[Run], figure: str) -> str:
    if not runs:
        return ""
    run = runs[0]
    command = commands.train(matching.first_spec(study.database, run.name), run.name.experiment)
    _, _, noise = figure.partition("@")
    return f"{command} && {commands.evaluate(run.name, [noise])}" if noise else command


def num_parameters(checkpoint: Path) -> int | None:
    """Trained numbers of the model in a checkpoint, read off its header; None where there is none."""
    try:
        with checkpoint.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))  # the format of safetensors: length, header, tensors
            header = json.loads(file.read(min(length, _LONGEST_HEADER)))
        shapes = [
            tensor["shape"]
            for name, tensor in header.items()
            if name.startswith("model.") and name.rpartition(".")[2] not in _BUFFERS
        ]
        return sum(math.prod(map(int, shape)) for shape in shapes)
    except (OSError, ArithmeticError, ValueError, TypeError, LookupError, AttributeError, RecursionError, struct.error):
        return None


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
