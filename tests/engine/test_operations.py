"""The layers of our own against torch's: the same numbers, the same gradients, the same weights' names."""

import pytest
import torch
from torch import nn

from engine.models.operations import SiLU, UpConvolution


def _double(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1)).requires_grad_()


def _upwards(channels: int, padding: tuple[int, int]) -> tuple[UpConvolution, nn.ConvTranspose2d]:
    ours = UpConvolution(5, channels, padding, bias=True).double()
    theirs = nn.ConvTranspose2d(5, channels, 3, stride=2, padding=1, output_padding=padding).double()
    theirs.load_state_dict(ours.state_dict())  # a checkpoint of the one is one of the other
    return ours, theirs


@pytest.mark.parametrize("channels", [1, 3, 8])
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("side", [(7, 4), (1, 1)])
def test_a_convolution_upwards_is_torchs(channels: int, padding: tuple[int, int], side: tuple[int, int]) -> None:
    ours, theirs = _upwards(channels, padding)
    inputs = _double(3, 5, *side)
    made, expected = ours(inputs), theirs(inputs)
    torch.testing.assert_close(made, expected)
    seed = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(made, [inputs, *ours.parameters()], seed),
        torch.autograd.grad(expected, [inputs, *theirs.parameters()], seed),
    )
    with torch.no_grad():
        assert (ours(inputs) == theirs(inputs)).all(), "torch's own, where nothing is trained"


def test_channels_last_and_frozen_weights_are_served_too() -> None:
    ours, theirs = _upwards(1, (1, 1))
    inputs = _double(3, 5, 7, 7).detach().contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(ours(inputs), theirs(inputs))
    ours.weight.requires_grad_(False)
    ours(inputs).sum().backward()
    assert ours.weight.grad is None
    assert ours.bias is not None
    assert ours.bias.grad == pytest.approx(3 * 14 * 14)


def test_silu_is_torchs() -> None:
    inputs = _double(4, 6, 3, 3)
    torch.testing.assert_close(SiLU()(inputs), nn.functional.silu(inputs))
    assert torch.autograd.gradcheck(SiLU(), inputs)
    large = torch.tensor([-1e4, -30.0, 0.0, 30.0, 1e4], requires_grad=True)
    (slopes,) = torch.autograd.grad(SiLU()(large).sum(), large)
    torch.testing.assert_close(slopes, torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]), atol=1e-6, rtol=0)


def test_under_autocast_they_are_torchs() -> None:
    ours, _ = _upwards(1, (1, 1))
    inputs = torch.randn(2, 5, 4, 4, requires_grad=True)
    with torch.autocast("cpu", torch.bfloat16):
        made = SiLU()(ours.float()(inputs))
    assert made.dtype is torch.bfloat16
    made.float().sum().backward()
    assert inputs.grad is not None
