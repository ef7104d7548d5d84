"""Validation losses and test figures."""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from engine.data.images import Images
from engine.models.base import Autoencoder
from engine.models.denoising import add_noise

_NOISE_SEED = 19770101
"""Of the noise in evaluation: the same noise in every epoch and every run."""
_PIXELS_A_BATCH = 1 << 19
_PSNR_CEILING_DB = 100.0


def fixed_generator(device: torch.device) -> torch.Generator:
    """A generator of the evaluation's own, so that looking at the model does not change its training."""
    return torch.Generator(device).manual_seed(_NOISE_SEED)


def batches(images: Images) -> Iterator[Tensor]:
    """All of ``images`` in order, as float32 [B, C, H, W] in [0, 1]; as many at a time as caches like."""
    channels, height, width = images.shape
    size = max(1, min(1000, _PIXELS_A_BATCH // (channels * height * width)))
    for start in range(0, len(images), size):
        yield images.batch(slice(start, start + size))


@torch.inference_mode()
def mean_losses(model: Autoencoder, images: Images, epoch: float) -> dict[str, float]:
    """The model's named losses, means over ``images``; a denoising model sees the same noise every time."""
    model.eval()
    generator = fixed_generator(images.pixels.device)
    sums: dict[str, Tensor] = {}
    for targets in batches(images):
        losses = model.losses(model.corrupt(targets, generator), targets, epoch)
        for name, value in losses.named().items():
            sums[name] = sums.get(name, torch.zeros_like(value)) + value * len(targets)
    return {name: value.item() / len(images) for name, value in sums.items()}


@torch.inference_mode()
def encode(model: Autoencoder, images: Images) -> Tensor:
    """Codes [N, latent_dim] of clean ``images``."""
    model.eval()
    return torch.cat([model.encode(batch) for batch in batches(images)])


@torch.inference_mode()
def figures(model: Autoencoder, images: Images, noise_factors: Sequence[float] = ()) -> dict[str, float]:
    """Reconstruction of clean ``images``, and the error from inputs with Gaussian noise, as means over images.

    Returns:
        ``mse`` a pixel; ``psnr`` in dB, at most 100; ``ssim``; ``kl`` (nats an image) of a variational model; and
        ``mse@gaussian:FACTOR`` against the clean image.
    """
    model.eval()
    generator = fixed_generator(images.pixels.device)
    sums: dict[str, Tensor] = {}

    def add(name: str, values: Tensor) -> None:
        sums[name] = sums.get(name, 0) + values.double().sum()

    for targets in batches(images):
        reconstructions = model(targets)
        errors = squared_error(reconstructions, targets)
        add("mse", errors)
        add("psnr", psnr(errors))
        add("ssim", ssim(reconstructions, targets))
        if (kl := model.losses(targets, targets, 0).kl) is not None:
            add("kl", kl.expand(len(targets)))
        for factor in noise_factors:
            noisy = add_noise(targets, factor, generator)
            add(f"mse@gaussian:{factor:g}", squared_error(model(noisy), targets))
    return {name: total.item() / len(images) for name, total in sums.items()}


def squared_error(images: Tensor, references: Tensor) -> Tensor:
    """Mean over pixels and channels: [B, C, H, W] twice -> [B]."""
    return (images - references).square().mean(dim=(1, 2, 3))


def psnr(errors: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in dB of squared ``errors`` in [0, 1] images, at most 100 (a perfect copy)."""
    return (-10 * errors.log10()).clamp(max=_PSNR_CEILING_DB)


def ssim(images: Tensor, references: Tensor) -> Tensor:
    """Structural similarity of [0, 1] images, mean over windows and channels: [B, C, H, W] twice -> [B].

    Wang et al. 2004: Gaussian window of 11 x 11 with deviation 1.5, K1 = 0.01, K2 = 0.03, only windows that lie within
    the image. A side below 11 pixels takes the largest odd window that fits.
    """
    height, width = images.shape[2:]
    down, across = _windows(height, images), _windows(width, images)

    def blur(values: Tensor) -> Tensor:  # [B, C, H, W] -> [B, C, H - 10, W - 10]
        return down @ values @ across.T

    mean_x, mean_y = blur(images), blur(references)
    variance_x = blur(images * images) - mean_x * mean_x
    variance_y = blur(references * references) - mean_y * mean_y
    covariance = blur(images * references) - mean_x * mean_y
    c1, c2 = 0.01**2, 0.03**2
    similarity = ((2 * mean_x * mean_y + c1) * (2 * covariance + c2)) / (
        (mean_x.square() + mean_y.square() + c1) * (variance_x + variance_y + c2)
    )
    return similarity.mean(dim=(1, 2, 3))


def _windows(side: int, like: Tensor) -> Tensor:
    """The Gaussian window at each of its places along a side: [places, side]."""
    size = min(11, side - 1 + side % 2)
    offsets = torch.arange(size, dtype=torch.float64) - size // 2
    window = (-0.5 * (offsets / 1.5).square()).exp()
    window = (window / window.sum()).to(like)
    matrix = like.new_zeros(side - size + 1, side)
    for place in range(side - size + 1):
        matrix[place, place : place + size] = window
    return matrix
