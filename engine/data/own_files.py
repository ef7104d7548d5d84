"""A user's own images: a ``.npz`` file or a folder. Free of torch, so that a request is checked before it is queued."""

import logging
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.arrays_file import UnreadableArrays, read_arrays
from store.errors import RequestError

MIN_IMAGES = 10
MIN_SIDE = 8
_CHANNELS = (1, 3, 4)
_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".tif", ".tiff", ".pgm", ".ppm"})

logging.getLogger("PIL").addHandler(logging.NullHandler())  # what it finds in a damaged image is told by who reads it


@dataclass(frozen=True, eq=False)
class OwnImages:
    """``pixels`` uint8 [N, C, H, W]; ``labels`` int64 [N], positions in ``class_names``, -1 where unlabelled."""

    pixels: np.ndarray
    labels: np.ndarray
    class_names: tuple[str, ...]


def read(path: Path) -> OwnImages:
    """Read and check ``path``, a ``.npz`` file or a folder of images.

    Raises:
        RequestError: it is neither, or cannot be used.
    """
    if path.is_dir():
        return _read_folder(path)
    if path.suffix == ".npz" and path.is_file():
        return _read_npz(path)
    raise RequestError(f"{path} is neither a .npz file nor a folder of images.")


# .npz -----------------------------------------------------------------------------------------------------------------


def check(name: str, data_dir: Path) -> None:
    """Raises RequestError: the ``.npz`` file or image folder at the path ``name`` cannot be used."""
    read(Path(name))


def check_labels(name: str, data_dir: Path) -> None:
    """Raises RequestError: it cannot be used, or its images have no labels of at least two classes."""
    require_classes(read(Path(name)).class_names)


def require_classes(class_names: Sequence[str]) -> None:
    """Raises RequestError: there are fewer than two classes."""
    if len(class_names) < 2:
        raise RequestError("A classifier needs images with labels of at least two classes: this data set has none.")


def _read_npz(path: Path) -> OwnImages:
    """``images`` [N, H, W], [N, C, H, W] or [N, H, W, 1 | 3 | 4], 0..1 or 0..255; ``labels`` [N], optional."""
    try:
        arrays = read_arrays(path, ("images",), ("labels",))
    except UnreadableArrays as error:
        raise RequestError(str(error)) from error
    pixels = _as_pixels(path, arrays["images"])
    labels, class_names = _as_labels(path, arrays.get("labels"), len(pixels))
    return OwnImages(pixels, labels, class_names)


def _as_pixels(path: Path, images: np.ndarray) -> np.ndarray:
    if images.ndim == 3:
        images = images[:, None]
    elif images.ndim == 4 and images.shape[3] in _CHANNELS and images.shape[1] not in _CHANNELS:
        images = images.transpose(0, 3, 1, 2)
    elif images.ndim != 4:
        raise RequestError(f"The images of {path} have shape {images.shape}: N x H x W or N x C x H x W is needed.")
    _check_size(path, images.shape)
    if images.dtype.kind not in "buif":
        raise RequestError(f"The images of {path} are of type {images.dtype}: uint8 or float is needed.")
    low, high = float(images.min()), float(images.max())
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RequestError(f"The images of {path} hold NaN or infinity.")
    if low < 0 or high > 255:
        raise RequestError(f"The images of {path} range from {low:g} to {high:g}: 0..1 or 0..255 is needed.")
    if high <= 1:  # masks too: an image set with no pixel above 1/255 is black
        images = images * np.float32(255)
    if images.dtype != np.uint8:
        images = np.rint(images).astype(np.uint8)
    return np.ascontiguousarray(images)


def _as_labels(path: Path, labels: np.ndarray | None, num_images: int) -> tuple[np.ndarray, tuple[str, ...]]:
    if labels is None:
        return np.full(num_images, -1, np.int64), ()
    if labels.shape not in ((num_images,), (num_images, 1)):
        raise RequestError(
            f"{path} has labels of shape {labels.shape} for {num_images} images: one an image is needed."
        )
    labels = labels.reshape(num_images)
    if labels.dtype.kind == "f" and np.isfinite(labels).all() and (labels == np.rint(labels)).all():
        labels = labels.astype(np.int64)
    if labels.dtype.kind not in "buiU":
        raise RequestError(f"The labels of {path} are of type {labels.dtype}: whole numbers or texts are needed.")
    named = labels != -1 if labels.dtype.kind == "i" else np.ones(num_images, bool)
    classes, positions = np.unique(labels[named], return_inverse=True)
    result = np.full(num_images, -1, np.int64)
    result[named] = positions
    return result, tuple(str(name) for name in classes.tolist())


# folder ---------------------------------------------------------------------------------------------------------------


def _read_folder(folder: Path) -> OwnImages:
    """Image files side by side (unlabelled), or in one folder a class; all of one size."""
    flat = _image_files(folder)
    classes = {}
    for entry in sorted(folder.iterdir()):
        if entry.is_dir() and not entry.name.startswith(".") and (files := _image_files(entry)):
            classes[entry.name] = files
    if flat and classes:
        raise RequestError(f"{folder} holds images and folders of images: put all side by side, or one folder a class.")
    files = flat or [file for members in classes.values() for file in members]
    if not files:
        raise RequestError(f"{folder} holds no images ({', '.join(sorted(_SUFFIXES))}).")
    labels = [-1] * len(flat) + [position for position, members in enumerate(classes.values()) for _ in members]
    pixels = _read_files(folder, files)
    return OwnImages(pixels, np.array(labels, np.int64), tuple(classes))


def _image_files(folder: Path) -> list[Path]:
    try:
        return sorted(
            entry
            for entry in folder.iterdir()
            if entry.suffix.lower() in _SUFFIXES and entry.is_file() and not entry.name.startswith(".")
        )
    except OSError as error:
        raise RequestError(f"{folder} cannot be read ({error.strerror}).") from error


def _read_files(folder: Path, files: Sequence[Path]) -> np.ndarray:
    pictures = [read_image(file) for file in files]
    if any(picture.ndim == 3 for picture in pictures):
        pictures = [picture if picture.ndim == 3 else np.stack([picture] * 3, axis=2) for picture in pictures]
    first = pictures[0].shape
    for file, picture in zip(files, pictures, strict=True):
        if picture.shape != first:
            raise RequestError(
                f"{file} has {picture.shape[1]} x {picture.shape[0]} pixels, but {files[0].name} has "
                f"{first[1]} x {first[0]}: all images must have one size."
            )
    stacked = np.stack(pictures)
    images = stacked[:, None] if stacked.ndim == 3 else stacked.transpose(0, 3, 1, 2)
    _check_size(folder, images.shape)
    return np.ascontiguousarray(images)


def read_image(file: Path) -> np.ndarray:
    """uint8 [H, W] of a grey picture, [H, W, 3] of any other."""
    from PIL import Image  # 60 ms, for folders only

    try:
        with (
            warnings.catch_warnings(action="error", category=Image.DecompressionBombWarning),
            Image.open(file) as picture,
        ):
            if picture.mode.startswith(("I", "F")):
                raise RequestError(f"{file} has more than 8 bits a pixel: save it with 8.")
            result: Any = np.asarray(picture.convert("L" if picture.mode in ("1", "L", "LA") else "RGB"))
    except RequestError:
        raise
    except Exception as error:  # Pillow raises whatever the bytes led it into
        raise RequestError(f"{file} cannot be read as an image.") from error
    return np.asarray(result, np.uint8)


def _check_size(path: Path, shape: tuple[int, ...]) -> None:
    num_images, num_channels, height, width = shape
    if num_images < MIN_IMAGES:
        raise RequestError(f"{path} holds {num_images} images: at least {MIN_IMAGES} are needed.")
    if min(height, width) < MIN_SIDE or num_channels < 1:
        raise RequestError(
            f"{path} holds images of {num_channels} channels and {height} x {width} pixels: "
            f"at least {MIN_SIDE} x {MIN_SIDE} pixels are needed."
        )
