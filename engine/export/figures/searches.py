"""Figures of what a search found, and of one number over a setting."""

import math
import shlex
from collections.abc import Sequence

from engine import search
from engine.export.figures.desk import Desk
from engine.export.figures.histories import MSE, is_wide
from engine.export.figures.made import Lacks, Made
from engine.figures.bars import Bars
from engine.figures.lines import Line, Lines, Panel
from engine.figures.parallel import Axis, Course, ParallelCoordinates
from engine.space import Space
from store.errors import RequestError
from store.records import Run, RunState

_VALUE = "validation error"


def optimization(desk: Desk) -> Made:
    runs = _searched(desk)
    complete, pruned = _of_state(runs, RunState.COMPLETE), _of_state(runs, RunState.PRUNED)
    best: list[float] = []
    for run in complete:
        best.append(min(_value(run), best[-1]) if best else _value(run))
    lines = [
        Line(name="complete", x=_numbers(complete), y=[_value(run) for run in complete], colour=0, look="points"),
        Line(name="pruned", x=_numbers(pruned), y=[_value(run) for run in pruned], colour=4, look="crosses"),
        Line(name="best so far", x=_numbers(complete), y=best, colour=2, look="steps"),
    ]
    lines = [line for line in lines if line.x]
    panel = Panel(
        y_label=f"{_name_of_value(runs)} (validation)",
        x_label="run",
        lines=lines,
        log_y=is_wide([value for line in lines for value in line.y]),
    )
    experiment = desk.cast.scope.searches[0]
    failed = sum(run.state is RunState.FAILED for run in runs)
    counts = f"{len(complete)} complete, {len(pruned)} pruned at the error they had then, {failed} failed"
    return Made(
        drawing=Lines(panels=[panel]),
        caption=f"The search {experiment}: each run's error and the best of the complete ones so far; {counts}.",
        runs=tuple(run.name for run in (*complete, *pruned)),
    )


def importance(desk: Desk) -> Made:
    experiment = _search_of(desk)
    try:
        shares = search.importance(desk.cast.database, experiment)
    except RequestError as error:
        raise Lacks(str(error), _more(experiment, desk)) from error
    return Made(
        drawing=Bars(
            names=list(shares),
            values=list(shares.values()),
            names_label="setting",
            values_label="importance (PED-ANOVA, parts of 1)",
            is_horizontal=True,
        ),
        caption=f"What mattered in the search {experiment}: PED-ANOVA (Watanabe et al. 2023) over its complete runs.",
        runs=tuple(run.name for run in _of_state(desk.cast.searched, RunState.COMPLETE)),
    )


def parallel(desk: Desk) -> Made:
    experiment = _search_of(desk)
    found = search.find(desk.cast.database, experiment)
    assert found is not None
    parameters = Space.from_json(found[0].space).parameters
    complete = _of_state(_searched(desk), RunState.COMPLETE)
    axes = [
        Axis(name=each.name, choices=tuple(map(str, each.choices)), is_log=each.log)
        for each in parameters
        if any(each.applies(run.params) for run in complete)
    ]
    courses = [
        Course(
            run=str(run.name),
            settings={each.name: run.params[each.name] for each in parameters if each.applies(run.params)},
            value=_value(run),
        )
        for run in complete
    ]
    return Made(
        drawing=ParallelCoordinates(axes=axes, courses=courses, value_name=_VALUE),
        caption=f"The {len(complete)} complete runs of the search {experiment}: a line each, through its settings.",
        runs=tuple(run.name for run in complete),
    )


def over_latent_dim(desk: Desk) -> Made:
    runs = [run for run in desk.cast.searched if run.state is RunState.COMPLETE] or list(desk.cast.of_kind("cae"))
    runs = [run for run in runs if "latent_dim" in run.params and math.isfinite(_value(run))]
    best: dict[int, Run] = {}
    for run in sorted(runs, key=_value):
        best.setdefault(int(run.params["latent_dim"]), run)
    if len(best) < 2:
        raise Lacks("there are no complete runs of two latent dimensions", desk.train("cae", latent_dim=3))
    dimensions = sorted(best)
    lines = [
        Line(
            name="one run",
            x=[float(run.params["latent_dim"]) for run in runs],
            y=[_value(run) for run in runs],
            look="points",
        ),
        Line(name="best", x=list(map(float, dimensions)), y=[_value(best[each]) for each in dimensions], colour=2),
    ]
    panel = Panel(
        y_label=f"{MSE} (validation)",
        x_label="dimension of the latent space",
        lines=lines,
        log_y=is_wide([value for line in lines for value in line.y]),
    )
    return Made(
        drawing=Lines(panels=[panel]),
        caption=f"Reconstruction error over the dimension of the latent space, {len(runs)} complete runs.",
        runs=tuple(run.name for run in runs),
    )


def rate_distortion(desk: Desk) -> Made:
    runs = [run for run in desk.cast.of_kind("vae") if {"kl", "mse"} <= run.test.keys()]
    by_dimension: dict[int, list[Run]] = {}
    for run in runs:
        by_dimension.setdefault(int(run.params["latent_dim"]), []).append(run)
    several = {
        dimension: sorted(group, key=lambda run: float(run.params["beta"]))
        for dimension, group in sorted(by_dimension.items())
        if len({run.params["beta"] for run in group}) > 1
    }
    if not several:
        beta = 4 * float(runs[0].params["beta"]) if runs else 0.001
        dimension = runs[0].params["latent_dim"] if runs else 6
        raise Lacks(
            "there are no variational runs of one dimension and two values of beta",
            desk.train("vae", latent_dim=dimension, beta=f"{beta:g}"),
        )
    lines = [
        Line(
            name=f"{dimension} dimensions",
            x=[run.test["kl"] for run in group],
            y=[run.test["mse"] for run in group],
            colour=colour,
            notes=[f"{float(run.params['beta']):g}" for run in group],
        )
        for colour, (dimension, group) in enumerate(several.items())
    ]
    panel = Panel(
        y_label=f"distortion: {MSE} (test)",
        x_label="rate: KL divergence (nats per test image)",
        lines=lines,
        is_x_whole=False,
    )
    drawn = [run for group in several.values() for run in group]
    return Made(
        drawing=Lines(panels=[panel]),
        caption="Rate and distortion of variational models; beside each point its beta.",
        runs=tuple(run.name for run in drawn),
    )


def _search_of(desk: Desk) -> str:
    if not desk.cast.scope.searches:
        raise Lacks("there is no search", "aetui search")
    return desk.cast.scope.searches[0]


def _searched(desk: Desk) -> list[Run]:
    experiment = _search_of(desk)
    runs = desk.cast.searched
    if not _of_state(runs, RunState.COMPLETE):
        raise Lacks(f"no run of the search {experiment} is complete", _more(experiment, desk))
    return runs


def _more(experiment: str, desk: Desk) -> str:
    kinds = [run.kind for run in desk.cast.searched]
    return shlex.join(["aetui", "search", *kinds[:1], "--name", experiment])


def _of_state(runs: Sequence[Run], state: RunState) -> list[Run]:
    found = [run for run in runs if run.state is state and math.isfinite(_value(run))]
    return sorted(found, key=lambda run: run.name.number)


def _value(run: Run) -> float:
    value = run.last_value if run.value is None else run.value
    return math.nan if value is None else value


def _numbers(runs: Sequence[Run]) -> list[float]:
    return [float(run.name.number) for run in runs]


def _name_of_value(runs: Sequence[Run]) -> str:
    return "error rate" if runs[0].kind == "classifier" else MSE
