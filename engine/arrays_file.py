"""Arrays from ``.npz`` files to which anything may have happened: they are read whole and sound, or not at all."""

import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil

from store.printable import printable

Array = npt.NDArray[Any]


class UnreadableArrays(ValueError):
    """One sentence that names the file and says why it cannot be read."""


def read_arrays(path: Path, needed: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Array]:
    """The arrays of those names: all that are ``needed``, and what there is of the ``optional`` ones.

    Nothing is unpickled, and nothing read that would fill the memory.

    Raises:
        UnreadableArrays: the file is absent, damaged or too large, lacks one, or has one of other things than numbers
            and texts.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            sizes = {info.filename.removesuffix(".npy"): info.file_size for info in archive.infolist()}
        _check_sizes([sizes[name] for name in (*needed, *optional) if name in sizes])
        if lacking := [name for name in needed if name not in sizes]:
            there = printable(", ".join(sizes)) or "nothing"
            raise UnreadableArrays(f"{path} has no array named {lacking[0]}, only {there}.")
        with np.load(path, allow_pickle=False) as arrays:
            names = (*needed, *(name for name in optional if name in sizes))
            return {name: _array(name, arrays[name]) for name in names}
    except UnreadableArrays:
        raise
    except Exception as error:  # zipfile, zlib and numpy raise whatever the bytes led them into
        why = str(error).strip().partition("\n")[0] or type(error).__name__
        raise UnreadableArrays(f"{path} cannot be read: {why.rstrip('.')}.") from error


def _array(name: str, found: object) -> Array:
    """Raises ValueError: it is what numpy gives for a member that is not of its format, the bytes as they are."""
    if not isinstance(found, np.ndarray):
        raise ValueError(f"{name} is no array")
    return found


def are_images(*arrays: Array) -> bool:
    """Whether they are uint8 [N, C, H, W], all of one shape, none of them empty."""
    first = arrays[0]
    return first.ndim == 4 and first.size > 0 and all(a.shape == first.shape and a.dtype == np.uint8 for a in arrays)


def _check_sizes(sizes: Sequence[int]) -> None:
    """Raises MemoryError: by what the file says of itself, its arrays do not fit into memory."""
    free = psutil.virtual_memory().available
    if sum(sizes) > free // 2:
        raise MemoryError(f"its arrays take {sum(sizes) / 1e9:.3g} GB, and {free / 1e9:.3g} GB of memory are free")
