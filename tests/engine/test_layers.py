"""The layers of our own against torch's: the same numbers, the same gradients, the same weights' names."""

import pytest
import torch
from torch import Tensor, nn

from engine.kernels import calls
from engine.kernels.compiler import Compiled
from engine.models import layers
from engine.models.layers import DownConvolution, NormSiLU1d, NormSiLU2d, UpConvolution

ROUNDING = {"rtol": 2e-5, "atol": 2e-5}
"""Of float32 against float64, beside the largest value, which is scaled to 1."""


@pytest.fixture(params=["compiled", "torch"])
def _either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the compiled functions, and without them."""
    if request.param == "torch":
        monkeypatch.setattr(calls, "compiled", Compiled)
    elif not calls.are_there():
        pytest.skip("there is no C compiler here")


@pytest.fixture
def _compiled() -> None:
    if not calls.are_there():
        pytest.skip("there is no C compiler here")


def _normal(*shape: int, seed: int = 1) -> Tensor:
    drawn = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return drawn.contiguous(memory_format=torch.channels_last) if len(shape) == 4 else drawn


def _double(*shape: int) -> Tensor:
    return _normal(*shape).double().requires_grad_()


def _assert_like(layer: nn.Module, theirs: nn.Module, inputs: Tensor) -> None:
    """Outputs and all gradients of ``layer`` are those of ``theirs``, which reckons in float64."""
    theirs.load_state_dict(layer.state_dict())  # a checkpoint of the one is one of the other
    theirs.double()
    found = []
    for model, given in ((layer, inputs), (theirs, inputs.double())):
        images = given.detach().requires_grad_()
        outputs = model(images)
        seed = _normal(*outputs.shape, seed=2).to(outputs.dtype)
        found.append((outputs, *torch.autograd.grad(outputs, [images, *model.parameters()], seed), *model.buffers()))
    for ours, expected in zip(*found, strict=True):
        scale = expected.abs().max().clamp(min=1e-30)
        torch.testing.assert_close((ours / scale).double(), (expected / scale).double(), **ROUNDING)


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("side", [(28, 28), (7, 5), (4, 9), (1, 1), (2, 1)])
@pytest.mark.parametrize(("num_in", "num_out"), [(1, 16), (1, 48), (16, 32), (32, 8), (3, 16), (1, 5), (48, 16)])
def test_a_convolution_downwards_is_torchs(num_in: int, num_out: int, side: tuple[int, int]) -> None:
    theirs = nn.Conv2d(num_in, num_out, 3, stride=2, padding=1, bias=False)
    _assert_like(DownConvolution(num_in, num_out), theirs, _normal(3, num_in, *side))


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("padding", [(0, 0), (1, 1), (0, 1), (1, 0)])
@pytest.mark.parametrize("side", [(14, 14), (7, 4), (1, 1), (1, 9)])
@pytest.mark.parametrize(("num_in", "num_out"), [(32, 16), (5, 48), (16, 24), (16, 1), (5, 3), (64, 1)])
def test_a_convolution_upwards_is_torchs(
    num_in: int, num_out: int, side: tuple[int, int], padding: tuple[int, int]
) -> None:
    bias = num_out <= 3
    theirs = nn.ConvTranspose2d(num_in, num_out, 3, stride=2, padding=1, output_padding=padding, bias=bias)
    _assert_like(UpConvolution(num_in, num_out, padding, bias=bias), theirs, _normal(3, num_in, *side))


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("shape", [(256, 16, 14, 14), (6, 32, 7, 7), (3, 24, 5, 3), (4, 3, 1, 1), (5, 300, 2, 1)])
def test_normalization_and_silu_are_torchs(shape: tuple[int, int, int, int]) -> None:
    layer = NormSiLU2d(shape[1])
    nn.init.normal_(layer.weight)
    nn.init.normal_(layer.bias)
    _assert_like(layer, _theirs(nn.BatchNorm2d(shape[1])), 3 * _normal(*shape) + 2)


@pytest.mark.usefixtures("_either")
@pytest.mark.parametrize("shape", [(256, 32), (5, 1), (7, 5), (3, 700)])
def test_normalization_of_vectors_is_torchs(shape: tuple[int, int]) -> None:
    _assert_like(NormSiLU1d(shape[1]), _theirs(nn.BatchNorm1d(shape[1])), _normal(*shape))


class _Norm(nn.Module):
    """Torch's two layers with the weights' names of ours."""

    def __init__(self, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm

    def forward(self, inputs: Tensor) -> Tensor:
        return nn.functional.silu(self.norm(inputs))

    def load_state_dict(self, state: dict[str, Tensor]) -> None:  # type: ignore[override]
        self.norm.load_state_dict(state)


def _theirs(norm: nn.Module) -> nn.Module:
    return _Norm(norm)


@pytest.mark.usefixtures("_compiled")
def test_a_large_mean_costs_no_digits() -> None:
    inputs = _normal(64, 16, 8, 8) + 1000
    exact = nn.functional.silu(nn.BatchNorm2d(16).double()(inputs.double()))
    torch.testing.assert_close(NormSiLU2d(16)(inputs).double(), exact, atol=5e-4, rtol=0)


@pytest.mark.usefixtures("_either")
def test_extremes_are_torchs_and_nan_is_seen() -> None:
    layer = NormSiLU1d(1)
    nn.init.constant_(layer.weight, 200.0)
    inputs = torch.tensor([[-1.0], [0.0], [1.0]], requires_grad=True)
    outputs = layer(inputs)
    torch.testing.assert_close(outputs.detach(), torch.tensor([[0.0], [0.0], [244.9474]]), atol=1e-2, rtol=0)
    (slopes,) = torch.autograd.grad(outputs.sum(), inputs)
    assert slopes.isfinite().all()
    inputs.data[0] = torch.nan
    assert layer(inputs).isnan().all()


@pytest.mark.usefixtures("_compiled")
def test_threads_change_no_bit() -> None:
    layers_ = [DownConvolution(1, 16), NormSiLU2d(16), UpConvolution(16, 32, (1, 1), bias=False), NormSiLU2d(32)]
    model, images = nn.Sequential(*layers_), _normal(64, 1, 28, 28)
    found = []
    threads = torch.get_num_threads()
    try:
        for num in (1, 2, 3):
            torch.set_num_threads(num)
            outputs = layers_[1](layers_[0](images))
            (gradient,) = torch.autograd.grad(outputs.sum(), layers_[1].weight)
            found.append((outputs.detach(), gradient, layers_[3](layers_[2](outputs)).detach()))
    finally:
        torch.set_num_threads(threads)
    assert len(list(model.parameters())) == 6
    for other in found[1:]:
        assert all(torch.equal(one, two) for one, two in zip(found[0], other, strict=True))


@pytest.mark.usefixtures("_either")
def test_what_is_frozen_gets_no_gradient() -> None:
    inputs = _normal(3, 16, 7, 7)
    for layer in (
        DownConvolution(16, 16),
        UpConvolution(16, 16, (1, 1), bias=False),
        UpConvolution(16, 1, (1, 1), bias=True),
        NormSiLU2d(16),
    ):
        layer.weight.requires_grad_(False)
        images = inputs.clone().requires_grad_()
        layer(images).sum().backward()
        assert layer.weight.grad is None
        assert images.grad is not None
        if layer.bias is not None:
            assert layer.bias.grad is not None


@pytest.mark.usefixtures("_either")
def test_in_evaluation_they_are_torchs_own() -> None:
    inputs = _normal(3, 16, 7, 7)
    norm = NormSiLU2d(16).eval()
    with torch.no_grad():
        assert torch.equal(norm(inputs), nn.functional.silu(nn.BatchNorm2d(16).eval()(inputs)))
        up = UpConvolution(16, 16, (1, 1), bias=False).eval()
        theirs = nn.ConvTranspose2d(16, 16, 3, stride=2, padding=1, output_padding=1, bias=False)
        theirs.load_state_dict(up.state_dict())
        assert torch.equal(up(inputs), theirs(inputs))
    norm(inputs.clone().requires_grad_()).sum().backward()
    assert norm.num_batches_tracked == 0


@pytest.mark.usefixtures("_either")
def test_a_single_value_a_channel_is_refused_as_torch_does() -> None:
    with pytest.raises(ValueError, match="more than 1 value per channel"):
        NormSiLU1d(4)(torch.ones(1, 4))


def test_second_ways_back_are_right_in_float64() -> None:
    assert torch.autograd.gradcheck(layers.silu, _double(4, 6, 3, 3))
    assert torch.autograd.gradcheck(UpConvolution(5, 1, (1, 0), bias=True).double(), _double(2, 5, 3, 2))
    large = torch.tensor([-1e4, -30.0, 0.0, 30.0, 1e4], requires_grad=True)
    (slopes,) = torch.autograd.grad(layers.silu(large).sum(), large)
    torch.testing.assert_close(slopes, torch.tensor([0.0, 0.0, 0.5, 1.0, 1.0]), atol=1e-6, rtol=0)


@pytest.mark.usefixtures("_either")
def test_under_autocast_they_are_torchs() -> None:
    inputs = _normal(2, 16, 4, 4).requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        made = UpConvolution(16, 1, (1, 1), bias=True)(NormSiLU2d(16)(DownConvolution(16, 16)(inputs)))
    assert made.dtype is torch.bfloat16
    made.float().sum().backward()
    assert inputs.grad is not None
