"""Layers that torch computes slowly on a CPU, to the same numbers but for rounding.

In training on a CPU they are compiled functions (`engine.kernels`), or what torch can do best where there is no
compiler; in evaluation, under autocast and on a GPU they are torch's own.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from engine.kernels import calls

_FEW_CHANNELS = 4
_STRIDE, _PADDING, _DILATION, _GROUPS = [2, 2], [1, 1], [1, 1], 1


class DownConvolution(nn.Conv2d):
    """A convolution of 3 x 3 with stride 2 and padding 1: [B, I, H, W] -> [B, O, H / 2, W / 2], rounded up."""

    def __init__(self, num_in: int, num_out: int) -> None:
        super().__init__(num_in, num_out, 3, stride=2, padding=1, bias=False)

    def forward(self, inputs: Tensor) -> Tensor:
        if not (_is_compiled(self, inputs) and (_is_from_one(self.weight) or _are_many(self.in_channels))):
            return super().forward(inputs)
        outputs: Tensor = _DownConvolution.apply(inputs, self.weight)
        return outputs


class UpConvolution(nn.ConvTranspose2d):
    """A transposed convolution of 3 x 3 with stride 2 and padding 1: [B, I, H, W] -> [B, O, 2 H or 2 H - 1, ...]."""

    def __init__(self, num_in: int, num_out: int, output_padding: tuple[int, int], *, bias: bool) -> None:
        super().__init__(num_in, num_out, 3, stride=2, padding=1, output_padding=output_padding, bias=bias)

    def forward(self, inputs: Tensor, output_size: list[int] | None = None) -> Tensor:
        outputs: Tensor
        if self.bias is None:
            if not (_is_compiled(self, inputs) and _are_many(self.out_channels)):
                return super().forward(inputs, output_size)
            outputs = _UpConvolution.apply(inputs, self.weight, self.output_padding)
            return outputs
        if self.out_channels > _FEW_CHANNELS or not _trains_on_cpu(inputs):
            return super().forward(inputs, output_size)
        is_compiled = _is_compiled(self, inputs) and _is_from_one(self.weight)
        outputs = _UpConvolutionToFew.apply(inputs, self.weight, self.bias, self.output_padding, is_compiled)
        return outputs


class _NormSiLU(nn.modules.batchnorm._BatchNorm):
    """Batch normalization and SiLU, z -> z * sigmoid(z) (Elfwing et al. 2018)."""

    def forward(self, inputs: Tensor) -> Tensor:
        if not _is_compiled(self, inputs) or inputs.numel() == inputs.shape[1]:
            return silu(super().forward(inputs))
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        rest = (self.eps, self.momentum, self.running_mean, self.running_var)
        outputs: Tensor = _NormSiLUFunction.apply(inputs, self.weight, self.bias, *rest)
        return outputs


class NormSiLU1d(_NormSiLU, nn.BatchNorm1d):
    """Batch normalization of [B, C], then SiLU; weights and averages are those of `torch.nn.BatchNorm1d`."""


class NormSiLU2d(_NormSiLU, nn.BatchNorm2d):
    """Batch normalization of [B, C, H, W], then SiLU; weights and averages are those of `torch.nn.BatchNorm2d`."""


def silu(inputs: Tensor) -> Tensor:
    """SiLU; in training on a CPU it takes no second exponential on the way back: a sixth less, all told."""
    if not _trains_on_cpu(inputs):
        return nn.functional.silu(inputs)
    outputs: Tensor = _SiLU.apply(inputs)
    return outputs


class _DownConvolution(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        if _is_from_one(weight):
            return calls.convolve_one(inputs, weight)
        return torch.conv2d(inputs, weight, None, _STRIDE, _PADDING)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, weight = ctx.saved_tensors
        needs_inputs, needs_weight = ctx.needs_input_grad
        by_us = needs_inputs and _are_many(weight.shape[1])
        of_inputs, of_weight, _ = torch.ops.aten.convolution_backward(
            gradient,
            inputs,
            weight,
            None,
            _STRIDE,
            _PADDING,
            _DILATION,
            False,
            [0, 0],
            _GROUPS,
            [needs_inputs and not by_us, needs_weight, False],
        )
        if by_us:
            of_inputs = calls.convolve_up(gradient, weight, inputs.shape[2:])
        return of_inputs, of_weight


class _UpConvolution(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, output_padding: tuple[int, int]) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.output_padding = output_padding
        height, width = (2 * side - 1 + more for side, more in zip(inputs.shape[2:], output_padding, strict=True))
        return calls.convolve_up(inputs, weight, (height, width))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        of_inputs, of_weight, _ = _up_backward(ctx, gradient, [*ctx.needs_input_grad[:2], False])
        return of_inputs, of_weight, None


class _UpConvolutionToFew(Function):
    """To few channels, as the last one of a decoder, torch's takes as long as all others together.

    Here one matrix product makes what each input pixel gives to the nine around its own, and planes of those are added
    up: a sixth of the time.
    """

    @staticmethod
    def forward(
        ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, output_padding: tuple[int, int], is_compiled: bool
    ) -> Tensor:
        ctx.save_for_backward(inputs, weight)
        ctx.output_padding, ctx.is_compiled = output_padding, is_compiled
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
        needs_inputs, *others = ctx.needs_input_grad[:3]
        by_us = needs_inputs and ctx.is_compiled
        of_inputs, *of_others = _up_backward(ctx, gradient, [needs_inputs and not by_us, *others])
        if by_us:
            of_inputs = calls.convolve_one(gradient, ctx.saved_tensors[1])
        return of_inputs, *of_others, None, None


def _up_backward(ctx: Any, gradient: Tensor, needs: list[bool]) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """The gradients of a transposed convolution's inputs, weight and bias, as far as it ``needs`` them."""
    inputs, weight = ctx.saved_tensors
    of_inputs, of_weight, of_bias = torch.ops.aten.convolution_backward(
        gradient,
        inputs,
        weight,
        [weight.shape[1]],
        _STRIDE,
        _PADDING,
        _DILATION,
        True,
        list(ctx.output_padding),
        _GROUPS,
        needs,
    )
    return of_inputs, of_weight, of_bias


class _NormSiLUFunction(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor, weight: Tensor, bias: Tensor, *rest: Any) -> Tensor:
        outputs, stats = calls.norm_silu(inputs, weight, bias, *rest)
        ctx.save_for_backward(inputs, stats)
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        inputs, stats = ctx.saved_tensors
        return *calls.norm_silu_backward(gradient, inputs, stats), None, None, None, None


class _SiLU(Function):
    @staticmethod
    def forward(ctx: Any, inputs: Tensor) -> Tensor:
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


def _trains_on_cpu(inputs: Tensor) -> bool:
    return torch.is_grad_enabled() and inputs.is_cpu and not torch.is_autocast_enabled("cpu")


def _is_compiled(layer: nn.Module, inputs: Tensor) -> bool:
    return layer.training and _trains_on_cpu(inputs) and inputs.dtype is torch.float32 and calls.are_there()


def _is_from_one(weight: Tensor) -> bool:
    """Whether the filters [M, 1, 3, 3] lead from one channel to many, or in a transposed convolution back to it."""
    return weight.shape[1] == 1 and _are_many(weight.shape[0])


def _are_many(channels: int) -> bool:
    return channels % calls.CHANNELS == 0
