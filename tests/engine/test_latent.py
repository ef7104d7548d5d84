"""The latent study: codes, projections, decoded places, quality figures; the helper process."""

import json
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
from engine.analysis.places import survey
from engine.analysis.projections import Pca
from engine.analysis.quality import quality
from engine.data.images import Images
from engine.models.base import Autoencoder
from engine.models.classifier import Classifier
from engine.models.variational import VariationalAutoencoder
from engine.spec import ClassifierSpec, ModelSpec, RunSpec, VariationalSpec
from store import listing
from store.database import open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root

REPOSITORY = Path(__file__).parents[2]


class _Corner(Autoencoder):
    """Its code is the first ``latent_dim`` pixels, and its decoder puts them back: all is known in closed form."""

    def __init__(self, dim: int) -> None:
        super().__init__(ModelSpec(latent_dim=dim), (1, 8, 8))
        self.weight = torch.nn.Parameter(torch.ones(1))

    def encode(self, images: Tensor) -> Tensor:
        return images.flatten(1)[:, : self.latent_dim]

    def decode(self, codes: Tensor) -> Tensor:
        return torch.nn.functional.pad(codes, (0, 64 - self.latent_dim)).view(-1, 1, 8, 8)


def _images(num: int = 120, num_classes: int = 3) -> Images:
    """Class k is bright in the pixel k."""
    torch.manual_seed(0)
    labels = torch.arange(num) % num_classes
    pixels = torch.randint(0, 60, (num, 1, 8, 8), dtype=torch.uint8)
    pixels.view(num, 64)[torch.arange(num), labels] += 180
    return Images(pixels=pixels, labels=labels, class_names=tuple("abcdefgh"[:num_classes]))


def _pixels(arrays: Any, name: str, dim: int) -> np.ndarray:
    """The decoded codes in [0, 1]."""
    images = arrays[name]
    return images.reshape(*images.shape[:-3], 64)[..., :dim] / 255


def test_codes_are_of_the_images_named_and_a_limit_is_stratified() -> None:
    images = _images()
    arrays = survey(_Corner(4), images, "raw", limit=30)
    assert arrays["indices"].shape == (30,)
    assert np.bincount(arrays["labels"]).tolist() == [10, 10, 10]
    expected = images.pixels.view(120, 64)[torch.from_numpy(arrays["indices"]), :4].numpy() / 255
    np.testing.assert_allclose(arrays["codes"], expected, rtol=1e-6)
    assert (arrays["points"] == arrays["codes"]).all()


def test_pca_can_be_undone_from_the_file() -> None:
    arrays = survey(_Corner(4), _images(), "pca")
    again = (arrays["codes"] - arrays["pca_mean"]) @ arrays["pca_components"].T
    np.testing.assert_allclose(arrays["points"], again, atol=1e-6)
    assert 0 < arrays["pca_explained"].sum() < 1


@pytest.mark.parametrize(("dim", "method"), [(2, "raw"), (4, "pca"), (4, "tsne"), (1, "pca")])
def test_the_grid_is_decoded_where_it_lies(dim: int, method: Any) -> None:
    arrays = survey(_Corner(dim), _images(), method, limit=60)
    points, codes = arrays["grid_points"], arrays["grid_codes"]
    assert codes.shape == (16, 16, dim)
    assert (np.diff(points[..., 1], axis=0) <= 0).all()  # the first row on top
    assert (np.diff(points[0, :, 0]) > 0).all()
    if dim == 2:
        np.testing.assert_allclose(points, codes)
    else:
        pca = Pca.fit(arrays["codes"])
        np.testing.assert_allclose(pca.inverse(points), codes)
        np.testing.assert_allclose(pca.project(codes), points, atol=1e-9)
    np.testing.assert_allclose(_pixels(arrays, "grid_images", dim), codes.clip(0, 1), atol=0.51 / 255)


def test_class_means_and_mixtures() -> None:
    arrays = survey(_Corner(3), _images(), "pca")
    codes, labels = arrays["codes"], arrays["labels"]
    assert arrays["class_labels"].tolist() == [0, 1, 2]
    for label in range(3):
        np.testing.assert_allclose(arrays["class_means"][label], codes[labels == label].mean(axis=0), rtol=1e-5)
    np.testing.assert_allclose(_pixels(arrays, "class_images", 3), arrays["class_means"], atol=0.51 / 255)
    assert arrays["mixture_labels"].tolist() == [[0, 1], [0, 2], [1, 2]]
    assert arrays["mixture_images"].shape == (3, 3, 1, 8, 8)
    mean = arrays["class_means"]
    assert arrays["mixture_weights"].tolist() == [0.25, 0.5, 0.75]
    np.testing.assert_allclose(
        _pixels(arrays, "mixture_images", 3)[1, 2], 0.75 * mean[0] + 0.25 * mean[2], atol=0.51 / 255
    )


def test_the_way_between_two_images_begins_and_ends_with_them() -> None:
    images = _images()
    arrays = survey(_Corner(3), images, "pca", limit=10, between=(7, 100))
    assert arrays["interpolation_indices"].tolist() == [7, 100]
    ends = images.pixels.view(120, 64)[[7, 100], :3].numpy() / 255
    np.testing.assert_allclose(arrays["interpolation_codes"][[0, -1]], ends, rtol=1e-5)
    np.testing.assert_allclose(np.diff(arrays["interpolation_codes"], axis=0), [(ends[1] - ends[0]) / 9] * 9, atol=1e-6)
    np.testing.assert_allclose(_pixels(arrays, "interpolation_images", 3)[[0, -1]], ends, atol=0.51 / 255)
    first, second = survey(_Corner(3), images, "pca")["interpolation_indices"]
    assert images.labels[first] != images.labels[second]
    with pytest.raises(RequestError, match="no image 120"):
        survey(_Corner(3), images, "pca", between=(0, 120))


def test_the_prior_is_sampled_the_same_way_again() -> None:
    torch.manual_seed(0)
    model = VariationalAutoencoder(VariationalSpec(latent_dim=2, width=2, hidden=4), (1, 8, 8)).eval()
    arrays = survey(model, _images(), "raw")
    assert arrays["sample_images"].shape == (64, 1, 8, 8)
    assert np.abs(arrays["sample_codes"].mean()) < 0.3
    assert 0.8 < arrays["sample_codes"].std() < 1.2
    assert (survey(model, _images(), "raw")["sample_codes"] == arrays["sample_codes"]).all()
    assert "sample_codes" not in survey(_Corner(2), _images(), "raw")


def test_images_without_labels_and_models_without_a_decoder() -> None:
    images = _images()
    bare = Images(pixels=images.pixels, labels=torch.full((120,), -1), class_names=())
    arrays = survey(_Corner(3), bare, "pca")
    assert "grid_images" in arrays
    assert "class_means" not in arrays
    assert set(quality(arrays["codes"], arrays["labels"], arrays["points"])) == {"trustworthiness"}
    classifier = Classifier(ClassifierSpec(width=2, hidden=5), (1, 8, 8), 3).eval()
    arrays = survey(classifier, images, "pca")
    assert arrays["codes"].shape == (120, 5)
    assert "grid_images" not in arrays
    with pytest.raises(RequestError, match="makes no images"):
        survey(classifier, images, "pca", between=(0, 1))


def test_quality_tells_apart_classes_from_noise() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(300) % 3
    apart = (np.eye(5)[labels] * 30 + rng.normal(size=(300, 5))).astype(np.float32)
    found = quality(apart, labels, apart)
    assert found["knn_accuracy"] == found["linear_probe_accuracy"] == found["trustworthiness"] == 1
    assert found["silhouette"] > 0.8
    noise = rng.normal(size=(300, 5)).astype(np.float32)
    found = quality(noise, labels, rng.normal(size=(300, 2)))
    for name in ("knn_accuracy", "linear_probe_accuracy"):
        assert abs(found[name] - 1 / 3) < 0.1
    assert abs(found["silhouette"]) < 0.05
    assert found["trustworthiness"] < 0.6
    # Rings are told apart by neighbours, not by a line.
    angles, radius = rng.uniform(0, 6.3, 400), np.where(np.arange(400) % 2, 1.0, 3.0)
    rings = np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]).astype(np.float32)
    found = quality(rings, np.arange(400) % 2, rings)
    assert found["knn_accuracy"] > 0.98
    assert found["linear_probe_accuracy"] < 0.65


def test_quality_of_few_images_leaves_out_what_cannot_be_said() -> None:
    codes = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    assert set(quality(codes, np.array([0, 0, 1, 1]), codes)) == {"silhouette", "trustworthiness"}
    assert quality(codes[:1], np.array([0]), codes[:1]) == {}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root with the complete run ``vae-digits/0``."""
    root = Root(tmp_path_factory.mktemp("latent") / "r\u00e9sultats d'essai")
    database = open_database(root, create=True)
    spec = RunSpec(kind="vae", dataset="digits", epochs=2, device="cpu", model=catalog.kind("vae").spec())
    jobs.enqueue(database, spec.with_settings({"width": 4, "hidden": 16, "latent_dim": 3, "train_limit": 200}))
    jobs.run_inline(database)
    database.close()
    return root


def _helper(root: Root, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "engine.analysis.latent", "--root", str(root.path), *map(str, arguments)],
        cwd=REPOSITORY,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


def test_the_helper_leaves_arrays_and_prints_figures(trained: Root, tmp_path: Path) -> None:
    out = tmp_path / "latent.npz"
    done = _helper(trained, "vae-digits/0", "--method", "tsne", "--limit", 100, "--out", out)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert (found["file"], found["num_images"]) == (str(out), 100)
    assert {"knn_accuracy", "linear_probe_accuracy", "silhouette", "trustworthiness"} <= found.keys()
    with np.load(out, allow_pickle=False) as arrays:
        assert (arrays["codes"].shape, arrays["points"].shape) == ((100, 3), (100, 2))
        assert arrays["mixture_images"].shape == (45, 3, 1, 28, 28)
        assert arrays["sample_images"].shape == (64, 1, 28, 28)
    assert [path.name for path in tmp_path.iterdir()] == ["latent.npz"]
    kept = listing.run(open_database(trained), RunName("vae-digits", 0)).user_attrs
    assert kept["latent_silhouette"] == found["silhouette"]
    assert "latent_trustworthiness" not in kept  # that of another projection than the PCA


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (["vae-digits/1", "--out", "x.npz"], "There is no run vae-digits/1"),
        (["vae-digits/0", "--out", "/no such folder/x.npz"], "There is no folder"),
        (["vae-digits/0", "--out", "x.npz", "--limit", "-3"], "limit=-3"),
    ],
)
def test_what_cannot_be_is_one_sentence(trained: Root, asked: list[str], sentence: str) -> None:
    done = _helper(trained, *asked)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
