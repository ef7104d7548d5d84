"""Codes that a run kept -> clouds in the plane that stay put from epoch to epoch. No scikit-learn: it costs 1.3 s."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Self

import numpy as np

from engine.analysis.projections import Pca, rotation_onto
from engine.arrays_file import UnreadableArrays
from engine.kept_codes import read_codes


@dataclass(frozen=True, eq=False)
class Codes:
    """``codes`` [N, latent_dim], ``labels`` int [N] (-1: none), ``indices`` int [N] in the validation images."""

    epoch: int
    codes: np.ndarray
    labels: np.ndarray
    indices: np.ndarray

    @classmethod
    def load(cls, path: Path) -> Self | None:
        """The codes of one epoch; None where the file is absent or is not one."""
        try:
            return cls.read(path)
        except UnreadableArrays:
            return None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises UnreadableArrays: the file is absent, or does not hold the codes of an epoch."""
        found = read_codes(path)
        return cls(found.epoch, found.codes.astype(np.float32), found.labels, found.indices)


@dataclass(frozen=True, eq=False)
class Plane:
    """A plane in the latent space: the code at (x, y) is ``origin`` [D] + x, y times ``directions`` [2, D]."""

    origin: np.ndarray
    directions: np.ndarray

    def codes_at(self, points: np.ndarray) -> np.ndarray:
        """[N, 2] -> [N, D]."""
        codes: np.ndarray = self.origin + points @ self.directions
        return codes


@dataclass(frozen=True, eq=False)
class Frame:
    """One epoch's cloud: ``points`` [N, 2] of ``codes`` [N, D] on ``plane``; None: no plane, but a t-SNE.

    ``axes``: ``z1 x z2``, or a PCA and its share of the variance, or a t-SNE. ``is_turnable``: its directions are as
    good as any others.
    """

    epoch: int
    points: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    axes: str
    codes: np.ndarray
    plane: Plane | None
    is_turnable: bool = False

    def along(self, first: int, second: int) -> "Frame":
        """The same codes along two of their own axes, counted from 0."""
        origin = np.nan_to_num(np.nanmean(np.where(np.isfinite(self.codes), self.codes, np.nan), axis=0))
        origin[[first, second]] = 0
        directions = np.eye(self.codes.shape[1])[[first, second]]
        points = self.codes[:, [first, second]].astype(float)
        axes = f"z{first + 1} x z{second + 1}"
        return replace(self, points=points, axes=axes, plane=Plane(origin, directions), is_turnable=False)

    def embedded(self, points: np.ndarray) -> "Frame":
        """The same codes where a t-SNE put them: ``points`` [N, 2]."""
        return replace(self, points=points, axes=f"t-SNE of {self.codes.shape[1]}-D", plane=None, is_turnable=True)

    def turned_onto(self, other: "Frame") -> "Frame":
        """The cloud turned, or mirrored, to lie as that of ``other`` does; its places are no codes any more."""
        rotation = _turn(self.points, self.indices, other)
        return replace(self, points=self.points @ rotation, plane=None, axes=f"{self.axes}, turned")

    def is_of_the_images_of(self, other: "Frame") -> bool:
        """Whether the samples of both with the same index can be the same image: their labels agree."""
        _, here, there = np.intersect1d(self.indices, other.indices, return_indices=True)
        return len(here) > 0 and bool((self.labels[here] == other.labels[there]).all())

    def row_of(self, sample: int) -> int | None:
        """Where the sample is that has this index."""
        rows = np.flatnonzero(self.indices == sample)
        return int(rows[0]) if len(rows) else None

    def nearest(self, point: np.ndarray) -> int:
        """The sample (its row) that lies nearest to ``point`` [2]."""
        distances = np.square(self.points - point).sum(axis=1)
        return int(np.nanargmin(distances)) if np.isfinite(distances).any() else 0


@dataclass(frozen=True, eq=False)
class Frames:
    """All epochs kept, ascending. ``knn``: how often neighbours tell the class, where a latent study found that out."""

    frames: tuple[Frame, ...] = ()
    knn: float | None = None

    def grown(self, codes: Codes) -> "Frames":
        before = self.frames[-1] if self.frames else None
        return replace(self, frames=(*self.frames, project(codes, before)))


def project(codes: Codes, before: Frame | None) -> Frame:
    """The plane of ``codes``: raw axes up to two dimensions, else the first two principal components.

    Principal components come with arbitrary signs and can change places: they are turned (and mirrored) onto the
    cloud ``before`` by orthogonal Procrustes analysis (Schoenemann 1966) over the samples that both have.
    """
    values = codes.codes
    dim = values.shape[1]
    if dim == 1:
        spread = (codes.indices * 0.61803398875) % 1.0  # the same sample at the same height every epoch
        points, axes = np.column_stack([values[:, 0], spread]), "z1"
        plane = Plane(np.zeros(1), np.array([[1.0], [0.0]]))
    elif dim == 2:
        points, axes, plane = values, "z1 x z2", Plane(np.zeros(2), np.eye(2))
    else:
        pca = _principal(values)
        axes = f"PCA of {dim}-D, {pca.explained.sum():.0%}"
        points = _projected(pca, values)
        if before is not None:
            pca = pca.turned(_turn(points, codes.indices, before))
            points = _projected(pca, values)
        plane = Plane(pca.mean, pca.components)
    return Frame(codes.epoch, points, codes.labels, codes.indices, axes, values, plane, is_turnable=dim > 2)


def _principal(values: np.ndarray) -> Pca:
    """Of the rows without NaN or inf."""
    known = values[np.isfinite(values).all(axis=1)]
    return Pca.fit(known if len(known) else np.zeros((1, values.shape[1])))


def _projected(pca: Pca, values: np.ndarray) -> np.ndarray:
    """[N, 2]; rows with NaN or inf stay NaN."""
    points = np.full((len(values), 2), np.nan)
    known = np.isfinite(values).all(axis=1)
    points[known] = pca.project(values[known])
    return points


def _turn(points: np.ndarray, indices: np.ndarray, before: Frame) -> np.ndarray:
    _, here, there = np.intersect1d(indices, before.indices, return_indices=True)
    new, old = points[here], before.points[there]
    known = np.isfinite(new).all(axis=1) & np.isfinite(old).all(axis=1)
    return rotation_onto(new[known], old[known]) if known.sum() >= 2 else np.eye(2)
