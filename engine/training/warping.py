"""Training images warped anew for every batch, so that a model can't learn them by heart."""

import math

import torch
from torch import Tensor
from torch.nn import functional

_TURN = math.radians(6)
_STRETCH = 0.05
_SHEAR = 0.1
_SHIFT = 0.035
"""Of half an image's side: half a pixel of 28."""


def warp(images: Tensor, strength: float) -> Tensor:
    """Each of ``images`` [B, C, H, W] in [0, 1] turned, stretched, sheared and shifted a little, differently.

    Evenly distributed, up to ``strength`` times 6 degrees, 5 %, 0.1 and 1.75 % of a side; what comes in from outside
    is 0. The draws come from torch's default generator.
    """
    draws = (2 * torch.rand((6, len(images)), device=images.device) - 1) * strength
    turn, across, down, shear, right, below = draws
    angle, across, down = turn * _TURN, 1 + across * _STRETCH, 1 + down * _STRETCH
    rows = (
        (angle.cos() * across, shear * _SHEAR - angle.sin() * across, right * _SHIFT),
        (angle.sin() * down, angle.cos() * down, below * _SHIFT),
    )
    matrices = torch.stack([torch.stack(row, dim=1) for row in rows], dim=1)  # [B, 2, 3]
    grid = functional.affine_grid(matrices, list(images.shape), align_corners=False)
    # Bicubic: a bilinear half pixel blurs a stroke away.
    return functional.grid_sample(images, grid, mode="bicubic", align_corners=False).clamp_(0, 1)
