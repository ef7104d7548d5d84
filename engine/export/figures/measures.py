"""Figures of what was measured of a finished model."""

import shlex

from engine.export.figures.desk import Desk, told, whose
from engine.export.figures.histories import MSE
from engine.export.figures.made import Lacks, Made
from engine.figures.bars import Bars
from engine.figures.confusion import Confusion
from engine.figures.lines import Line, Lines, Panel
from store.records import Run

_GAUSSIAN = "mse@gaussian:"
_MOST_CURVES = 4


def over_noise(desk: Desk) -> Made:
    denoising = list(desk.cast.of_kind("dae"))
    candidates = [*denoising, *desk.cast.of_kind("cae")]
    runs = [run for run in candidates if len(_noise_curve(run)[0]) > 1][:_MOST_CURVES]
    if not runs:
        about = desk.need(denoising[0] if denoising else None, "dae")
        command = shlex.join(["aetui", "evaluate", str(about.name), "--noise", "gaussian:0.1,0.2,0.3,0.4,0.5"])
        raise Lacks("no run was tested under more than one level of noise", command)
    lines = []
    for colour, run in enumerate(runs):
        x, y = _noise_curve(run)
        lines.append(Line(name=_trained(run), x=x, y=y, colour=colour))
    reference = _reference(desk)
    if reference is not None:
        lines.append(reference)
    panel = Panel(
        y_label=f"{MSE} (test)",
        x_label="standard deviation of the noise (pixels in [0, 1])",
        lines=lines,
        is_x_whole=False,
    )
    return Made(
        drawing=Lines(panels=[panel]),
        caption=(
            "Error of the reconstruction against the clean test images over the Gaussian noise on the input. "
            + " ".join(f"{_trained(run).capitalize()}: {run.name}." for run in runs)
        ),
        runs=tuple(run.name for run in runs),
    )


def _trained(run: Run) -> str:
    return f"trained on {run.params['noise']}" if "noise" in run.params else "trained without noise"


def _noise_curve(run: Run) -> tuple[list[float], list[float]]:
    prefix = _GAUSSIAN
    found = sorted((float(key.removeprefix(prefix)), run.test[key]) for key in run.test if key.startswith(prefix))
    return [factor for factor, _ in found], [mse for _, mse in found]


def _reference(desk: Desk) -> Line | None:
    """What the recipe compares with."""
    recipe = desk.cast.scope.recipe
    rows = [] if recipe is None else [row for row in recipe.rows if row.figure.startswith(_GAUSSIAN)]
    known = {float(row.figure.removeprefix(_GAUSSIAN)): row.reference for row in rows if row.reference is not None}
    return Line(name="reference", x=list(known), y=list(known.values()), colour=5, look="dashed") if known else None


def confusion(desk: Desk) -> Made:
    run = desk.need(desk.cast.best_classifier, "classifier")
    tables = desk.sights(run).tables
    return Made(
        drawing=Confusion(counts=tables["confusion"], class_names=tables["classes"]),
        caption=f"Test images by true and predicted class. {whose(run)} {told(run.test, 'accuracy')}",
        runs=(run.name,),
    )


def by_class(desk: Desk) -> Made:
    run = desk.cast.imaging or desk.cast.best_classifier
    run = desk.need(run, "cae")
    is_classifier = run.kind == "classifier"
    found = desk.sights(run).details.get("error_by_class" if is_classifier else "mse_by_class")
    if not found:
        raise Lacks(f"the images of {run.dataset} have no labels", desk.train("cae"))
    return Made(
        drawing=Bars(
            names=list(found),
            values=list(found.values()),
            names_label="class",
            values_label=f"{'error rate' if is_classifier else MSE} (test)",
            are_classes=True,
        ),
        caption=f"Error of the test images by class. {whose(run)}",
        runs=(run.name,),
    )


def kl_by_unit(desk: Desk) -> Made:
    run = desk.need(desk.cast.variational, "vae")
    figures = desk.sights(run).details
    values = list(figures["kl_by_unit"])
    active = int(figures["active_units"])
    return Made(
        drawing=Bars(
            names=[f"z{unit}" for unit in range(1, len(values) + 1)],
            values=values,
            names_label="unit of the code",
            values_label="KL (nats per test image)",
        ),
        caption=f"KL divergence by unit of the code; {active} of {len(values)} units are active. {whose(run)}",
        runs=(run.name,),
    )
