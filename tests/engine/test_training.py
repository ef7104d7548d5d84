"""Whole trainings, small ones: their files, their numbers again, interruptions at every place."""

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from engine.session import RunDiverged, RunPaused
from engine.training import checkpoints, fit
from engine.training.fit import train
from store.errors import RequestError

KINDS = [
    ("cae", {}),
    ("dae", {"noise": "0.1..0.4"}),
    ("vae", {"optimizer": "adagrad"}),
    ("cae", {"optimizer": "sgd", "augment": 1}),
]


def _weights(path: Path) -> dict[str, torch.Tensor]:
    return {name: tensor for name, tensor in load_file(path).items() if not name.startswith("rng.")}


def _assert_same_run(one: Any, other: Any) -> None:
    """Weights, moments, metrics (times aside) and results are equal to the last bit."""
    for path, path_of_other in ((one.paths.last, other.paths.last), (one.paths.best, other.paths.best)):
        mine, theirs = _weights(path), _weights(path_of_other)
        assert mine.keys() == theirs.keys()
        for name, tensor in mine.items():
            assert torch.equal(tensor, theirs[name]), name
    assert one.paths.results.read_text() == other.paths.results.read_text()


def _numbers(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{k: v for k, v in record.items() if k not in ("time", "images_per_s")} for record in records]


def _go_on(session: Any, make_session: Any, **arguments: Any) -> Any:
    """A new attempt at the run of ``session``."""
    return make_session(int(session.paths.folder.name), **arguments)


def test_a_run_leaves_what_the_panes_read(make_session: Any) -> None:
    session = make_session(kind="vae", epochs=3)
    outcome = train(session)
    assert [record["epoch"] for record in session.epochs] == [1, 2, 3]
    for record, value in zip(session.epochs, session.values, strict=True):
        assert record["val_mse"] == value
        assert record["val_loss"] == pytest.approx(record["val_mse"] + 5e-4 * record["val_kl"])
        assert {"train_loss", "train_mse", "train_kl", "beta", "lr", "time"} <= set(record)
        # All validation images are looked at: there are fewer than the sample would hold.
        assert sum(record["kl_by_unit"]) == pytest.approx(record["val_kl"], rel=1e-3)
        assert record["active_units"] <= len(record["kl_by_unit"]) == 3
    assert len(session.steps) == 3 * 7
    assert session.steps[-1].keys() >= {"epoch", "step", "loss", "time"}
    assert [record["time"] for record in session.steps] == sorted(record["time"] for record in session.steps)
    assert outcome.value == min(session.values)
    assert not outcome.was_stopped
    assert set(outcome.test) == {"mse", "psnr", "ssim", "kl"}
    results = json.loads(session.paths.results.read_text())
    assert results["test"] == outcome.test
    assert sum(results["kl_by_unit"]) == pytest.approx(outcome.test["kl"], rel=1e-5)
    assert set(results["mse_by_class"]) == set("0123456789")

    with np.load(session.paths.latents_of(2), allow_pickle=False) as archive:
        codes, labels, indices = archive["codes"], archive["labels"], archive["indices"]
    assert (codes.shape, codes.dtype) == ((60, 3), np.float16)
    assert np.bincount(labels).tolist() == [6] * 10
    assert (np.diff(indices) > 0).all()
    with np.load(session.paths.latents_of(3), allow_pickle=False) as archive:
        assert (archive["indices"] == indices).all()
    with np.load(session.paths.images_of(3), allow_pickle=False) as archive:
        assert archive["reconstructions"].shape == (10, 1, 28, 28)
        assert archive["reconstructions"].dtype == np.uint8
        assert (archive["inputs"] == archive["originals"]).all()
        assert archive["labels"].tolist() == list(range(10))
        difference = (archive["originals"] / 255.0 - archive["reconstructions"] / 255.0) ** 2
        np.testing.assert_allclose(archive["errors"], difference.mean(axis=(1, 2, 3)), rtol=0.02)


def test_an_epoch_ends_with_its_files_then_the_checkpoint_then_the_report(make_session: Any) -> None:
    session = make_session(epochs=1)
    train(session)
    assert session.log == [
        "write latents/1.npz",
        "write images/1.npz",
        "write best.safetensors",
        "write last.safetensors",
        "end 1",
        "write results.json",
    ]


@pytest.mark.parametrize(("kind", "settings"), KINDS)
def test_the_same_seed_gives_the_same_numbers_across_any_interruption(
    kind: str, settings: dict[str, Any], make_session: Any
) -> None:
    arguments = {"kind": kind, "epochs": 3, **settings}
    undisturbed = make_session(0, **arguments)
    train(undisturbed)

    # In the middle of the first, the second and the last epoch: what was begun is lost, the rest goes on.
    records: list[dict[str, Any]] = []
    session = make_session(1, **arguments)
    for die_at in (3, 7 + 3, 7 + 6, None):
        session = _go_on(session, make_session, **arguments)
        session.die_at_step = die_at
        torch.manual_seed(1234)  # another process, another state
        if die_at is None:
            train(session)
        else:
            with pytest.raises(RunPaused):
                train(session)
        (epoch, record), *_ = session.began
        assert epoch == len(records)
        assert record == (records[-1] if records else None)
        records += session.epochs
    _assert_same_run(undisturbed, session)
    assert _numbers(records) == _numbers(undisturbed.epochs)
    times = [record["time"] for record in records]
    assert times == sorted(times)


@pytest.mark.parametrize("file", ["2.npz", "best.safetensors", "last.safetensors", "results.json"])
def test_dying_at_any_file_changes_nothing(file: str, make_session: Any) -> None:
    undisturbed = make_session(0, epochs=3)
    train(undisturbed)
    session = make_session(1, epochs=3)
    session.die_at_step = 7 * 2  # so that there is a checkpoint to go on from
    with pytest.raises(RunPaused):
        train(session)
    session = _go_on(session, make_session, epochs=3)
    session.die_writing = file
    with pytest.raises(RunPaused):
        train(session)
    session = _go_on(session, make_session, epochs=3)
    train(session)
    _assert_same_run(undisturbed, session)


def test_other_seeds_give_other_numbers(make_session: Any) -> None:
    values = [train(make_session(seed, epochs=1, seed=seed)).value for seed in range(3)]
    assert len(set(values)) == 3


def test_the_average_is_what_is_validated_and_training_does_not_see_it(make_session: Any) -> None:
    rough = {"epochs": 12, "schedule": "constant", "lr": 0.02, "batch_size": 8, "patience": 0, "precision": "float32"}
    plain, averaged = make_session(0, ema=0, **rough), make_session(1, ema=0.95, **rough)
    for session in (plain, averaged):
        train(session)
    for one, other in zip(plain.epochs, averaged.epochs, strict=True):
        assert one["train_mse"] == other["train_mse"]
        assert one["val_mse"] != other["val_mse"]
    # A rate that never falls leaves the weights shaking about a place that is better than any of theirs.
    late = [sum(record["val_mse"] for record in session.epochs[6:]) for session in (plain, averaged)]
    assert late[1] < 0.98 * late[0]
    mine = checkpoints.read(averaged.paths.last)
    trained = load_file(averaged.paths.last)["trained.encoder.output.weight"]
    assert torch.equal(trained, load_file(plain.paths.last)["model.encoder.output.weight"])
    assert not torch.equal(mine.weights["encoder.output.weight"], trained)


@pytest.mark.parametrize(("kind", "settings"), KINDS[:3])
def test_bfloat16_learns_what_float32_does(kind: str, settings: dict[str, Any], make_session: Any) -> None:
    exact, half = (
        make_session(number, kind, precision=precision, **settings)
        for number, precision in enumerate(("float32", "bfloat16"))
    )
    values = [train(session).value for session in (exact, half)]
    seeds = [train(make_session(2 + seed, kind, precision="float32", seed=seed, **settings)).value for seed in (1, 2)]
    assert exact.epochs[0]["train_mse"] != half.epochs[0]["train_mse"]
    assert abs(values[0] - values[1]) < 2 * (max(values[0], *seeds) - min(values[0], *seeds))


def test_a_stop_ends_after_the_epoch_and_a_new_run_goes_on_from_there(make_session: Any) -> None:
    undisturbed = make_session(0, epochs=4)
    train(undisturbed)
    stopped = make_session(1, epochs=4)
    stopped.stop_after = 2
    outcome = train(stopped)
    assert outcome.was_stopped
    assert outcome.value == min(stopped.values)
    assert not outcome.test
    assert not stopped.paths.results.exists()
    resumed = make_session(2, epochs=4, start_from="trial/1")
    train(resumed)
    assert resumed.began == [(2, stopped.epochs[-1])]
    assert _numbers(stopped.epochs + resumed.epochs) == _numbers(undisturbed.epochs)
    _assert_same_run(undisturbed, resumed)


def test_starting_from_a_run_with_other_settings_takes_its_weights_only(make_session: Any) -> None:
    source = make_session(0, epochs=2)
    train(source)
    session = make_session(1, kind="dae", epochs=3, start_from="trial/0", optimizer="sgd", lr=1e-9, schedule="constant")
    train(session)
    assert session.began[0][0] == 2
    before, after = load_file(source.paths.last), load_file(session.paths.last)
    name = "trained.encoder.convolutions.0.weight"
    torch.testing.assert_close(before[name], after[name])
    assert checkpoints.read(session.paths.best).epoch == 3


@pytest.mark.parametrize("changed", [{}, {"lr": 0.002}, {"optimizer": "sgd", "lr": 0.05}], ids=str)
def test_what_goes_on_and_is_stopped_at_once_can_go_on_once_more(changed: dict[str, Any], make_session: Any) -> None:
    train(make_session(0, epochs=2))
    undisturbed = make_session(1, epochs=4, start_from="trial/0", **changed)
    train(undisturbed)
    stopped = make_session(2, epochs=4, start_from="trial/0", **changed)
    stopped.stop_after = 0
    assert train(stopped).was_stopped
    assert checkpoints.read(stopped.paths.last).epoch == 2
    resumed = make_session(3, epochs=4, start_from="trial/2", **changed)
    train(resumed)
    assert _numbers(resumed.epochs) == _numbers(undisturbed.epochs)
    _assert_same_run(undisturbed, resumed)
    stopped.stop_after = None  # as an attempt of the same run, from its own files
    train(stopped)
    assert _numbers(stopped.epochs) == _numbers(undisturbed.epochs)


def test_starts_that_cannot_be(make_session: Any) -> None:
    train(make_session(0, epochs=2))
    with pytest.raises(RequestError, match="trial/7 has no checkpoint"):
        train(make_session(1, start_from="trial/7"))
    with pytest.raises(RequestError, match="has 2 epochs already"):
        train(make_session(1, epochs=2, start_from="trial/0"))
    with pytest.raises(RequestError, match="trial/0 cannot be started from"):
        train(make_session(1, epochs=3, start_from="trial/0", width=5))


def test_a_damaged_checkpoint_is_set_aside(make_session: Any) -> None:
    session = make_session(epochs=2)
    train(session)
    before = checkpoints.read(session.paths.last).tensors
    session.paths.last.write_bytes(b"damaged")
    train(_go_on(session, make_session, epochs=2))
    assert session.paths.last.with_name("last.safetensors.damaged").read_bytes() == b"damaged"
    after = checkpoints.read(session.paths.last).tensors
    assert all(torch.equal(tensor, after[name]) for name, tensor in before.items())


def test_a_loss_that_is_not_finite_fails_the_run(make_session: Any) -> None:
    session = make_session(optimizer="sgd", lr=100.0, schedule="constant", kind="vae", beta=1000.0, kl_warmup=0)
    with pytest.raises(RunDiverged, match="the loss became"):
        train(session)
    assert not session.steps[-1]["loss"] < 1e6
    assert not session.epochs
    assert not session.paths.last.exists()


def test_early_stopping_is_an_ordinary_end(make_session: Any) -> None:
    session = make_session(epochs=60, patience=1, schedule="constant", lr=0.05, train_limit=20, batch_size=2)
    outcome = train(session)
    assert 2 <= len(session.epochs) < 60
    assert not outcome.was_stopped
    assert outcome.test["mse"] > 0
    results = json.loads(session.paths.results.read_text())
    assert results["best_epoch"] == int(np.argmin(session.values)) + 1
    again = _go_on(
        session, make_session, epochs=60, patience=1, schedule="constant", lr=0.05, train_limit=20, batch_size=2
    )
    train(again)
    assert not again.epochs


def test_a_denoising_run_reports_the_error_at_its_noise(make_session: Any) -> None:
    session = make_session(kind="dae", noise="0..0.5", epochs=1)
    test = train(session).test
    assert set(test) == {"mse", "psnr", "ssim", "mse@gaussian:0.5"}
    with np.load(session.paths.images_of(1), allow_pickle=False) as archive:
        assert (archive["inputs"] != archive["originals"]).any()


def test_kept_epochs_are_thinned_as_the_run_goes(make_session: Any) -> None:
    session = make_session(epochs=10, latent_epochs=4)
    train(session)
    assert session.paths.latent_epochs() == session.paths.image_epochs() == [1, 5, 9, 10]
    one = make_session(1, epochs=3, latent_epochs=1, latent_samples=0)
    train(one)
    assert one.paths.image_epochs() == [3]
    assert one.paths.latent_epochs() == []


def test_step_lines_are_few(make_session: Any) -> None:
    session = make_session(epochs=1, batch_size=2)  # 100 steps
    train(session)
    assert len(session.steps) == 20
    assert session.steps[-1]["step"] == 100


def test_a_fold_trains_and_validates_on_its_own_parts(make_session: Any) -> None:
    sessions = [make_session(n, epochs=1, folds=4, fold=fold) for n, fold in enumerate((0, 1, None))]
    values = {train(session).value for session in sessions}
    assert len(values) == 3
    # Another fold is another course: its validation errors do not count, so its best epoch is not taken over.
    for number, fold, first in ((3, 0, "write best.safetensors"), (4, 1, "write last.safetensors")):
        later = make_session(number, epochs=2, folds=4, fold=fold, start_from="trial/0")
        train(later)
        assert later.log[0] == first


def test_only_the_test_figures_depend_on_the_test_images(make_session: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = {"kind": "classifier", "epochs": 8}
    plain = make_session(0, **settings)
    train(plain)
    read = fit.splits_of

    def with_other_test_images(*arguments: Any) -> Any:
        splits = read(*arguments)
        other = dataclasses.replace(splits.test, pixels=255 - splits.test.pixels)
        return dataclasses.replace(splits, test=other)

    monkeypatch.setattr(fit, "splits_of", with_other_test_images)
    changed = make_session(1, **settings)
    train(changed)
    assert _numbers(changed.epochs) == _numbers(plain.epochs)
    for name, tensor in _weights(plain.paths.best).items():
        assert torch.equal(tensor, _weights(changed.paths.best)[name]), name
    assert changed.paths.results.read_text() != plain.paths.results.read_text()
