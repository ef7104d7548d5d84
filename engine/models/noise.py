"""Noise on images, and the generator that evaluation draws it from."""

from typing import assert_never

import torch
from torch import Tensor

from engine.noise import Noise

_SEED = 19770101
"""Of the noise in evaluation: the same noise in every epoch and every run."""


def fixed_generator(device: torch.device, draw: int = 0) -> torch.Generator:
    """A generator of the evaluation's own, so that looking at the model does not change its training.

    Each ``draw`` (0, 1, ...) gives other numbers, always the same ones.
    """
    return torch.Generator(device).manual_seed(_SEED + draw)


def add_gaussian(images: Tensor, factor: Tensor | float, generator: torch.Generator | None = None) -> Tensor:
    """``images`` [B, C, H, W] + ``factor`` x standard normal noise, not clipped."""
    return images + factor * torch.empty_like(images).normal_(generator=generator)


def add_noise(images: Tensor, noise: Noise, generator: torch.Generator | None = None) -> Tensor:
    """``images`` [B, C, H, W] in [0, 1] under ``noise``, not clipped; a pixel's channels are hit together."""
    match noise.kind:
        case "gaussian":
            return add_gaussian(images, noise.factor, generator)
        case "speckle":
            return images + images * noise.factor * torch.empty_like(images).normal_(generator=generator)
        case "masking":
            return images.where(_draw_pixels(images, generator) >= noise.factor, 0.0)
        case "saltpepper":
            places = _draw_pixels(images, generator)
            black, hit = places < noise.factor / 2, places < noise.factor
            return images.where(~hit, torch.where(black, 0.0, 1.0))
        case _:
            assert_never(noise.kind)


def _draw_pixels(images: Tensor, generator: torch.Generator | None) -> Tensor:
    """One number in [0, 1) a pixel: [B, C, H, W] -> [B, 1, H, W]."""
    return torch.rand((len(images), 1, *images.shape[2:]), generator=generator, device=images.device)
