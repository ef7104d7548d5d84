"""How far an image is from the one it should be: squared error, PSNR, SSIM."""

import torch
from torch import Tensor

_PSNR_CEILING_DB = 100.0


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
