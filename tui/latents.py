"""Codes that a run kept -> clouds in the plane that stay put from epoch to epoch. No scikit-learn: it costs 1.3 s."""

import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import numpy as np

from engine.analysis.projections import Pca, rotation_onto


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
            with np.load(path, allow_pickle=False) as arrays:
                codes = arrays["codes"].astype(np.float32)
                return cls(int(path.stem), codes.reshape(len(codes), -1), arrays["labels"], arrays["indices"])
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return None


@dataclass(frozen=True, eq=False)
class Frame:
    """One epoch's cloud: ``points`` [N, 2]. ``axes``: ``z1 x z2``, or a PCA and its share of the variance."""

    epoch: int
    points: np.ndarray
    labels: np.ndarray
    indices: np.ndarray
    axes: str


@dataclass(frozen=True, eq=False)
class Frames:
    """All epochs kept, ascending."""

    frames: tuple[Frame, ...] = ()

    def grown(self, codes: Codes) -> "Frames":
        return Frames((*self.frames, project(codes, self.frames[-1] if self.frames else None)))


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
    elif dim == 2:
        points, axes = values, "z1 x z2"
    else:
        points, share = _principal_plane(values)
        axes = f"PCA of {dim}-D, {share:.0%}"
        if before is not None:
            points = points @ _turn(points, codes.indices, before)
    return Frame(codes.epoch, points, codes.labels, codes.indices, axes)


def _principal_plane(values: np.ndarray) -> tuple[np.ndarray, float]:
    """Scores [N, 2] on the first two components and their share of the variance; rows with NaN or inf stay NaN."""
    plane = np.full((len(values), 2), np.nan)
    known = np.isfinite(values).all(axis=1)
    if not known.any():
        return plane, 0.0
    pca = Pca.fit(values[known])
    plane[known] = pca.project(values[known])
    return plane, float(pca.explained.sum())


def _turn(points: np.ndarray, indices: np.ndarray, before: Frame) -> np.ndarray:
    _, here, there = np.intersect1d(indices, before.indices, return_indices=True)
    new, old = points[here], before.points[there]
    known = np.isfinite(new).all(axis=1) & np.isfinite(old).all(axis=1)
    return rotation_onto(new[known], old[known]) if known.sum() >= 2 else np.eye(2)
