"""Two layers that torch computes slowly on a CPU, to the same numbers but for rounding.

Without gradients, under autocast and on a GPU they are torch's own.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import FunctionCtx, once_differentiable

_FEW_CHANNELS = 4


class SiLU(nn.Module):
    """z -> z * sigmoid(z) (Elfwing et al. 2018). Backwards it takes no second exponential: a sixth less, all told."""

    def forward(self, inputs: Tensor) -> Tensor:
        if not _trains_on_cpu(inputs):
            return nn.functional.silu(inputs)
        outputs: Tensor = _SiLU.apply(inputs)
        return outputs


class _SiLU(Function):
    @staticmethod
    def forward(ctx: FunctionCtx, inputs: Tensor) -> Tensor:
        gate = torch.sigmoid(inputs)
        outputs = inputs * gate
        ctx.save_for_backward(outputs, gate)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        outputs, gate = ctx.saved_tensors
        # d/dz z s(z) = y + s (1 - y), with y = z s(z)
        return torch.lerp(outputs, outputs.new_ones(()), gate).mul_(gradient)


class UpConvolution(nn.ConvTranspose2d):
    """A transposed convolution of 3 x 3 with stride 2 and padding 1: [B, I, H, W] -> [B, O, 2 H or 2 H - 1, ...].

    To few channels, as the last one of a decoder, torch's takes as long as all others together. Here one matrix product
    makes what each input pixel gives to the nine around its own, and planes of those are added up: a sixth of the time.
    """

    def __init__(self, num_in: int, num_out: int, output_padding: tuple[int, int], *, bias: bool) -> None:
        super().__init__(num_in, num_out, 3, stride=2, padding=1, output_padding=output_padding, bias=bias)

    def forward(self, inputs: Tensor, output_size: list[int] | None = None) -> Tensor:
        if self.out_channels > _FEW_CHANNELS or self.bias is None or not _trains_on_cpu(inputs):
            return super().forward(inputs, output_size)
        outputs: Tensor = _UpConvolution.apply(inputs, self.weight, self.bias, self.output_padding)
        return outputs


class _UpConvolution(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, output_padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.output_padding = output_padding
        size, num_in, height, width = inputs.shape
        num_out = weight.shape[1]
        pixels = inputs.permute(0, 2, 3, 1).reshape(-1, num_in)
        # [O, 3, 3, B, H, W]: pixel y, x gives taps[:, i, j, :, y, x] to the pixel 2 y - 1 + i, 2 x - 1 + j.
        taps = (weight.reshape(num_in, -1).T @ pixels.T).view(num_out, 3, 3, size, height, width)
        right, below, across = taps[:, 1, 2], taps[:, 2, 1], taps[:, 2, 2]
        right[..., :-1] += taps[:, 1, 0][..., 1:]
        below[..., :-1, :] += taps[:, 0, 1][..., 1:, :]
        across[..., :-1] += taps[:, 2, 0][..., 1:]
        across[..., :-1, :] += taps[:, 0, 2][..., 1:, :]
        across[..., :-1, :-1] += taps[:, 0, 0][..., 1:, 1:]
        outputs = inputs.new_empty(size, num_out, height, 2, width, 2)
        for row, column, plane in ((0, 0, taps[:, 1, 1]), (0, 1, right), (1, 0, below), (1, 1, across)):
            torch.add(plane.transpose(0, 1), bias.view(-1, 1, 1), out=outputs[:, :, :, row, :, column])
        whole = outputs.view(size, num_out, 2 * height, 2 * width)
        more_below, more_right = output_padding
        return whole[..., : 2 * height - 1 + more_below, : 2 * width - 1 + more_right]

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        needed = list(ctx.needs_input_grad[:3])
        stride, padding, dilation = [2, 2], [1, 1], [1, 1]
        found = torch.ops.aten.convolution_backward(
            gradient,
            inputs,
            weight,
            [weight.shape[1]],
            stride,
            padding,
            dilation,
            True,  # transposed
            list(ctx.output_padding),
            1,
            needed,
        )
        return (*found, None)


def _trains_on_cpu(inputs: Tensor) -> bool:
    return torch.is_grad_enabled() and inputs.is_cpu and not torch.is_autocast_enabled("cpu")
