"""Figures of the latent space."""

from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.analysis.projections import Pca
from engine.arrays_file import UnreadableArrays
from engine.export.figures.desk import Desk, again, whose
from engine.export.figures.made import Lacks, Made
from engine.export.figures.pictures import several_dimensions
from engine.figures.film import Film
from engine.figures.scatter import Cloud, Scatter
from engine.kept_codes import read_codes
from store.errors import RequestError
from store.records import Run

_MOST_FRAMES, _MOST_POINTS = 24, 500


def latent(desk: Desk) -> Made:
    return _scatter(desk, desk.need(desk.cast.latent, "vae", latent_dim=2))


def latent_pca_tsne(desk: Desk) -> Made:
    return _scatter(desk, several_dimensions(desk))


def _scatter(desk: Desk, run: Run) -> Made:
    sights = desk.sights(run)
    codes, labels = sights.survey["codes"].astype(np.float64), sights.survey["labels"]
    if codes.shape[1] == 2:
        clouds = [Cloud(title="latent space", points=codes, x_label="z1", y_label="z2")]
        how = "The codes of the test images as they are, coloured by class."
    else:
        taken, embedded = sights.embedded
        codes, labels = codes[taken], labels[taken]
        pca = Pca.fit(codes)
        first, second = (f"component {number} ({100 * part:.0f} %)" for number, part in enumerate(pca.explained, 1))
        clouds = [
            Cloud(title="PCA", points=pca.project(codes), x_label=first, y_label=second),
            Cloud(title="t-SNE", points=embedded, x_label="axis 1", y_label="axis 2"),
        ]
        how = "The codes of the test images by PCA (in brackets the part of the variance) and by t-SNE, by class."
    return Made(
        drawing=Scatter(clouds=clouds, labels=labels, class_names=sights.class_names),
        caption=f"{how} {len(codes)} images, {run.params['latent_dim']} dimensions. {whose(run)}",
        runs=(run.name,),
    )


def epochs(desk: Desk) -> Made:
    from engine.export.figures.sights import some  # torch

    run = desk.need(desk.cast.latent, "vae", latent_dim=2)
    paths = desk.cast.database.root.run(run.name)
    kept = paths.latent_epochs()
    if len(kept) < 2:
        raise Lacks(f"{run.name} kept the codes of fewer than two epochs", again(run))
    shown = [kept[place] for place in np.unique(np.linspace(0, len(kept) - 1, _MOST_FRAMES).round().astype(int))]
    frames: list[npt.NDArray[np.float64]] = []
    for epoch in shown:
        codes, labels = _kept(paths.latents_of(epoch))
        if frames and codes.shape[1] != frames[-1].shape[1]:
            raise Lacks(f"{run.name} kept codes of different sizes", again(run))
        taken = some(labels, _MOST_POINTS)
        frames.append(codes[taken])
    x_label, y_label = "z1", "z2"
    if frames[-1].shape[1] != 2:
        pca = Pca.fit(frames[-1])
        frames = [pca.project(frame) for frame in frames]
        x_label, y_label = "component 1 of the last epoch", "component 2"
    return Made(
        drawing=Film(
            epochs=shown,
            frames=frames,
            labels=labels[taken],
            class_names=desk.sights(run).class_names,
            x_label=x_label,
            y_label=y_label,
        ),
        caption=f"The codes of {len(taken)} validation images epoch by epoch. {whose(run)}",
        runs=(run.name,),
    )


def _kept(path: Path) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]:
    """Codes [N, D] and labels [N] of an epoch; raises RequestError: they cannot be read."""
    try:
        found = read_codes(path)
    except UnreadableArrays as error:
        raise RequestError(str(error)) from error
    return found.codes.astype(np.float64), found.labels.astype(np.int64)
