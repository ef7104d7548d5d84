"""Figures of how training went, epoch by epoch."""

import math
import statistics
from collections.abc import Sequence
from typing import Any

from engine.export.figures.desk import Desk, numbers, told, whose
from engine.export.figures.made import Lacks, Made
from engine.figures.lines import Line, Lines, Panel
from store.json_file import read_object
from store.records import Run

MSE = "MSE per pixel"
_TRAINING, _VALIDATION = 0, 2
"""Colours, as the loss pane has them."""
_WIDE = 4.0
"""Errors that differ by such a factor want a logarithmic axis."""


def training(desk: Desk) -> Made:
    return _history(desk, desk.need(desk.cast.autoencoder, "cae"))


def denoising(desk: Desk) -> Made:
    return _history(desk, desk.need(desk.cast.denoising, "dae"), "Noisy input, clean target.")


def _history(desk: Desk, run: Run, more: str = "") -> Made:
    lines = desk.epochs(run)
    return Made(
        drawing=Lines(panels=[_both(lines, "mse", MSE, best=_best_epoch(desk, run))]),
        caption=_sentences("Training and validation error by epoch.", more, whose(run), told(run.test, "mse")),
        runs=(run.name,),
    )


def variational(desk: Desk) -> Made:
    run = desk.need(desk.cast.variational, "vae")
    lines = desk.epochs(run)
    panels = [
        _both(lines, "mse", MSE, best=_best_epoch(desk, run)),
        _both(lines, "kl", "KL (nats per image)"),
    ]
    what = f"Reconstruction and KL apart; the loss is their sum, the KL weighted with beta = {run.params['beta']:g}."
    return Made(
        drawing=Lines(panels=panels),
        caption=_sentences(what, whose(run), told(run.test, "mse", "kl")),
        runs=(run.name,),
    )


def crossval(desk: Desk) -> Made:
    found = desk.cast.validated
    if found is None:
        origins = [run for run in desk.cast.complete if run.kind == "cae"]
        experiment = origins[0].name.experiment if origins else "EXPERIMENT"
        raise Lacks("no configuration was cross-validated", f"aetui crossval {experiment}")
    folds = [numbers(desk.epochs(run), "val_mse") for run in found.folds]
    common = min(len(x) for x, _ in folds)
    mean = [statistics.fmean(y[at] for _, y in folds) for at in range(common)]
    lines = [Line(name="one fold", x=x, y=y, colour=0, look="faint") for x, y in folds]
    lines.append(Line(name=f"mean of {len(folds)} folds", x=folds[0][0][:common], y=mean, colour=0))
    runs = list(found.folds)
    sentences = [f"Validation error by epoch with {len(folds)}-fold cross-validation and with one hold-out."]
    if found.holdout is not None:
        x, y = numbers(desk.epochs(found.holdout), "val_mse")
        lines.append(Line(name="hold-out", x=x, y=y, colour=2, look="dashed"))
        runs.append(found.holdout)
        of_folds = [run.value for run in found.folds if run.value is not None]
        if found.holdout.value is not None and of_folds:
            apart = found.holdout.value / statistics.fmean(of_folds) - 1
            sentences.append(f"Lowest errors: {100 * abs(apart):.2f} % apart.")
    values = [value for line in lines for value in line.y]
    panel = Panel(y_label=f"{MSE} (validation)", lines=lines, log_y=is_wide(values))
    sentences.append(f"The configuration is that of {found.origin}.")
    return Made(drawing=Lines(panels=[panel]), caption=" ".join(sentences), runs=tuple(run.name for run in runs))


def classifiers(desk: Desk) -> Made:
    found = desk.cast.classifiers
    if not found:
        desk.need(None, "classifier")
    losses, accuracies = [], []
    for colour, (name, run) in enumerate(found):
        epochs = desk.epochs(run)
        losses.append(Line(name=f"{name}, training", **_xy(epochs, "train_loss"), colour=colour, look="faint"))
        losses.append(Line(name=f"{name}, validation", **_xy(epochs, "val_loss"), colour=colour))
        x, errors = numbers(epochs, "val_error")
        accuracies.append(Line(name=name, x=x, y=[100 * (1 - error) for error in errors], colour=colour))
    runs = [run for _, run in found]
    scores = [
        f"{name}: {100 * run.test['accuracy']:.2f} % test accuracy after {run.duration_s:.0f} s"
        for name, run in found
        if "accuracy" in run.test
    ]
    return Made(
        drawing=Lines(
            panels=[
                Panel(y_label="cross-entropy (nats per image)", lines=losses),
                Panel(y_label="validation accuracy (%)", lines=accuracies),
            ]
        ),
        caption=_sentences(
            "Classifiers on the encoder's layers: loss and accuracy by epoch.", "; ".join(scores), *map(whose, runs)
        ),
        runs=tuple(run.name for run in runs),
    )


def is_wide(values: Sequence[float]) -> bool:
    known = [value for value in values if math.isfinite(value)]
    return bool(known) and min(known) > 0 and max(known) > _WIDE * min(known)


def _both(lines: list[dict[str, Any]], key: str, y_label: str, best: int | None = None) -> Panel:
    drawn = [
        Line(name="training", **_xy(lines, f"train_{key}"), colour=_TRAINING),
        Line(name="validation", **_xy(lines, f"val_{key}"), colour=_VALIDATION),
    ]
    return Panel(
        y_label=y_label,
        lines=[line for line in drawn if line.x],
        log_y=is_wide([value for line in drawn for value in line.y]),
        marked_x=None if best is None else (best, f"best epoch ({best})"),
    )


def _xy(lines: list[dict[str, Any]], key: str) -> dict[str, Any]:
    x, y = numbers(lines, key)
    return {"x": x, "y": y}


def _best_epoch(desk: Desk, run: Run) -> int | None:
    found = read_object(desk.cast.database.root.run(run.name).results).get("best_epoch")
    return found if isinstance(found, int) else None


def _sentences(*parts: str) -> str:
    return " ".join(part if part.endswith(".") else f"{part[:1].upper()}{part[1:]}." for part in parts if part)
