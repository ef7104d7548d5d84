"""A user's own images: good files, and one sentence for each bad one."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from engine.data.loading import load_splits
from engine.data.own_files import read
from store.errors import RequestError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (40, 12, 9), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "mes images \u00e0 moi"
    path.mkdir()
    return path


def _save(folder: Path, **arrays: Any) -> Path:
    path = folder / "own.npz"
    np.savez(path, **arrays)
    return path


def test_npz_gives_stratified_splits(folder: Path) -> None:
    path = _save(folder, images=GREY, labels=np.repeat([3, 7], 20))
    splits = load_splits(str(path), folder)
    assert splits.train.shape == (1, 12, 9)
    assert [len(part) for part in (splits.train, splits.validation, splits.test)] == [32, 4, 4]
    assert splits.test.class_names == ("3", "7")
    assert splits.test.labels.tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("images", "shape"),
    [
        (GREY, (40, 1, 12, 9)),
        (GREY[:, None], (40, 1, 12, 9)),
        (np.stack([GREY] * 3, axis=-1), (40, 3, 12, 9)),
        (np.stack([GREY] * 4, axis=1), (40, 4, 12, 9)),
        (np.stack([GREY] * 2, axis=1), (40, 2, 12, 9)),
    ],
)
def test_shapes(folder: Path, images: np.ndarray, shape: tuple[int, ...]) -> None:
    own = read(_save(folder, images=images))
    assert own.pixels.shape == shape
    assert (own.pixels[:, 0] == GREY).all()
    assert (own.labels == -1).all()


@pytest.mark.parametrize(
    "images", [GREY.astype(np.float32), GREY / 255, GREY.astype(np.int64), GREY.astype(np.float16)]
)
def test_values_of_any_type_come_back_as_bytes(folder: Path, images: np.ndarray) -> None:
    assert (read(_save(folder, images=images)).pixels[:, 0] == GREY).all()


def test_masks_span_black_to_white(folder: Path) -> None:
    assert set(np.unique(read(_save(folder, images=GREY > 128)).pixels)) == {0, 255}


def test_labels_may_be_texts_or_partly_missing(folder: Path) -> None:
    own = read(_save(folder, images=GREY, labels=np.array(["chat", "chien"] * 20)))
    assert own.class_names == ("chat", "chien")
    assert own.labels[:2].tolist() == [0, 1]
    partly = read(_save(folder, images=GREY, labels=np.array([-1, 5.0, 9.0, 5.0] * 10)))
    assert partly.labels[:4].tolist() == [-1, 0, 1, 0]
    assert partly.class_names == ("5", "9")


def _with_nan() -> np.ndarray:
    images = GREY / 255
    images[3, 2, 1] = np.nan
    return images


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"pictures": GREY}, "no array named images, only pictures"),
        ({"images": GREY[0]}, "N x H x W"),
        ({"images": GREY[:5]}, "holds 5 images"),
        ({"images": GREY[:, :4]}, "at least 8 x 8"),
        ({"images": _with_nan()}, "NaN"),
        ({"images": GREY - 300.0}, "range from"),
        ({"images": GREY * 2.0}, "range from"),
        ({"images": np.array([["a"] * 10] * 10)[None].repeat(10, 0)}, "type <U1"),
        ({"images": GREY.astype(complex)}, "complex"),
        ({"images": GREY.astype(object)}, "cannot be read"),
        ({"images": GREY, "labels": np.arange(39)}, "labels of shape"),
        ({"images": GREY, "labels": np.linspace(0, 1, 40)}, "whole numbers"),
        ({"images": np.zeros((0, 28, 28))}, "holds 0 images"),
    ],
)
def test_bad_npz(folder: Path, arrays: dict[str, Any], sentence: str) -> None:
    path = _save(folder, **arrays)
    with pytest.raises(RequestError, match=sentence) as caught:
        load_splits(str(path), folder)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)


def test_files_that_are_no_npz(folder: Path) -> None:
    path = folder / "own.npz"
    path.write_bytes(b"PK\x03\x04 not quite a zip")
    with pytest.raises(RequestError, match="cannot be read"):
        read(path)
    whole = _save(folder, images=GREY).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RequestError, match="cannot be read"):
        read(path)
    with pytest.raises(RequestError, match="neither"):
        read(folder / "own.csv")
    np.save(folder / "own.npy", GREY)
    (folder / "own.npy").rename(path)
    with pytest.raises(RequestError, match="cannot be read"):
        read(path)


def _draw(path: Path, mode: str = "L", size: tuple[int, int] = (9, 12)) -> None:
    path.parent.mkdir(exist_ok=True)
    Image.new(mode, size, 100 if mode in ("L", "I;16") else (10, 20, 30)).save(path)


def test_folder_with_one_folder_a_class(folder: Path) -> None:
    for number in range(10):
        _draw(folder / "chat" / f"{number}.png")
        _draw(folder / "chien" / f"{number}.jpg", "RGB")
    (folder / "chat" / "notes.txt").write_text("not an image")
    own = read(folder)
    assert own.pixels.shape == (20, 3, 12, 9)
    assert own.class_names == ("chat", "chien")
    assert own.labels.tolist() == [0] * 10 + [1] * 10
    assert (own.pixels[0] == 100).all()


def test_flat_grey_folder_is_unlabelled(folder: Path) -> None:
    for number in range(10):
        _draw(folder / f"{number}.PNG")
    own = read(folder)
    assert own.pixels.shape == (10, 1, 12, 9)
    assert (own.labels == -1).all()


def test_bad_folders(folder: Path) -> None:
    with pytest.raises(RequestError, match="holds no images"):
        read(folder)
    for number in range(10):
        _draw(folder / f"{number}.png")
    _draw(folder / "a.png", size=(10, 12))
    with pytest.raises(RequestError, match=r"a\.png has 10 x 12 pixels"):
        read(folder)
    (folder / "a.png").write_bytes(b"no picture")
    with pytest.raises(RequestError, match="cannot be read as an image"):
        read(folder)
    _draw(folder / "a.png", "I;16")
    with pytest.raises(RequestError, match="more than 8 bits"):
        read(folder)
    (folder / "a.png").unlink()
    _draw(folder / "class" / "b.png")
    with pytest.raises(RequestError, match="folders of images"):
        read(folder)
