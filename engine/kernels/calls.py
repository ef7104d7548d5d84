"""The compiled functions on tensors: float32, images channels last, on the CPU."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from engine.kernels.compiler import compiled

CHANNELS = 16
"""What the many channels of a convolution must be a multiple of."""
_NUM_STATS = 4


def are_there() -> bool:
    """Whether there is a compiled library here; waits for the compiler."""
    return compiled().library is not None


def norm_silu(
    inputs: Tensor,
    weight: Tensor,
    bias: Tensor,
    epsilon: float,
    momentum: float,
    running_mean: Tensor,
    running_var: Tensor,
) -> tuple[Tensor, Tensor]:
    """Batch normalization (Ioffe and Szegedy 2015) of inputs [B, C] or [B, C, H, W], then SiLU: outputs, and stats.

    The running averages are moved in place; ``stats`` [4, C] is for `norm_silu_backward`.
    """
    inputs = _dense(inputs)
    outputs = torch.empty_like(inputs)
    stats = inputs.new_empty(_NUM_STATS, inputs.shape[1])
    _call(
        "norm_silu_forward",
        inputs,
        inputs.numel() // inputs.shape[1],
        inputs.shape[1],
        weight,
        bias,
        epsilon,
        momentum,
        running_mean,
        running_var,
        outputs,
        stats,
    )
    return outputs, stats


def norm_silu_backward(gradient: Tensor, inputs: Tensor, stats: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of `norm_silu`'s inputs, weight [C] and bias [C], from that of its outputs."""
    gradient, inputs = _dense(gradient), _dense(inputs)
    of_inputs = torch.empty_like(inputs)
    of_weight, of_bias = inputs.new_empty(inputs.shape[1]), inputs.new_empty(inputs.shape[1])
    rows = inputs.numel() // inputs.shape[1]
    _call("norm_silu_backward", gradient, inputs, rows, inputs.shape[1], stats, of_inputs, of_weight, of_bias)
    return of_inputs, of_weight, of_bias


def convolve_up(images: Tensor, weight: Tensor, size: tuple[int, int]) -> Tensor:
    """Transposed convolution of 3 x 3, stride 2, padding 1: [B, I, h, w] with weight [I, O, 3, 3] -> [B, O, *size].

    O is a multiple of `CHANNELS`; each side of ``size`` is twice that of the images, or one less.
    """
    images = _dense(images)
    batch, num_in, height, width = images.shape
    num_out = weight.shape[1]
    filters = weight.view(num_in, -1, CHANNELS, 3, 3).permute(1, 3, 4, 0, 2).contiguous()
    outputs = torch.empty((batch, num_out, *size), memory_format=torch.channels_last)
    _call("convolve_up", images, filters, batch, height, width, num_in, *size, num_out, outputs)
    return outputs


def convolve_one(images: Tensor, weight: Tensor) -> Tensor:
    """Convolution of 3 x 3, stride 2, padding 1: [B, 1, h, w] with weight [O, 1, 3, 3] -> [B, O, h / 2, w / 2].

    O is a multiple of `CHANNELS`; sides are rounded up.
    """
    images, filters = images.contiguous(), weight.permute(2, 3, 1, 0).contiguous()
    batch, _, height, width = images.shape
    size = ((height + 1) // 2, (width + 1) // 2)
    outputs = torch.empty((batch, len(weight), *size), memory_format=torch.channels_last)
    _call("convolve_one", images, filters, batch, height, width, len(weight), outputs)
    return outputs


def _dense(values: Tensor) -> Tensor:
    """``values`` in the order in memory that is meant: pixels are rows, channels columns."""
    return values.contiguous(memory_format=torch.channels_last if values.ndim == 4 else torch.contiguous_format)


def _call(name: str, *arguments: Any) -> None:
    function: Callable[..., int] = getattr(compiled().library, name)
    plain = [each.data_ptr() if isinstance(each, Tensor) else each for each in arguments]
    if function(*plain, torch.get_num_threads()):
        raise MemoryError(f"no memory for {name}")
