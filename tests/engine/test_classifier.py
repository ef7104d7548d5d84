"""The classifier: what it takes over, what stays frozen, what it measures, and how it goes on."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine import jobs
from engine.data.images import Images
from engine.models.classifier import Classifier, Features
from engine.session import RunPaused
from engine.spec import ClassifierSpec, RunSpec
from engine.training import evaluate
from engine.training.fit import train
from store.errors import RequestError

FIRST_CONVOLUTION = "model.encoder.convolutions.0.weight"
LAST_MEAN = "model.encoder.convolutions.7.running_mean"
HEAD = "model.encoder.head.1.weight"
OUTPUT = "model.encoder.output.weight"


@pytest.fixture
def make_classifier(make_session: Any) -> Any:
    def make(number: int, **settings: Any) -> Any:
        return make_session(number, kind="classifier", **settings)

    return make


def _images(num: int = 12, labels: torch.Tensor | None = None) -> Images:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (num, 1, 8, 8), dtype=torch.uint8)
    return Images(
        pixels=pixels, labels=torch.arange(num) % 3 if labels is None else labels, class_names=("a", "b", "c")
    )


def _model(**settings: Any) -> Classifier:
    torch.manual_seed(1)
    return Classifier.build(ClassifierSpec(width=2, hidden=4, **settings), _images())


def test_a_classifier_learns_and_says_how_well(make_classifier: Any) -> None:
    session = make_classifier(0, epochs=4, train_limit=0, width=8, hidden=32)
    outcome = train(session)
    assert [record["value"] for record in session.epochs] == session.values
    for record in session.epochs:
        assert record["val_error"] == record["value"]
        assert {"train_loss", "train_error", "val_loss", "lr"} <= set(record)
        assert "val_mse" not in record
    assert outcome.value == min(session.values) < 0.1
    assert set(outcome.test) == {"accuracy", "error"}
    assert outcome.test["accuracy"] > 0.9
    results = json.loads(session.paths.results.read_text())
    confusion = np.array(results["confusion"])
    assert confusion.shape == (10, 10)
    wrong = 1 - confusion.diagonal() / confusion.sum(axis=1)
    assert list(results["error_by_class"].values()) == pytest.approx(wrong.tolist())
    assert confusion.sum() == 180
    assert confusion.trace() / 180 == pytest.approx(outcome.test["accuracy"])
    assert results["classes"] == [str(digit) for digit in range(10)]
    # What the class layer sees is kept as codes; there are no pictures.
    with np.load(session.paths.latents_of(4), allow_pickle=False) as archive:
        assert archive["codes"].shape == (60, 32)
    assert session.paths.image_epochs() == []


@pytest.mark.parametrize("smoothing", [0.0, 0.3])
def test_targets_are_smoothed(smoothing: float) -> None:
    """Beside the definition: 1 - s of the target on the true class, s spread over all of them."""
    logits, labels = torch.tensor([[2.0, -1.0, 0.5], [0.0, 3.0, 1.0]]), torch.tensor([0, 2])
    model = _model(label_smoothing=smoothing, freeze="encoder")
    model.encoder.output = torch.nn.Identity()  # type: ignore[assignment]  # so that logits go in as they are
    targets = (1 - smoothing) * torch.eye(3)[labels] + smoothing / 3
    expected = -(targets * logits.log_softmax(dim=1)).sum(dim=1).mean()
    losses = model.batch_losses(logits, labels, 0.0, None)
    assert losses.loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert losses.error is not None
    assert losses.error.item() == 0.5


def test_confusion_has_the_true_class_in_its_rows() -> None:
    model = _model()
    images = _images(labels=torch.tensor([0] * 7 + [2] * 5))
    with torch.no_grad():
        model.encoder.output.weight.zero_()
        model.encoder.output.bias.copy_(torch.tensor([0.0, 1.0, 0.0]))  # all are taken for class 1
    results = evaluate.measure(model, images)
    assert results.tables["confusion"] == [[0, 7, 0], [0, 0, 0], [0, 5, 0]]
    assert results.figures == {"accuracy": 0.0, "error": 1.0}
    assert evaluate.mean_losses(model, images, 1)["error"] == 1.0


@pytest.mark.parametrize("kind", ["cae", "vae", "dae"])
@pytest.mark.parametrize(
    ("freeze", "same", "other"),
    [
        ("convolutions", [FIRST_CONVOLUTION, LAST_MEAN], [HEAD]),
        ("encoder", [FIRST_CONVOLUTION, LAST_MEAN, HEAD], []),
        ("none", [], [FIRST_CONVOLUTION, LAST_MEAN, HEAD]),
    ],
)
def test_what_is_frozen_stays_what_the_run_brought(
    kind: str, freeze: str, same: list[str], other: list[str], make_session: Any, make_classifier: Any
) -> None:
    source = make_session(0, kind=kind, epochs=1)
    train(source)
    session = make_classifier(1, epochs=2, start_from="trial/0", freeze=freeze)
    train(session)
    assert session.began == [(0, None)]
    assert [record["epoch"] for record in session.epochs] == [1, 2]
    before, after = load_file(source.paths.best), load_file(session.paths.best)
    for name in same:
        assert torch.equal(before[name], after[name]), name
    for name in other:
        assert not torch.equal(before[name], after[name]), name
    assert after[OUTPUT].shape == (10, 16)


def test_the_best_epoch_is_taken_over_not_the_last(make_session: Any, make_classifier: Any) -> None:
    source = make_session(0, epochs=2)
    train(source)
    source.paths.best.write_bytes(_with_first_convolution(source.paths.best, 7.0))
    session = make_classifier(1, epochs=1, start_from="trial/0", freeze="convolutions")
    train(session)
    assert (load_file(session.paths.last)[FIRST_CONVOLUTION] == 7.0).all()


def _with_first_convolution(path: Path, value: float) -> bytes:
    import safetensors.torch
    from safetensors import safe_open

    with safe_open(path, framework="pt") as file:
        metadata = file.metadata()
    del metadata["aetui_crc32"]
    tensors = load_file(path)
    tensors[FIRST_CONVOLUTION].fill_(value)
    return safetensors.torch.save(tensors, metadata)


def test_an_encoder_taken_over_begins_better_than_scratch(make_session: Any, make_classifier: Any) -> None:
    train(make_session(0, epochs=3, train_limit=0, width=8, hidden=32))
    settings = {"epochs": 2, "train_limit": 50, "width": 8, "hidden": 32}
    scratch = train(make_classifier(1, **settings))
    tuned = train(make_classifier(2, start_from="trial/0", **settings))
    assert tuned.test["accuracy"] > scratch.test["accuracy"] + 0.1


@pytest.mark.parametrize("freeze", ["convolutions", "encoder"])
def test_kept_features_change_no_result(freeze: str, monkeypatch: pytest.MonkeyPatch) -> None:
    images = _images(40)
    model = _model(freeze=freeze, label_smoothing=0.0)
    kept = model.prepare(images)
    monkeypatch.setattr("engine.models.classifier._KEPT_BYTES", 0)
    anew = model.prepare(images)
    assert isinstance(kept, Features)
    assert kept._kept is not None
    assert isinstance(anew, Features)
    assert anew._kept is None
    indices = torch.tensor([5, 0, 39])
    torch.testing.assert_close(kept.batch(indices), anew.batch(indices), rtol=1e-3, atol=1e-3)
    exact = evaluate.mean_losses(model, anew, 1)
    assert evaluate.mean_losses(model, kept, 1)["loss"] == pytest.approx(exact["loss"], rel=1e-3)
    # They are the whole network's.
    whole = torch.nn.functional.cross_entropy(model(images.batch(slice(None))), images.labels)
    assert exact["loss"] == pytest.approx(whole.item(), rel=1e-5)


def test_no_gradient_goes_through_what_is_frozen_and_its_averages_rest() -> None:
    model = _model(freeze="convolutions").train()
    before = {name: tensor.clone() for name, tensor in model.encoder.convolutions.state_dict().items()}
    features = model.prepare(_images()).batch(slice(None))
    assert not features.requires_grad
    model.batch_losses(features, _images().labels, 0, None).loss.backward()
    for name, weight in model.named_parameters():
        assert (weight.grad is None) == name.startswith("encoder.convolutions."), name
    assert all(torch.equal(before[name], tensor) for name, tensor in model.encoder.convolutions.state_dict().items())


@pytest.mark.parametrize("freeze", ["none", "convolutions"])
def test_an_interrupted_classifier_ends_as_if_it_had_not_been(
    freeze: str, make_session: Any, make_classifier: Any
) -> None:
    train(make_session(0, epochs=1))
    settings = {"epochs": 3, "start_from": "trial/0", "freeze": freeze}
    undisturbed = make_classifier(1, **settings)
    train(undisturbed)
    session = make_classifier(2, **settings)
    session.die_at_step = 10
    with pytest.raises(RunPaused):
        train(session)
    session = make_classifier(2, **settings)
    train(session)
    assert session.began[0][0] == 1
    assert session.paths.results.read_text() == undisturbed.paths.results.read_text()
    # Stopped, and resumed as a new run that starts from it.
    stopped = make_classifier(3, **settings)
    stopped.stop_after = 2
    train(stopped)
    resumed = make_classifier(4, **{**settings, "start_from": "trial/3"})
    train(resumed)
    assert resumed.began[0][0] == 2
    assert resumed.paths.results.read_text() == undisturbed.paths.results.read_text()


def test_few_labels(make_classifier: Any) -> None:
    session = make_classifier(0, epochs=1, train_limit=30)
    train(session)
    assert session.epochs[0]["step"] == 1


def test_images_without_a_label_are_passed_over() -> None:
    labels = torch.tensor([0, 1, 2, -1, -1, 2])
    model = _model()
    assert len(model.prepare(_images(6, labels))) == 4
    assert sum(map(sum, evaluate.measure(model, _images(6, labels)).tables["confusion"])) == 4
    with pytest.raises(RequestError, match="no image has one"):
        model.prepare(_images(6, torch.full((6,), -1)))


def test_requests_that_cannot_be(make_session: Any, make_classifier: Any, tmp_path: Path) -> None:
    np.savez(tmp_path / "bare.npz", images=np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8))
    with pytest.raises(RequestError, match="needs images with labels"):
        train(make_classifier(0, dataset=str(tmp_path / "bare.npz")))
    with pytest.raises(RequestError, match="must come from a run"):
        train(make_classifier(0, freeze="convolutions"))
    train(make_session(1, epochs=1))
    with pytest.raises(RequestError, match="set width, depth and hidden"):
        train(make_classifier(2, start_from="trial/1", width=5))
    # Only convolutions are taken over: other layers behind them are as good.
    train(make_classifier(3, epochs=1, start_from="trial/1", freeze="convolutions", hidden=9))


def test_what_a_classifier_needs_is_found_before_it_is_queued(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.savez(tmp_path / "bare.npz", images=images)
    np.savez(tmp_path / "labelled.npz", images=images, labels=np.arange(40) % 3)
    spec = RunSpec(kind="classifier", dataset=str(tmp_path / "bare.npz"), epochs=1, model=ClassifierSpec())
    with pytest.raises(RequestError, match="needs images with labels"):
        jobs.check(None, spec, "experiment", tmp_path)
    labelled = dataclasses.replace(spec, dataset=str(tmp_path / "labelled.npz"))
    assert jobs.check(None, labelled, "experiment", tmp_path) == labelled
    with pytest.raises(RequestError, match="must come from a run"):
        jobs.check(None, labelled.with_settings({"freeze": "encoder"}), "experiment", tmp_path)
