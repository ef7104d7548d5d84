"""The pictures that runs kept in their folders, read by the watcher's thread: strips of an epoch, and under noise."""

from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np

from engine.arrays_file import UnreadableArrays, are_images, read_arrays
from store.names import RunName
from store.paths import Root, RunPaths


@dataclass(frozen=True, eq=False)
class Strip:
    """``originals``, ``inputs``, ``reconstructions`` uint8 [N, C, H, W]; ``errors`` [N]; ``labels`` int [N]."""

    epoch: int
    originals: np.ndarray
    inputs: np.ndarray
    reconstructions: np.ndarray
    errors: np.ndarray
    labels: np.ndarray

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The pictures of one epoch; None where the file is absent or is not one."""
        try:
            arrays = read_arrays(path, ("originals", "inputs", "reconstructions", "errors", "labels"))
        except UnreadableArrays:
            return None
        found = cls(int(path.stem), **arrays)
        if not are_images(found.originals, found.inputs, found.reconstructions):
            return None
        return found if _are_numbers(found.errors, found.labels, of=len(found.originals)) else None


@dataclass(frozen=True, eq=False)
class Noisy:
    """Of N test images under K ``noises``: ``inputs`` and ``reconstructions`` uint8 [K, N, C, H, W]."""

    noises: tuple[str, ...]
    originals: np.ndarray
    inputs: np.ndarray
    reconstructions: np.ndarray
    labels: np.ndarray

    @classmethod
    def load(cls, path: Path) -> Self | None:
        try:
            arrays = read_arrays(path, ("noises", "originals", "inputs", "reconstructions", "labels"))
        except UnreadableArrays:
            return None
        noises = arrays.pop("noises")
        found = cls(tuple(map(str, noises.ravel())), **arrays)
        shape = (len(found.noises), *found.originals.shape)
        if not found.inputs.shape == found.reconstructions.shape == shape:
            return None
        if not are_images(found.originals, *found.inputs, *found.reconstructions):
            return None
        return found if _are_numbers(found.labels, of=len(found.originals)) else None


@dataclass(frozen=True, eq=False)
class Album:
    """What a run kept: the ``epochs`` it kept pictures of, ascending, the strip of one of them, those under noise."""

    epochs: tuple[int, ...] = ()
    strip: Strip | None = None
    noisy: Noisy | None = None


@dataclass
class AlbumReader:
    """Reads no file twice that has not changed."""

    root: Root
    _known: dict[RunName, tuple[Hashable, Album]] = field(default_factory=dict)

    def read(self, names: Iterable[RunName], epoch: int | None) -> Mapping[RunName, Album] | None:
        """The albums open at ``epoch``, or at the one kept last before it; None: newest. None if none has changed."""
        known, self._known = self._known, {name: self._open(name, epoch) for name in names}
        if list(known) == list(self._known) and all(known[name] == self._known[name] for name in known):
            return None
        return {name: album for name, (_, album) in self._known.items()}

    def _open(self, name: RunName, epoch: int | None) -> tuple[Hashable, Album]:
        paths = self.root.run(name)
        stamp = (epoch, _stamp(paths.images), _stamp(paths.noisy))
        if name in self._known and self._known[name][0] == stamp:
            return self._known[name]
        return stamp, _album(paths, epoch)


def _album(paths: RunPaths, epoch: int | None) -> Album:
    epochs = paths.image_epochs()
    before = [kept for kept in epochs if epoch is None or kept <= epoch] or epochs[:1]
    strip = Strip.load(paths.images_of(before[-1])) if before else None
    return Album(tuple(epochs), strip, Noisy.load(paths.noisy))


def _are_numbers(*arrays: np.ndarray, of: int) -> bool:
    """One for each of so many images."""
    return all(array.shape == (of,) and array.dtype.kind in "iuf" for array in arrays)


def _stamp(path: Path) -> Hashable:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_ino
