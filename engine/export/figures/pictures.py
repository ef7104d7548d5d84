"""Figures of images: originals, what is made of them, and what is decoded of places that no image has."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from engine import catalog
from engine.export.figures.desk import Desk, told, whose
from engine.export.figures.made import Lacks, Made
from engine.figures.picture_table import Pictures, PictureTable
from engine.noise import Noise
from engine.spec import DenoisingSpec
from store import listing
from store.records import Run

if TYPE_CHECKING:  # torch
    from engine.export.figures.sights import Sights

_TIMES = (1, 2, 3, 4, 5)
_SALT_AND_PEPPER = Noise(kind="saltpepper", factor=0.1)
_GRID_NAMED_EVERY = 5


def reconstructions(desk: Desk) -> Made:
    return _reconstructions(desk, desk.need(desk.cast.autoencoder or desk.cast.denoising, "cae"))


def vae_reconstructions(desk: Desk) -> Made:
    return _reconstructions(desk, desk.need(desk.cast.variational, "vae"))


def _reconstructions(desk: Desk, run: Run) -> Made:
    sights = desk.sights(run)
    found = sights.reconstructions
    return Made(
        drawing=PictureTable(
            pictures=_rows(found["originals"], found["reconstructions"]),
            row_names=("original", "reconstruction"),
            column_names=_classes(sights, found["labels"].tolist()),
            facts={
                "run": str(run.name),
                "test_indices": found["indices"].tolist(),
                "mse": found["errors"].astype(float).tolist(),
            },
        ),
        caption=f"Test images over their reconstructions. {whose(run)} {told(run.test, 'mse')}",
        runs=(run.name,),
    )


def samples(desk: Desk) -> Made:
    run = desk.need(desk.cast.imaging, "cae")
    sights = desk.sights(run)
    found = sights.classes
    if not found:
        raise Lacks(f"the images of {run.dataset} have no labels, so there are no classes to mix", desk.train("cae"))
    names = _classes(sights, found["labels"].tolist())[: len(found["mixtures"])]
    return Made(
        drawing=PictureTable(
            pictures=found["mixtures"],
            row_names=names,
            column_names=names,
            facts={"run": str(run.name), "diagonal": "class means", "elsewhere": "halfway between two class means"},
        ),
        caption=(
            "Images decoded from the mean code of each class (diagonal) and from the middle between the mean codes of "
            f"two classes (elsewhere). {whose(run)}"
        ),
        runs=(run.name,),
    )


def noise(desk: Desk) -> Made:
    run = desk.need(desk.cast.denoising, "dae")
    sights = desk.sights(run)
    noises = [*(_gaussian(desk, run, times) for times in _TIMES), _SALT_AND_PEPPER]
    found = sights.noisy(*noises)
    return Made(
        drawing=PictureTable(
            pictures=_rows(found["originals"], *found["inputs"]),
            row_names=("clean", *(f"{times}x: {noises[times - 1].factor:g}" for times in _TIMES), "salt, pepper"),
            column_names=_classes(sights, found["labels"].tolist()),
            facts={"noises": ["none", *found["noises"].tolist()], "test_indices": found["indices"].tolist()},
        ),
        caption=(
            "Test images with Gaussian noise of rising standard deviation, and with "
            f"{_SALT_AND_PEPPER.factor:.0%} of the pixels black or white; cut off at black and white for the picture."
        ),
        runs=(run.name,),
    )


def denoising(times: int | None) -> Callable[[Desk], Made]:
    """At so many times the noise that training had; None: salt and pepper."""

    def build(desk: Desk) -> Made:
        run = desk.need(desk.cast.denoising, "dae")
        sights = desk.sights(run)
        added = _SALT_AND_PEPPER if times is None else _gaussian(desk, run, times)
        found = sights.noisy(added)
        measured = told(run.test, f"mse@{added}")
        return Made(
            drawing=PictureTable(
                pictures=_rows(found["originals"], found["inputs"][0], found["reconstructions"][0]),
                row_names=("clean", "noisy", "denoised"),
                column_names=_classes(sights, found["labels"].tolist()),
                facts={"run": str(run.name), "noise": str(added), "test_indices": found["indices"].tolist()},
            ),
            caption=(
                f"Test images, the same under {added} noise, and what the model makes of those. {whose(run)} {measured}"
            ).strip(),
            runs=(run.name,),
        )

    return build


def latent_grid(desk: Desk) -> Made:
    run = desk.need(desk.cast.latent, "vae", latent_dim=2)
    return _grid(desk, run)


def latent_grid_pca(desk: Desk) -> Made:
    return _grid(desk, several_dimensions(desk))


def several_dimensions(desk: Desk) -> Run:
    """A run beside the two-dimensional one whose latent space has more; raises Lacks: there is none."""
    found = (run for run in (desk.cast.variational, desk.cast.autoencoder) if run is not None)
    return desk.need(next((run for run in found if int(run.params["latent_dim"]) > 2), None), "vae", latent_dim=6)


def _grid(desk: Desk, run: Run) -> Made:
    found = desk.sights(run).survey
    points, is_plane = found["grid_points"], found["codes"].shape[1] == 2
    across, down = points[0, :, 0], points[:, 0, 1]
    how = "directly" if is_plane else "through the inverse of the PCA"
    return Made(
        drawing=PictureTable(
            pictures=found["grid_images"],
            row_names=_sparse(down.tolist()),
            column_names=_sparse(across.tolist()),
            row_label="z2" if is_plane else "second principal component",
            column_label="z1" if is_plane else "first principal component",
            facts={"run": str(run.name), "codes": found["grid_codes"].tolist()},
        ),
        caption=(
            f"Images decoded from a regular grid over the middle 98 % of the codes of the test images, {how}. "
            f"{whose(run)}"
        ),
        runs=(run.name,),
    )


def interpolations(desk: Desk) -> Made:
    run = desk.need(desk.cast.imaging, "cae")
    pictures, pairs = desk.sights(run).between
    steps = pictures.shape[1]
    parts = [f"{step / (steps - 1):.3g}" for step in range(steps)]
    return Made(
        drawing=PictureTable(
            pictures=pictures,
            row_names=[f"{start} to {end}" for start, end in pairs],
            column_names=parts,
            facts={"run": str(run.name)},
        ),
        caption=f"Images decoded along the straight line between the codes of two test images each. {whose(run)}",
        runs=(run.name,),
    )


def prior_samples(desk: Desk) -> Made:
    run = desk.need(desk.cast.variational or desk.cast.imaging, "vae")
    drawn = desk.sights(run).samples
    columns = 12
    rows = len(drawn) // columns
    whence = "the prior" if run.kind == "vae" else "a Gaussian with the mean and covariance of the test images' codes"
    return Made(
        drawing=PictureTable(
            pictures=drawn[: rows * columns].reshape(rows, columns, *drawn.shape[1:]), facts={"run": str(run.name)}
        ),
        caption=f"Images decoded from codes drawn from {whence}. {whose(run)}",
        runs=(run.name,),
    )


def _gaussian(desk: Desk, run: Run, times: int) -> Noise:
    """1x is the noise of training; where that covers a range, its end is 5x."""
    model = catalog.read_spec(listing.frozen(desk.cast.database, run.name).spec).model
    assert isinstance(model, DenoisingSpec)
    low, high = model.noise_range
    once = high if low == high else high / _TIMES[-1]
    return Noise(kind="gaussian", factor=round(times * once, 6))


def _rows(*images: Pictures) -> Pictures:
    return np.stack(images)


def _classes(sights: "Sights", labels: list[int]) -> list[str]:
    return [sights.class_names[label] if label >= 0 else "" for label in labels]


def _sparse(places: list[float]) -> list[str]:
    return [f"{place:.2g}" if at % _GRID_NAMED_EVERY == 0 else "" for at, place in enumerate(places)]
