"""Figures with known values."""

import math

import pytest
import torch
from torch import Tensor, nn

from engine.data.images import Images
from engine.models import fidelity
from engine.models.base import Autoencoder
from engine.spec import ModelSpec
from engine.training import evaluate


def test_ssim_of_a_copy_is_one_and_it_is_symmetric() -> None:
    torch.manual_seed(0)
    images, others = torch.rand(5, 3, 20, 31), torch.rand(5, 3, 20, 31)
    torch.testing.assert_close(fidelity.ssim(images, images), torch.ones(5))
    torch.testing.assert_close(fidelity.ssim(images, others), fidelity.ssim(others, images))
    assert fidelity.ssim(images, others).max() < 0.2


def test_ssim_of_flat_images_is_the_luminance_term() -> None:
    """No contrast: only (2ab + c1) / (a^2 + b^2 + c1) is left (Wang et al. 2004, equation 6)."""
    dark, light = torch.full((1, 1, 28, 28), 0.2), torch.full((1, 1, 28, 28), 0.6)
    expected = (2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4)
    assert fidelity.ssim(dark, light).item() == pytest.approx(expected, rel=1e-3)


def test_ssim_is_the_formula_written_out_for_one_window() -> None:
    torch.manual_seed(0)
    x, y = torch.rand(11, 11, dtype=torch.float64), torch.rand(11, 11, dtype=torch.float64)
    offsets = torch.arange(-5.0, 6.0, dtype=torch.float64)
    weights = torch.exp(-(offsets[:, None] ** 2 + offsets[None] ** 2) / (2 * 1.5**2))
    weights /= weights.sum()
    mx, my = (weights * x).sum(), (weights * y).sum()
    vx, vy = (weights * (x - mx) ** 2).sum(), (weights * (y - my) ** 2).sum()
    cov = (weights * (x - mx) * (y - my)).sum()
    expected = (2 * mx * my + 1e-4) * (2 * cov + 9e-4) / ((mx**2 + my**2 + 1e-4) * (vx + vy + 9e-4))
    torch.testing.assert_close(fidelity.ssim(x[None, None], y[None, None])[0], expected)


def test_ssim_is_scikit_images() -> None:
    metrics = pytest.importorskip("skimage.metrics")
    torch.manual_seed(0)
    images = torch.rand(3, 28, 28, dtype=torch.float64)
    images[0, :14] = 0  # flat places, as digits have
    noisy = (images + 0.2 * torch.randn_like(images)).clamp(0, 1)
    settings = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1}
    for image, other in zip(images, noisy, strict=True):
        # Its mean, too, is over the windows that lie within the image.
        expected = metrics.structural_similarity(image.numpy(), other.numpy(), **settings)
        assert fidelity.ssim(other[None, None], image[None, None]).item() == pytest.approx(expected, abs=1e-9)


def test_ssim_falls_with_noise_and_takes_small_images() -> None:
    torch.manual_seed(0)
    images = torch.rand(4, 1, 8, 9)
    values = [fidelity.ssim(images, images + factor * torch.randn_like(images)).mean() for factor in (0.01, 0.1, 0.5)]
    assert values[0] > values[1] > values[2]


def test_psnr() -> None:
    assert fidelity.psnr(torch.tensor([0.01, 1.0, 0.0])).tolist() == pytest.approx([20.0, 0.0, 100.0])


class _Half(Autoencoder):
    """Gives half of what it sees; one pixel is its code."""

    def __init__(self) -> None:
        super().__init__(ModelSpec(latent_dim=1), (1, 16, 16))
        self.weight = nn.Parameter(torch.tensor(0.5))

    def encode(self, images: Tensor) -> Tensor:
        return images[:, 0, 0, :1]

    def forward(self, images: Tensor) -> Tensor:
        return images * self.weight


def test_figures_are_means_over_images_whatever_the_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = torch.zeros(7, 1, 16, 16, dtype=torch.uint8)
    pixels[:] = torch.arange(7).view(7, 1, 1, 1) * 40
    images = Images(pixels=pixels, labels=torch.full((7,), -1), class_names=())
    values = [number * 40 / 255 for number in range(7)]
    mse = sum((value / 2) ** 2 for value in values) / 7
    whole = evaluate.measure(_Half(), images).figures
    assert whole["mse"] == pytest.approx(mse, rel=1e-5)
    psnr = sum(min(-20 * math.log10(value / 2), 100) if value else 100 for value in values) / 7
    assert whole["psnr"] == pytest.approx(psnr, rel=1e-5)
    monkeypatch.setattr("engine.data.images._VALUES_A_PART", 2 * 256)
    assert evaluate.measure(_Half(), images).figures["mse"] == pytest.approx(whole["mse"], rel=1e-6)
    assert evaluate.mean_losses(_Half(), images, 1)["mse"] == pytest.approx(mse, rel=1e-5)
    assert evaluate.encode(_Half(), images).flatten().tolist() == pytest.approx(values)
