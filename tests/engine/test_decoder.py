"""The decoder's helper process: what it says about a real run's places and samples."""

import base64
import dataclasses
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine import catalog, jobs
from engine.analysis.loaded import load_run
from engine.analysis.showing import samples
from engine.data.images import Images
from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.models.base import Autoencoder
from engine.models.noise import fixed_generator
from engine.spec import RunSpec
from engine.training.evaluate import encode
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root

REPOSITORY = Path(__file__).parents[2]
RUN = "vae-digits/0"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """``vae-digits/0``, whose best epoch is its third and last, and a classifier, ``classifier-digits/0``."""
    database = open_database(Root(tmp_path_factory.mktemp("decoder") / "runs"), create=True)
    for kind in ("vae", "classifier"):
        spec = RunSpec(kind=kind, dataset="digits", epochs=3, device="cpu", model=catalog.kind(kind).spec())
        jobs.enqueue(database, spec.with_settings({"width": 4, "hidden": 16, "latent_dim": 3, "train_limit": 200}))
    jobs.run_inline(database)
    yield database
    database.close()


class _Helper:
    def __init__(self, root: Root) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "engine.analysis.decoder", "--root", str(root.path)],
            cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, **question: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answered: dict[str, Any] = json.loads(self._process.stdout.readline())
        return answered

    def end(self) -> int:
        assert self._process.stdin is not None
        self._process.stdin.close()
        return self._process.wait(30)


@pytest.fixture(scope="module")
def helper(trained: Database) -> Iterator[_Helper]:
    started = _Helper(trained.root)
    yield started
    assert started.end() == 0, "it ends with its input"


def _images(packed: dict[str, Any]) -> np.ndarray:
    return np.frombuffer(base64.b64decode(packed["pixels"]), dtype=np.uint8).reshape(packed["shape"])


def test_it_decodes_what_the_model_decodes(trained: Database, helper: _Helper) -> None:
    run = load_run(trained, RunName.parse(RUN), "cpu")
    assert isinstance(run.model, Autoencoder)
    codes = torch.tensor([[0.0, 0.0, 0.0], [1.0, -1.0, 0.5]])
    samples = run.splits.validation.take(torch.tensor([7, 3]))
    with torch.inference_mode():
        expected = run.model.decode(codes).numpy()
        reconstructed = run.model(samples.batch(slice(None)))
        errors = (reconstructed - samples.batch(slice(None))).square().mean(dim=(1, 2, 3))
        start, end = encode(run.model, samples)
        middle = run.model.decode((start + (end - start) * 4 / 9)[None]).numpy()
    found = helper.ask(run=RUN, epoch=3, codes=codes.tolist(), indices=[7, 3], between=[7, 3])
    assert np.abs(_images(found["images"]) / 255 - expected).max() <= 0.51 / 255
    assert (_images(found["originals"]) == samples.pixels.numpy()).all()
    assert np.abs(_images(found["reconstructions"]) / 255 - reconstructed.numpy()).max() <= 0.51 / 255
    assert found["errors"] == pytest.approx(errors.tolist(), rel=1e-4)
    line = _images(found["line"])
    assert line.shape == (10, 1, 28, 28)
    assert (line[[0, -1]] == _images(found["reconstructions"])).all()
    assert np.abs(line[4] / 255 - middle[0]).max() <= 0.51 / 255


def test_it_finds_the_worst_and_best_reconstructed(trained: Database, helper: _Helper) -> None:
    run = load_run(trained, RunName.parse(RUN), "cpu")
    images = run.splits.validation
    with torch.inference_mode():
        errors = (run.model(images.batch(slice(None))) - images.batch(slice(None))).square().mean(dim=(1, 2, 3))
    worst, best = (helper.ask(run=RUN, show=show) for show in ("worst", "best"))
    assert worst["epoch"] == best["epoch"] == 3
    assert worst["errors"] == pytest.approx(errors.sort(descending=True).values[:20].tolist(), rel=1e-4)
    assert best["errors"] == pytest.approx(errors.sort().values[:20].tolist(), rel=1e-4)
    for found in (worst, best):
        taken = images.take(torch.tensor(found["indices"]))
        assert found["labels"] == taken.labels.tolist()
        assert (_images(found["originals"]) == taken.pixels.numpy()).all()
        assert found["errors"] == pytest.approx(errors[found["indices"]].tolist(), rel=1e-4)


def test_class_means_and_what_lies_halfway_between_them(trained: Database, helper: _Helper) -> None:
    run = load_run(trained, RunName.parse(RUN), "cpu")
    assert isinstance(run.model, Autoencoder)
    images = run.splits.validation
    codes = encode(run.model, images)
    means = torch.stack([codes[images.labels == label].mean(dim=0) for label in (2, 7)])
    with torch.inference_mode():
        two, seven, halfway = run.model.decode(torch.cat([means, means.mean(dim=0)[None]])).numpy()
    found = helper.ask(run=RUN, epoch=3, show="classes")
    assert found["labels"] == list(range(10))
    decoded, mixtures = _images(found["means"]), _images(found["mixtures"])
    assert mixtures.shape == (10, 10, 1, 28, 28)
    for image, expected in ((decoded[2], two), (decoded[7], seven), (mixtures[2, 7], halfway), (mixtures[7, 7], seven)):
        assert np.abs(image / 255 - expected).max() <= 0.51 / 255
    assert (mixtures[2, 7] == mixtures[7, 2]).all()


def test_samples_are_drawn_from_the_prior_or_like_the_codes(trained: Database, helper: _Helper) -> None:
    run = load_run(trained, RunName.parse(RUN), "cpu")
    assert isinstance(run.model, Autoencoder)
    found = helper.ask(run=RUN, show="samples")
    assert found["is_prior"]
    drawn = torch.randn((60, 3), generator=fixed_generator(torch.device("cpu")))
    with torch.inference_mode():
        expected = run.model.decode(drawn).numpy()
    assert np.abs(_images(found["samples"]) / 255 - expected).max() <= 0.51 / 255


class _AsItIs(ConvolutionalAutoencoder):
    """Its codes are the first two pixels, and its images show a code as they are."""

    def encode(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, 0, 0, :2]

    def decode(self, codes: torch.Tensor) -> torch.Tensor:
        return codes[:, None, None, :].clamp(0, 1)


def test_without_a_prior_samples_have_the_mean_and_spread_of_the_codes() -> None:
    place = torch.rand(1000, generator=torch.Generator().manual_seed(3))
    codes = torch.stack([0.3 + 0.2 * place, 0.7 - 0.1 * place], dim=1)  # on a line: a covariance of rank one
    pixels = torch.zeros((1000, 1, 16, 16), dtype=torch.uint8)
    pixels[:, 0, 0, :2] = (codes * 255).round().to(torch.uint8)
    images = Images(pixels=pixels, labels=torch.zeros(1000, dtype=torch.int64), class_names=("0",))
    found = samples(_AsItIs(catalog.kind("cae").spec(latent_dim=2), (1, 16, 16)), images)[:, 0, 0] / 255
    assert found.mean(axis=0) == pytest.approx([0.4, 0.65], abs=0.02)
    assert found.std(axis=0) == pytest.approx([0.2 / 12**0.5, 0.1 / 12**0.5], rel=0.3)
    assert np.corrcoef(found.T)[0, 1] < -0.95


def test_what_it_cannot_decode_it_says_and_goes_on(trained: Database, helper: _Helper) -> None:
    assert helper.ask(run=RUN, epoch=2, codes=[[0, 0, 0]])["says"] == "Weights are kept of epoch 3 alone."
    assert helper.ask(run="classifier-digits/0", epoch=3, indices=[0])["says"] == "A classifier makes no images."
    assert "no run" in helper.ask(run="vae-digits/9", epoch=1)["says"]
    assert "cannot be decoded" in helper.ask(run=RUN, epoch=3, codes=[[1, 2]])["says"]
    assert helper.ask(run=RUN, epoch=3, codes=[[0, 0, 0]])["images"]["shape"] == [1, 1, 28, 28]


def test_weights_that_change_are_loaded_anew(trained: Database, helper: _Helper) -> None:
    before = helper.ask(run=RUN, epoch=3, codes=[[0, 0, 0]])
    spec = dataclasses.replace(
        catalog.read_spec(json.loads(trained.root.run(RunName.parse(RUN)).config.read_text())["spec"]), seed=9
    )
    other = jobs.enqueue(trained, spec)
    jobs.run_inline(trained)
    mine, theirs = (trained.root.run(name) for name in (RunName.parse(RUN), other))
    kept = {path: path.read_bytes() for path in (mine.best, mine.last)}
    try:
        mine.best.write_bytes(theirs.best.read_bytes())
        mine.last.write_bytes(theirs.last.read_bytes())
        assert helper.ask(run=RUN, epoch=3, codes=[[0, 0, 0]])["images"] != before["images"]
    finally:
        for path, content in kept.items():
            path.write_bytes(content)
