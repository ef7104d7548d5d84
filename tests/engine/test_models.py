"""The kinds: shapes, losses with known values, and a kind of the user's own."""

import importlib.metadata
import sys
import types
from collections.abc import Iterator
from importlib.metadata import EntryPoint
from typing import Any

import pytest
import torch

from engine import catalog
from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.models.base import Autoencoder, Losses
from engine.models.denoising import DenoisingAutoencoder
from engine.models.variational import VariationalAutoencoder, kl_divergence
from engine.spec import DenoisingSpec, ModelSpec, VariationalSpec
from store.errors import RequestError


@pytest.mark.parametrize("kind", ["cae", "dae", "vae"])
@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 32, 32), (1, 8, 8), (4, 9, 23), (2, 17, 12)])
@pytest.mark.parametrize("depth", [1, 3, 5])
def test_any_image_goes_there_and_back(kind: str, shape: tuple[int, int, int], depth: int) -> None:
    found = catalog.kind(kind)
    spec = found.spec(latent_dim=5, width=2, depth=depth, hidden=7)
    model: Autoencoder = catalog.resolve(found.model)(spec, shape)
    images = torch.rand(3, *shape)
    codes = model.encode(images)
    assert codes.shape == (3, 5)
    reconstructions = model.decode(codes)
    assert reconstructions.shape == images.shape
    assert 0 <= reconstructions.min() <= reconstructions.max() <= 1
    losses = model.losses(model.corrupt(images), images, 0.5)
    losses.loss.backward()
    assert all(parameter.grad is not None for parameter in model.parameters())
    assert set(losses.named()) == {"loss", "mse"} | ({"kl"} if kind == "vae" else set())


def test_channels_follow_width_and_depth() -> None:
    model = ConvolutionalAutoencoder(ModelSpec(width=8, depth=4), (3, 32, 32))
    widths = [module.out_channels for module in model.encoder.modules() if isinstance(module, torch.nn.Conv2d)]
    assert widths == [8, 16, 32, 64]


def test_kl_is_the_closed_form_of_torch() -> None:
    torch.manual_seed(1)
    mean, log_variance = torch.randn(6, 4), torch.randn(6, 4)
    posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
    expected = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(kl_divergence(mean, log_variance), expected)
    assert kl_divergence(torch.zeros(2, 3), torch.zeros(2, 3)).tolist() == [0.0, 0.0]


def test_beta_warms_up_in_training_and_is_whole_in_evaluation() -> None:
    model = VariationalAutoencoder(VariationalSpec(beta=0.5, kl_warmup=4, width=2, hidden=4), (1, 8, 8))
    assert [model.beta_at(epoch) for epoch in (0, 1, 4, 9)] == [0.0, 0.125, 0.5, 0.5]
    assert VariationalAutoencoder(VariationalSpec(beta=0.5, kl_warmup=0), (1, 8, 8)).beta_at(0) == 0.5
    images = torch.rand(4, 1, 8, 8)

    def weight(epoch: float) -> float:
        losses = model.losses(images, images, epoch)
        assert losses.kl is not None
        return ((losses.loss - losses.mse) / losses.kl).item()

    model.train()
    assert weight(1) == pytest.approx(0.125, rel=1e-3)
    model.eval()
    assert weight(1) == pytest.approx(0.5, rel=1e-3)


def test_a_variational_code_is_drawn_in_training_only() -> None:
    model = VariationalAutoencoder(VariationalSpec(width=2, hidden=4), (1, 8, 8))
    images = torch.rand(16, 1, 8, 8)
    model.train()
    torch.manual_seed(0)
    first, second = (model.losses(images, images, 1).mse.item() for _ in range(2))
    torch.manual_seed(0)
    assert first != second
    assert model.losses(images, images, 1).mse.item() == first
    model.eval()
    assert model.losses(images, images, 1).mse == model.losses(images, images, 1).mse


def test_noise_has_the_factor_asked_for() -> None:
    images = torch.full((64, 1, 32, 32), 0.5)
    one = DenoisingAutoencoder(DenoisingSpec(noise="0.2"), (1, 32, 32)).corrupt(images) - images
    assert one.std().item() == pytest.approx(0.2, rel=0.02)
    assert one.mean().item() == pytest.approx(0, abs=0.005)
    spread = DenoisingAutoencoder(DenoisingSpec(noise="0.1..0.5"), (1, 32, 32)).corrupt(images) - images
    factors = spread.std(dim=(1, 2, 3))
    assert 0.09 < factors.min() < 0.2 < 0.4 < factors.max() < 0.52


def test_noise_from_a_generator_is_the_same_again_and_leaves_torchs_own_alone() -> None:
    model = DenoisingAutoencoder(DenoisingSpec(noise="0.1..0.5"), (1, 8, 8))
    images, before = torch.rand(3, 1, 8, 8), torch.get_rng_state()
    first, second = (model.corrupt(images, torch.Generator().manual_seed(7)) for _ in range(2))
    assert torch.equal(first, second)
    assert torch.equal(before, torch.get_rng_state())


class Linear(Autoencoder):
    """A kind of the user's own: no convolutions, and a loss of its own."""

    def __init__(self, spec: ModelSpec, image_shape: tuple[int, int, int]) -> None:
        super().__init__(spec, image_shape)
        num_pixels = image_shape[0] * image_shape[1] * image_shape[2]
        self.down = torch.nn.Linear(num_pixels, spec.latent_dim)
        self.up = torch.nn.Linear(spec.latent_dim, num_pixels)

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        codes: torch.Tensor = self.down(images.flatten(1))
        return codes

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        return self.up(codes).sigmoid().view(-1, *self.image_shape)

    def losses(self, inputs: torch.Tensor, targets: torch.Tensor, epoch: float) -> Losses:
        mse = (self(inputs) - targets).square().mean()
        return Losses(loss=mse + 1e-3 * self.encode(inputs).abs().mean(), mse=mse)


@pytest.fixture
def installed_kind(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """As if a package had an entry point ``linear`` of the group ``aetui.kinds``; gives the package's module."""
    package = types.ModuleType("a_users_package")
    package.Linear = Linear  # type: ignore[attr-defined]
    package.KIND = catalog.Kind(  # type: ignore[attr-defined]
        name="linear", title="linear autoencoder", model="a_users_package:Linear"
    )
    monkeypatch.setitem(sys.modules, "a_users_package", package)
    entry = EntryPoint("linear", "a_users_package:KIND", catalog.ENTRY_POINT_GROUP)
    others = importlib.metadata.entry_points

    def entry_points(**chosen: str) -> Any:
        """Ours in its group; in all others what is installed, which torch asks for too."""
        return [entry] if chosen.get("group") == entry.group else others(**chosen)

    monkeypatch.setattr("importlib.metadata.entry_points", entry_points)
    catalog.kinds.cache_clear()
    yield package
    catalog.kinds.cache_clear()


def test_a_users_own_kind_trains(installed_kind: Any, make_session: Any) -> None:
    from engine.training.fit import train

    session = make_session(kind="linear", epochs=2)
    outcome = train(session)
    assert outcome.test["mse"] == pytest.approx(outcome.value, rel=0.3)
    assert session.epochs[1]["val_mse"] < session.epochs[0]["val_mse"]
    assert session.epochs[0]["val_loss"] > session.epochs[0]["val_mse"]


def test_an_entry_point_that_is_no_kind_is_refused(installed_kind: Any) -> None:
    installed_kind.KIND = "linear"
    with pytest.raises(RequestError, match=r"must load to an engine\.catalog\.Kind"):
        catalog.kind("linear")
