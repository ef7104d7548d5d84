"""Splits of the data sets that need no file, and of MNIST."""

from pathlib import Path

import pytest
import torch

from engine import catalog
from engine.data.images import Images
from engine.data.loading import load_splits
from engine.data.splitting import folded, hold_out, limit, stratified_order
from store.errors import RequestError


def _images(labels: torch.Tensor) -> Images:
    """Images that carry their own position, so that none can be mistaken."""
    positions = torch.arange(len(labels))
    pixels = torch.zeros(len(labels), 1, 8, 8, dtype=torch.uint8)
    pixels[:, 0, 0, 0], pixels[:, 0, 0, 1] = positions % 256, positions // 256
    return Images(pixels=pixels, labels=labels, class_names=tuple(map(str, range(10))))


def _positions(images: Images) -> set[int]:
    pixels = images.pixels.long()
    return set((pixels[:, 0, 0, 0] + 256 * pixels[:, 0, 0, 1]).tolist())


@pytest.mark.parametrize("name", ["mnist-5k", "digits"])
def test_embedded_sets_have_the_stated_sizes_and_all_classes_in_proportion(name: str, tmp_path: Path) -> None:
    splits = load_splits(name, tmp_path)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == catalog.dataset(name).sizes
    assert splits.train.shape == (1, 28, 28)
    for part in (splits.train, splits.validation, splits.test):
        counts = part.labels.bincount(minlength=10)
        assert len(counts) == 10
        assert counts.max() - counts.min() <= 0.1 * len(part) / 10 + 1
        assert part.pixels.max() >= 240
    again = load_splits(name, tmp_path)
    assert torch.equal(splits.test.pixels, again.test.pixels)


def test_mnist_5k_shares_no_image_between_its_parts(tmp_path: Path) -> None:
    splits = load_splits("mnist-5k", tmp_path)
    seen = [{bytes(image.flatten().tolist()) for image in part.pixels} for part in (splits.train, splits.validation)]
    test = {bytes(image.flatten().tolist()) for image in splits.test.pixels}
    assert not (seen[0] & seen[1]) and not (seen[0] & test) and not (seen[1] & test)  # noqa: PT018


def test_mnist_takes_its_official_test_set(mnist_dir: Path) -> None:
    splits = load_splits("mnist", mnist_dir)
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (55000, 5000, 10000)
    assert splits.test.labels[:5].tolist() == [7, 2, 1, 0, 4]
    shares = splits.validation.labels.bincount() / 5000 - splits.train.labels.bincount() / 55000
    assert shares.abs().max() < 4e-4
    assert splits.train.class_names == tuple("0123456789")


def test_every_stretch_of_the_stratified_order_is_stratified() -> None:
    labels = torch.tensor([0] * 700 + [1] * 200 + [2] * 100)
    order = stratified_order(labels)
    assert sorted(order.tolist()) == list(range(1000))
    for start, end in ((0, 100), (100, 300), (500, 1000), (0, 10)):
        counts = labels[order[start:end]].bincount(minlength=3)
        expected = torch.tensor([0.7, 0.2, 0.1]) * (end - start)
        assert (counts - expected).abs().max() <= 1.5, (start, end, counts)


def test_held_out_images_are_disjoint_and_complete() -> None:
    images = _images(torch.arange(1003) % 7)
    rest, held_out = hold_out(images, 101)
    assert len(held_out) == 101
    assert _positions(rest) | _positions(held_out) == set(range(1003))
    assert not _positions(rest) & _positions(held_out)


def test_unlabelled_images_are_split_at_random_not_in_order() -> None:
    _, held_out = hold_out(_images(torch.full((1000,), -1)), 100)
    assert len(_positions(held_out)) == 100
    assert 300 < sum(_positions(held_out)) / 100 < 700


@pytest.mark.parametrize("folds", [2, 5, 10])
def test_folds_are_disjoint_complete_and_stratified(folds: int) -> None:
    images = _images(torch.arange(1003) % 10)
    seen: set[int] = set()
    for fold in range(folds):
        train, validation = folded(images, folds, fold)
        assert _positions(train) == set(range(1003)) - _positions(validation)
        assert not seen & _positions(validation)
        seen |= _positions(validation)
        assert len(validation) in (1003 // folds, 1003 // folds + 1)
        counts = validation.labels.bincount(minlength=10)
        assert counts.max() - counts.min() <= 2
    assert seen == set(range(1003))


def test_folds_of_uneven_classes_keep_their_proportions() -> None:
    images = _images(torch.tensor([0] * 900 + [1] * 90 + [2] * 10))
    for fold in range(5):
        counts = folded(images, 5, fold)[1].labels.bincount(minlength=3).tolist()
        assert abs(counts[0] - 180) <= 2
        assert abs(counts[1] - 18) <= 1
        assert abs(counts[2] - 2) <= 1


def test_the_hold_out_beside_the_folds_is_drawn_apart_from_them() -> None:
    images = _images(torch.arange(1000) % 10)
    train, validation = folded(images, 5, None)
    assert len(validation) == 200
    assert _positions(train) == set(range(1000)) - _positions(validation)
    assert validation.labels.bincount().tolist() == [20] * 10
    for fold in range(5):  # about a fifth of it in each
        shared = len(_positions(folded(images, 5, fold)[1]) & _positions(validation))
        assert 20 < shared < 60


def test_folds_leave_the_test_images_alone(tmp_path: Path) -> None:
    whole = load_splits("digits", tmp_path)
    pooled = whole.train.joined(whole.validation)
    sums = pooled.pixels.long().sum()
    for fold in (None, 0, 3):
        splits = load_splits("digits", tmp_path, folds=4, fold=fold)
        assert torch.equal(splits.test.pixels, whole.test.pixels)
        assert len(splits.train) + len(splits.validation) == len(pooled)
        assert splits.train.pixels.long().sum() + splits.validation.pixels.long().sum() == sums
    cut = load_splits("digits", tmp_path, 100, folds=4, fold=3)
    assert len(cut.train) == 100
    assert torch.equal(cut.validation.pixels, splits.validation.pixels)


def test_more_folds_than_images_are_refused() -> None:
    with pytest.raises(RequestError, match="20 images cannot be cut into 21 folds"):
        folded(_images(torch.arange(20) % 2), 21, 0)


def test_train_limit_cuts_stratified_and_keeps_the_other_parts(tmp_path: Path) -> None:
    whole, cut = load_splits("mnist-5k", tmp_path), load_splits("mnist-5k", tmp_path, train_limit=50)
    assert cut.train.labels.bincount().tolist() == [5] * 10
    assert torch.equal(whole.validation.pixels, cut.validation.pixels)
    assert len(limit(whole.train, 10**9)) == 4000


def test_a_train_limit_of_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="at least 2 images"):
        load_splits("digits", tmp_path, train_limit=1)


def test_an_absent_set_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="aetui data get kmnist"):
        load_splits("kmnist", tmp_path)


def test_damaged_files_say_what_to_do(tmp_path: Path) -> None:
    raw = tmp_path / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        (raw / f"{part}-images-idx3-ubyte").write_bytes(b"\0\0\x08\x03\0")
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(b"")
    with pytest.raises(RequestError, match="damaged"):
        load_splits("mnist", tmp_path)


def test_a_batch_is_scaled_to_one() -> None:
    images = _images(torch.zeros(300, dtype=torch.int64))
    batch = images.batch(torch.tensor([255, 51]))
    assert batch.dtype == torch.float32
    assert batch[:, 0, 0, 0].tolist() == [1.0, pytest.approx(0.2)]
