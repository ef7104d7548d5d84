"""Codes of images and what a decoder makes of places among them: the arrays of ``engine.analysis.latent``."""

import itertools
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch

from engine.analysis.projections import Array, Pca
from engine.analysis.tsne import tsne
from engine.data.images import Images
from engine.data.splitting import stratified_order
from engine.models.base import Autoencoder, Model
from engine.models.noise import fixed_generator
from engine.models.variational import VariationalAutoencoder
from engine.training.evaluate import encode
from store.errors import RequestError

Method = Literal["pca", "tsne", "raw"]
Arrays = dict[str, npt.NDArray[Any]]

_GRID_SIDE = 16
_INTERPOLATION_STEPS = 10
_MIXTURE_WEIGHTS = (0.25, 0.5, 0.75)
_NUM_SAMPLES = 64
_DECODED_AT_ONCE = 500


def survey(
    model: Model, images: Images, method: Method, limit: int | None = None, between: Sequence[int] | None = None
) -> Arrays:
    """The arrays described at ``engine.analysis.latent``, of ``limit`` of ``images`` at most (stratified).

    Raises:
        RequestError: ``between`` names an image that there is not, or the model has no decoder for it.
    """
    order = stratified_order(images.labels.cpu())[:limit].sort().values
    taken = images.take(order.to(images.pixels.device))
    codes = encode(model, taken).float().cpu().numpy()
    labels = taken.labels.cpu().numpy()
    pca = Pca.fit(codes)
    arrays: Arrays = {
        "codes": codes,
        "labels": labels,
        "indices": order.numpy(),
        "points": _project(codes, pca, method).astype(np.float32),
        "pca_mean": pca.mean,
        "pca_components": pca.components,
        "pca_explained": pca.explained,
    }
    if isinstance(model, Autoencoder):
        arrays |= _grid(model, codes, pca)
        arrays |= _class_means(model, codes, labels)
        arrays |= _interpolation(model, images, _two_images(images, between))
    elif between is not None:
        raise RequestError("There is nothing between two images for a model that makes no images.")
    if isinstance(model, VariationalAutoencoder):
        arrays |= _samples(model)
    return arrays


def _project(codes: npt.NDArray[np.float32], pca: Pca, method: Method) -> Array:
    if method == "raw":
        return codes.astype(np.float64)
    return tsne(codes) if method == "tsne" else pca.project(codes)


def _grid(model: Autoencoder, codes: npt.NDArray[np.float32], pca: Pca) -> Arrays:
    is_plane = codes.shape[1] == 2
    cloud = codes.astype(np.float64) if is_plane else pca.project(codes)
    low, high = np.quantile(cloud, (0.01, 0.99), axis=0)
    across, down = np.linspace(low[0], high[0], _GRID_SIDE), np.linspace(high[1], low[1], _GRID_SIDE)
    points = np.stack(np.meshgrid(across, down), axis=2)  # [G, G, 2]; rows go down, as those of a picture do
    grid_codes = points if is_plane else pca.inverse(points)
    return {"grid_points": points, "grid_codes": grid_codes, "grid_images": decode(model, grid_codes)}


def _class_means(model: Autoencoder, codes: npt.NDArray[np.float32], labels: npt.NDArray[np.int64]) -> Arrays:
    classes = np.unique(labels[labels >= 0])
    if not len(classes):
        return {}
    means = np.stack([codes[labels == label].mean(axis=0) for label in classes])
    found = {"class_labels": classes, "class_means": means, "class_images": decode(model, means)}
    if len(classes) < 2:
        return found
    pairs = np.array(list(itertools.combinations(range(len(classes)), 2)))
    weights = np.array(_MIXTURE_WEIGHTS)
    part = weights[None, :, None]
    mixtures = part * means[pairs[:, 0], None] + (1 - part) * means[pairs[:, 1], None]  # [P, W, D]
    mixed = {"mixture_labels": classes[pairs], "mixture_weights": weights, "mixture_images": decode(model, mixtures)}
    return found | mixed


def _two_images(images: Images, between: Sequence[int] | None) -> tuple[int, int]:
    if between is not None:
        first, second = between
        for index in between:
            if not 0 <= index < len(images):
                raise RequestError(f"There is no image {index}: this split has 0 to {len(images) - 1}.")
        return first, second
    others = (images.labels != images.labels[0]).nonzero().flatten()
    return 0, int(others[0]) if len(others) else len(images) - 1


def _interpolation(model: Autoencoder, images: Images, ends: tuple[int, int]) -> Arrays:
    positions = torch.tensor(ends, device=images.pixels.device)
    start, end = encode(model, images.take(positions)).double().cpu().numpy()
    line = np.linspace(start, end, _INTERPOLATION_STEPS)
    return {
        "interpolation_indices": np.array(ends),
        "interpolation_codes": line,
        "interpolation_images": decode(model, line),
    }


def _samples(model: VariationalAutoencoder) -> Arrays:
    generator = fixed_generator(torch.device("cpu"))
    codes = torch.randn((_NUM_SAMPLES, model.latent_dim), generator=generator).numpy()
    return {"sample_codes": codes, "sample_images": decode(model, codes)}


@torch.inference_mode()
def decode(model: Autoencoder, codes: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
    """Images of ``codes``: [..., D] -> uint8 [..., C, H, W]."""
    device = next(model.parameters()).device
    flat = torch.from_numpy(codes.reshape(-1, codes.shape[-1])).float().to(device)
    images = torch.cat([model.decode(part) for part in torch.split(flat, _DECODED_AT_ONCE)])
    pixels: npt.NDArray[np.uint8] = (images.clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return pixels.reshape(*codes.shape[:-1], *pixels.shape[1:])
