"""What the image pane shows of a run beyond what it kept: extremes, class means and their mixtures, samples."""

from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from engine.analysis.places import decode
from engine.data.images import Images
from engine.models.base import Autoencoder
from engine.models.noise import fixed_generator
from engine.models.variational import VariationalAutoencoder
from engine.training.evaluate import encode

Arrays = dict[str, npt.NDArray[Any]]

NUM_EXTREMES = 20
NUM_SAMPLES = 60
_MOST_MIXED = 10
"""Classes of which each two are mixed: a table of their squares."""


@torch.inference_mode()
def extremes(model: Autoencoder, images: Images) -> dict[str, npt.NDArray[np.int64]]:
    """Positions in ``images`` of the ``worst`` and ``best`` reconstructed, the furthest out first."""
    errors = torch.cat([model.errors(batch, batch, labels) for batch, labels in images.batches()])
    order = errors.nan_to_num(torch.inf).argsort(stable=True).cpu().numpy()
    return {"worst": order[::-1][:NUM_EXTREMES], "best": order[:NUM_EXTREMES]}


def class_means(model: Autoencoder, images: Images) -> Arrays:
    """``labels`` int [K] of the classes, ``means`` uint8 [K, C, H, W]: their mean codes decoded.

    ``mixtures`` uint8 [M, M, C, H, W]: halfway between the means of each two of the first M classes. Nothing of
    images without labels.
    """
    labels = images.labels.cpu().numpy()
    classes = np.unique(labels[labels >= 0])
    if not len(classes):
        return {}
    codes = encode(model, images).double().cpu().numpy()
    means = np.stack([codes[labels == label].mean(axis=0) for label in classes])
    mixed = means[:_MOST_MIXED]
    return {
        "labels": classes,
        "means": decode(model, means),
        "mixtures": decode(model, (mixed[:, None] + mixed[None, :]) / 2),
    }


def samples(model: Autoencoder, images: Images) -> npt.NDArray[np.uint8]:
    """uint8 [N, C, H, W], decoded codes drawn from the prior, if there is one; else from a Gaussian like the codes'."""
    drawn = torch.randn((NUM_SAMPLES, model.latent_dim), generator=fixed_generator(torch.device("cpu"))).numpy()
    if not isinstance(model, VariationalAutoencoder):
        codes = encode(model, images).double().cpu().numpy()
        variances, directions = np.linalg.eigh(np.atleast_2d(np.cov(codes, rowvar=False)))
        drawn = codes.mean(axis=0) + drawn * np.sqrt(variances.clip(0)) @ directions.T
    return decode(model, drawn)
