"""Pictures of what noise does: clean images, what a model is shown, and what it makes of that."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.data.images import Images, scale
from engine.models.base import Autoencoder
from engine.models.noise import add_noise, fixed_generator
from engine.noise import Noise
from engine.training.keeping import Sample

NUM_PICTURES = 10


@torch.inference_mode()
def under_noise(model: Autoencoder, images: Images, noises: Sequence[Noise]) -> dict[str, npt.NDArray[Any]]:
    """Of N of ``images``, one a class as far as they go, under each of K ``noises``.

    ``noises`` [K] names; ``originals`` uint8 [N, C, H, W]; ``inputs`` and ``reconstructions`` uint8 [K, N, C, H, W],
    the inputs cut off at black and white as a picture must be (the model sees them whole); ``labels`` int64 [N] and
    ``indices`` int64 [N], positions in ``images``.
    """
    sample = Sample.draw_strip(images, NUM_PICTURES)
    clean = scale(sample.images.pixels)
    inputs = [add_noise(clean, noise, fixed_generator(clean.device)) for noise in noises]
    return {
        "noises": np.array([str(noise) for noise in noises]),
        "originals": sample.images.pixels.cpu().numpy(),
        "inputs": _as_pictures(inputs),
        "reconstructions": _as_pictures([model(noisy) for noisy in inputs]),
        "labels": sample.images.labels.cpu().numpy(),
        "indices": sample.indices.numpy(),
    }


def _as_pictures(batches: Sequence[Tensor]) -> npt.NDArray[np.uint8]:
    pixels: npt.NDArray[np.uint8] = (torch.stack(list(batches)).clamp(0, 1) * 255).round().to(torch.uint8).cpu().numpy()
    return pixels
