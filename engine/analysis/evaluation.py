"""The test figures of a trained model: clean, by class, under noise, and those that its kind alone has."""

import statistics
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from engine.analysis import variational
from engine.data.images import Images
from engine.models.base import Model, means_over
from engine.models.noise import add_noise, fixed_generator
from engine.models.variational import VariationalAutoencoder
from engine.noise import Noise
from engine.training.evaluate import details, measure
from store.errors import RequestError


def evaluate(
    model: Model, images: Images, *, noises: Sequence[Noise] = (), draws: int = 5, iwae: int = 0
) -> dict[str, Any]:
    """The test figures of ``model`` on ``images``, as JSON; the same again whenever it is asked.

    Args:
        draws: of each noise (and of a code, for the ELBO), with fixed seeds.
        iwae: samples of the importance-weighted bound of a variational model; 0: not asked for.

    Returns:
        What its kind measures (``mse``, ``psnr``, ``ssim``, or ``accuracy``, ``error``, ``confusion``); per class
        ``VALUE_by_class``; for each noise ``VALUE@KIND:FACTOR``, the mean over draws, and in ``spread`` the standard
        deviation over draws; for a variational model ``kl``, ``kl_by_unit``, ``active_units``, ``unit_std``, ``elbo``
        (unless beta is 0, which stands for no likelihood) and ``iwae``. VALUE is ``mse`` or ``error``.

    Raises:
        RequestError: ``iwae`` is asked of a model that has none.
    """
    is_likely = isinstance(model, VariationalAutoencoder) and model.beta > 0
    if iwae and not is_likely:
        raise RequestError("Only a variational model with beta > 0 has an importance-weighted likelihood.")
    images = model.judged(images)
    results = measure(model, images)
    found: dict[str, Any] = {**results.figures, **results.tables, **details(model, images)}
    spread = {}
    for noise in noises:
        values = [_under_noise(model, images, noise, draw) for draw in range(draws)]
        key = f"{model.value_name}@{noise}"
        found[key], spread[key] = statistics.fmean(values), statistics.stdev(values) if draws > 1 else 0.0
    if spread:
        found["spread"] = spread
    if isinstance(model, VariationalAutoencoder) and is_likely:
        found["elbo"] = variational.elbo(model, images, draws)
        if iwae:
            found["iwae"] = variational.iwae(model, images, iwae)
    return found


@torch.inference_mode()
def _under_noise(model: Model, images: Images, noise: Noise, draw: int) -> float:
    """The mean error over images that are shown under one draw of ``noise``."""
    generator = fixed_generator(images.pixels.device, draw)

    def errors(batch: Tensor, labels: Tensor) -> dict[str, Tensor]:
        return {"error": model.errors(add_noise(batch, noise, generator), batch, labels)}

    return means_over(images, errors)["error"]
