"""Figures under noise and of variational models, against values that are known; the helper process."""

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from engine import catalog, jobs
from engine.analysis import variational
from engine.analysis.evaluate import main as helper
from engine.analysis.evaluation import evaluate
from engine.data.images import Images
from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.models.base import Autoencoder
from engine.models.classifier import Classifier
from engine.models.noise import add_noise, fixed_generator
from engine.models.variational import VariationalAutoencoder
from engine.noise import Noise
from engine.spec import ClassifierSpec, ModelSpec, RunSpec, VariationalSpec
from store import listing
from store.database import open_database
from store.errors import RequestError
from store.paths import Root

REPOSITORY = Path(__file__).parents[2]


def _flat(value: float, num: int = 100) -> Tensor:
    return torch.full((num, 1, 32, 32), value)


def _noise(images: Tensor, text: str) -> Tensor:
    (noise,) = Noise.parse(text)
    return add_noise(images, noise, fixed_generator(images.device)) - images


def test_each_noise_has_the_variance_of_its_factor() -> None:
    for factor in (0.1, 0.5):
        added = _noise(_flat(0.5), f"gaussian:{factor}")
        assert added.var().item() == pytest.approx(factor**2, rel=0.02)
        assert added.mean().item() == pytest.approx(0, abs=0.01)
        # A part of the pixel's own value: half as much on grey, none on black.
        assert _noise(_flat(0.5), f"speckle:{factor}").var().item() == pytest.approx((factor / 2) ** 2, rel=0.02)
        assert _noise(_flat(0.0), f"speckle:{factor}").abs().max() == 0
    hidden = _flat(0.8) + _noise(_flat(0.8), "masking:0.25")
    assert (hidden == 0).float().mean().item() == pytest.approx(0.25, abs=0.01)
    assert hidden.var().item() == pytest.approx(0.8**2 * 0.25 * 0.75, rel=0.02)
    salted = _flat(0.5) + _noise(_flat(0.5), "saltpepper:0.1")
    assert (salted == 0).float().mean().item() == pytest.approx(0.05, abs=0.005)
    assert (salted == 1).float().mean().item() == pytest.approx(0.05, abs=0.005)
    assert salted.var().item() == pytest.approx(0.1 * 0.25, rel=0.05)


def test_noise_hits_all_channels_of_a_pixel_and_is_not_clipped() -> None:
    images = torch.full((4, 3, 16, 16), 0.5)
    for text in ("saltpepper:0.5", "masking:0.5"):
        noise = _noise(images, text)
        assert torch.equal(noise[:, 0], noise[:, 2])
    assert (_noise(_flat(1.0), "gaussian:0.5") > 0).any()


def test_noise_is_read_and_refused() -> None:
    assert [str(noise) for noise in Noise.parse("gaussian:0.1,0.25")] == ["gaussian:0.1", "gaussian:0.25"]
    with pytest.raises(RequestError, match="There is no noise 'rain'"):
        Noise.parse("rain:0.1")
    with pytest.raises(RequestError, match="goes from 0 to 1"):
        Noise.parse("masking:1.5")
    with pytest.raises(RequestError, match="must be a number"):
        Noise.parse("gaussian:0.1,x")
    with pytest.raises(RequestError, match="names no noise"):
        Noise.parse("gaussian")


class _Copy(Autoencoder):
    """Gives what it sees."""

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1)

    def forward(self, images: Tensor) -> Tensor:
        return images


def _images(num: int = 200) -> Images:
    torch.manual_seed(0)
    labels = torch.arange(num) % 2
    pixels = torch.randint(0, 256, (num, 1, 8, 8), dtype=torch.uint8)
    return Images(pixels=pixels, labels=labels, class_names=("a", "b"))


def test_the_error_of_a_copy_is_the_variance_of_the_noise() -> None:
    model, noises = _Copy(ModelSpec(), (1, 8, 8)), Noise.parse("gaussian:0.1,0.3")
    found = evaluate(model, _images(), noises=noises)
    assert found["mse"] == 0
    assert found["mse@gaussian:0.1"] == pytest.approx(0.01, rel=0.02)
    assert found["mse@gaussian:0.3"] == pytest.approx(0.09, rel=0.02)
    # The deviation of a mean of 200 x 64 squared normal numbers, estimated from 5.
    expected = 0.01 * math.sqrt(2 / (200 * 64))
    assert expected / 5 < found["spread"]["mse@gaussian:0.1"] < expected * 3
    assert evaluate(model, _images(), noises=noises) == found
    one = evaluate(model, _images(), noises=noises, draws=1)
    assert one["mse@gaussian:0.1"] != found["mse@gaussian:0.1"]
    assert one["spread"]["mse@gaussian:0.1"] == 0


def test_by_class_is_a_mean_over_its_images() -> None:
    class Half(_Copy):
        def forward(self, images: Tensor) -> Tensor:
            return images / 2

    images = _images(4)
    images.pixels[:] = torch.tensor([255, 51, 255, 0], dtype=torch.uint8).view(4, 1, 1, 1)
    found = evaluate(Half(ModelSpec(), (1, 8, 8)), images)
    assert found["mse_by_class"] == pytest.approx({"a": 0.25, "b": (0.01 + 0) / 2})
    labels = torch.tensor([0, -1, 0, -1])
    bare = Images(pixels=images.pixels, labels=labels, class_names=("a", "b"))
    assert evaluate(Half(ModelSpec(), (1, 8, 8)), bare)["mse_by_class"] == pytest.approx({"a": 0.25})


def test_a_classifier_is_evaluated_by_its_error() -> None:
    torch.manual_seed(0)
    model = Classifier(ClassifierSpec(width=2, hidden=4), (1, 8, 8), 2)
    with torch.no_grad():
        model.encoder.output.weight.zero_()
        model.encoder.output.bias.copy_(torch.tensor([1.0, 0.0]))
    found = evaluate(model.eval(), _images(), noises=Noise.parse("masking:0.5"))
    assert (found["accuracy"], found["error"], found["error@masking:0.5"]) == (0.5, 0.5, 0.5)
    assert found["error_by_class"] == {"a": 0.0, "b": 1.0}
    assert found["confusion"] == [[100, 0], [100, 0]]


def test_confusion_is_that_of_scikit_learn() -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    torch.manual_seed(4)
    images = _images(300)
    images.labels[:] = torch.randint(0, 3, (300,))
    images = Images(pixels=images.pixels, labels=images.labels, class_names=("a", "b", "c"))
    model = Classifier(ClassifierSpec(width=2, hidden=16), (1, 8, 8), 3).eval()
    with torch.no_grad():
        logits = torch.cat([model(batch) for batch, _ in images.batches()])
        model.encoder.output.bias.sub_(logits.mean(dim=0))  # so that it takes sides
        said = torch.cat([model(batch).argmax(dim=1) for batch, _ in images.batches()])
    assert len(said.unique()) > 1
    found = evaluate(model, images)
    assert found["confusion"] == metrics.confusion_matrix(images.labels, said, labels=[0, 1, 2]).tolist()
    assert found["accuracy"] == pytest.approx(metrics.accuracy_score(images.labels, said))
    recall = metrics.recall_score(images.labels, said, average=None, zero_division=0)
    assert list(found["error_by_class"].values()) == pytest.approx((1 - recall).tolist())


class _LinearGaussian(VariationalAutoencoder):
    """x = w z + noise on 64 pixels with a 1-D code, whose posterior is known (Bishop 2006, equation 2.116)."""

    def __init__(self, off: float = 0.0) -> None:
        super().__init__(VariationalSpec(latent_dim=1, beta=0.01, width=1, depth=1, hidden=2), (1, 8, 8))
        torch.manual_seed(3)
        self.direction = torch.randn(1, 64)
        self.variance = variational.pixel_variance(self)
        self.off = off

    def decode(self, codes: Tensor) -> Tensor:
        return (codes @ self.direction).view(-1, 1, 8, 8)

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        precision = 1 + self.direction.square().sum() / self.variance
        mean = images.flatten(1) @ self.direction.T / self.variance / precision
        return mean + self.off, -precision.log().expand_as(mean)

    def log_likelihood(self, images: Tensor) -> float:
        covariance = self.direction.T @ self.direction + self.variance * torch.eye(64)
        return (
            torch.distributions.MultivariateNormal(torch.zeros(64), covariance)
            .log_prob(images.flatten(1))
            .mean()
            .item()
        )


def test_both_bounds_are_the_log_likelihood_where_the_posterior_is_exact() -> None:
    model, images = _LinearGaussian(), _images(50)
    exact = model.log_likelihood(images.batch(slice(None)))
    assert model.variance == pytest.approx(0.01 * 64 / 2)
    assert variational.iwae(model, images, 3) == pytest.approx(exact, rel=1e-4)
    assert variational.elbo(model, images, 400) == pytest.approx(exact, rel=1e-3)


def test_importance_weights_close_the_gap_that_the_elbo_leaves() -> None:
    model, images = _LinearGaussian(off=0.15), _images(50)
    exact = model.log_likelihood(images.batch(slice(None)))
    # KL between the posterior used and the exact one: two Gaussians of one variance.
    gap = 0.15**2 / (2 * model.posterior(images.batch(slice(0, 1)))[1].exp().item())
    assert gap > 1
    assert variational.elbo(model, images, 400) == pytest.approx(exact - gap, abs=0.1 * gap)
    one, many = variational.iwae(model, images, 1), variational.iwae(model, images, 300)
    assert one == pytest.approx(exact - gap, abs=0.3 * gap)
    assert one < many < exact + 0.05
    assert many > exact - 0.2 * gap


class _TwoUnits(VariationalAutoencoder):
    """The first unit follows the first pixel, with a narrow posterior; the second is the prior."""

    def posterior(self, images: Tensor) -> tuple[Tensor, Tensor]:
        first = images[:, 0, 0, :1]
        narrow = torch.full_like(first, 2 * math.log(0.1))
        return torch.cat([first, torch.zeros_like(first)], 1), torch.cat([narrow, torch.zeros_like(first)], 1)


def test_units_at_work_are_told_from_units_that_follow_the_prior() -> None:
    model = _TwoUnits(VariationalSpec(latent_dim=2, width=1, depth=1, hidden=2), (1, 8, 8)).eval()
    images = _images()
    found = evaluate(model, images)
    values = images.batch(slice(None))[:, 0, 0, 0].double()
    assert found["active_units"] == 1
    assert found["unit_std"] == pytest.approx([math.sqrt(values.var(correction=0).item() + 0.01), 1.0], rel=1e-5)
    kl = torch.distributions.kl_divergence(
        torch.distributions.Normal(values, 0.1), torch.distributions.Normal(0.0, 1.0)
    ).mean()
    assert found["kl_by_unit"] == pytest.approx([kl.item(), 0.0], rel=1e-5)
    assert found["kl"] == pytest.approx(sum(found["kl_by_unit"]), rel=1e-5)


def test_only_a_variational_model_has_likelihoods() -> None:
    model = ConvolutionalAutoencoder(ModelSpec(width=2, hidden=4), (1, 8, 8))
    with pytest.raises(RequestError, match="importance-weighted"):
        evaluate(model, _images(), iwae=5)
    without = VariationalAutoencoder(VariationalSpec(beta=0, width=2, hidden=4), (1, 8, 8)).eval()
    assert "elbo" not in evaluate(without, _images())


def _helper(root: Root, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "engine.analysis.evaluate", "--root", str(root.path), *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root with the complete runs ``vae-digits/0`` and ``classifier-digits/0``, and ``cae-digits/0``, waiting."""
    root = Root(tmp_path_factory.mktemp("evaluation") / "r\u00e9sultats d'essai")
    database = open_database(root, create=True)
    small = {"width": 4, "hidden": 16, "train_limit": 200, "latent_samples": 20, "lr": 0.02, "batch_size": 32}

    def add(kind: str, **fields: Any) -> None:
        settings = {**small, **fields.pop("settings", {})}
        spec = RunSpec(kind=kind, dataset="digits", epochs=2, device="cpu", model=catalog.kind(kind).spec(), **fields)
        jobs.enqueue(database, spec.with_settings(settings))

    add("vae", settings={"latent_dim": 3})
    jobs.run_inline(database)
    add("classifier", start_from="vae-digits/0", settings={"freeze": "convolutions"})
    done = jobs.run_inline(database)
    assert [run.reason for run in done] == [None]
    add("cae")
    database.close()
    return root


def test_the_helper_prints_figures_and_adds_them_to_the_run(trained: Root) -> None:
    asked = ("vae-digits/0", "--noise", "gaussian:0.1,0.2", "--noise", "masking:0.25", "--draws", 2, "--iwae", 4)
    done = _helper(trained, *asked)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["spread"].keys() == {"mse@gaussian:0.1", "mse@gaussian:0.2", "mse@masking:0.25"}
    assert len(found["kl_by_unit"]) == len(found["unit_std"]) == 3
    assert found["iwae"] > found["elbo"]
    assert set(found["mse_by_class"]) == set("0123456789")
    database = open_database(trained)
    test = listing.run(database, listing.runs(database, "vae-digits")[0].name).test
    database.close()
    flat = {key for key, value in found.items() if isinstance(value, int | float)}
    assert {key: test[key] for key in flat} == {key: found[key] for key in flat}
    results = json.loads((trained.path / "vae-digits" / "0" / "results.json").read_text())
    with np.load(trained.path / "vae-digits" / "0" / "noisy.npz", allow_pickle=False) as pictures:
        assert pictures["noises"].tolist() == ["gaussian:0.1", "gaussian:0.2", "masking:0.25"]
        originals, inputs = pictures["originals"] / 255, pictures["inputs"] / 255
        assert pictures["labels"].tolist() == list(range(10))
        assert inputs.shape == pictures["reconstructions"].shape == (3, 10, 1, 28, 28)
    # Half a pixel's deviations are cut off at black; those of grey pixels are the factor.
    is_grey = (originals > 0.45) & (originals < 0.55)
    assert [(noisy - originals)[is_grey].std() for noisy in inputs[:2]] == pytest.approx([0.1, 0.2], rel=0.3)
    assert (inputs[2] == 0)[originals > 0].mean() == pytest.approx(0.25, abs=0.05)
    assert found["mse"] == pytest.approx(results["test"]["mse"], rel=1e-6)
    assert results["kl_by_unit"] == found["kl_by_unit"]
    assert results["mse_by_class"] == found["mse_by_class"]
    assert results["best_epoch"] >= 1, "what the training left is still there"


def test_the_helper_evaluates_a_classifier(trained: Root, capsys: pytest.CaptureFixture[str]) -> None:
    assert helper(["--root", str(trained.path), "classifier-digits/0"]) == 0  # in this process, which has torch
    found = json.loads(capsys.readouterr().out)
    results = json.loads((trained.path / "classifier-digits" / "0" / "results.json").read_text())
    assert found["confusion"] == results["confusion"]
    assert found["accuracy"] == results["test"]["accuracy"] == pytest.approx(1 - found["error"])


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["vae-digits/7"], "There is no run vae-digits/7"),
        (["cae-digits/0"], "only a complete run"),
        (["vae-digits/0", "--noise", "rain:1"], "There is no noise 'rain'"),
        (["vae-digits/0", "--draws", "0"], "draws=0"),
        (["classifier-digits/0", "--iwae", "3"], "importance-weighted"),
        (["vae-digits/0", "--device", "cuda:77"], "There is no device"),
    ],
)
def test_what_cannot_be_evaluated_is_one_sentence(
    trained: Root, asked: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert helper(["--root", str(trained.path), *asked]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1
