"""Codes seen in two dimensions: PCA, and turning one epoch's picture onto another's.

numpy alone: the screen uses this in its own process. t-SNE (scipy, seconds) is ``engine.analysis.tsne``, run in
a helper process, ``engine.analysis.project``.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

import numpy as np
import numpy.typing as npt

from engine.arrays_file import UnreadableArrays, read_arrays

Method = Literal["pca", "tsne"]
Array = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pca:
    """Principal components: ``mean`` [D], ``components`` [K, D] of unit length, ``variances`` [K] along them.

    ``explained`` [K] is each component's part of the total variance.
    """

    mean: Array
    components: Array
    variances: Array
    explained: Array

    @classmethod
    def fit(cls, codes: npt.ArrayLike, num_components: int = 2) -> Self:
        """The ``num_components`` directions of largest variance of ``codes`` [N, D].

        Each component's largest entry is positive, so the same codes give the same picture. With fewer dimensions (or
        images) than asked for, the rest are zero: one-dimensional codes lie on a line.
        """
        codes = np.asarray(codes, np.float64)
        mean = codes.mean(axis=0)
        # [N, D] -> right singular vectors [min(N, D), D]; of the triangular factor, which has the same, where N > D.
        tall = codes.shape[0] > codes.shape[1]
        centred = np.linalg.qr(codes - mean, mode="r") if tall else codes - mean
        _, singular, directions = np.linalg.svd(centred, full_matrices=False)
        largest = np.abs(directions).argmax(axis=1)
        directions = directions * np.where(directions[np.arange(len(largest)), largest] < 0, -1.0, 1.0)[:, None]
        variances = singular**2 / max(len(codes) - 1, 1)
        found = min(num_components, len(directions))
        components = np.zeros((num_components, codes.shape[1]))
        components[:found] = directions[:found]
        kept = np.zeros(num_components)
        kept[:found] = variances[:found]
        total = variances.sum()
        return cls(mean=mean, components=components, variances=kept, explained=kept / total if total > 0 else kept)

    def project(self, codes: npt.ArrayLike) -> Array:
        """[N, D] -> [N, K]."""
        points: Array = (np.asarray(codes, np.float64) - self.mean) @ self.components.T
        return points

    def inverse(self, points: npt.ArrayLike) -> Array:
        """The codes in the plane of the components at ``points``: [N, K] -> [N, D]."""
        codes: Array = np.asarray(points, np.float64) @ self.components + self.mean
        return codes

    def turned(self, rotation: Array) -> Self:
        """The same plane with its points turned: ``turned(R).project(x) == project(x) @ R``.

        ``variances`` and ``explained`` stay those of the principal directions.
        """
        return replace(self, components=rotation.T @ self.components)


def rotation_onto(points: npt.ArrayLike, reference: npt.ArrayLike) -> Array:
    """The rotation or reflection R [K, K] that brings ``points @ R`` closest to ``reference``, both [N, K], centred.

    Orthogonal Procrustes (Schönemann 1966). Rows with NaN or inf in either are left out.
    """
    cloud, other = np.asarray(points, np.float64), np.asarray(reference, np.float64)
    known = np.isfinite(cloud).all(axis=1) & np.isfinite(other).all(axis=1)
    if not known.any():
        return np.eye(cloud.shape[1])
    cloud, other = cloud[known], other[known]
    u, _, vt = np.linalg.svd((cloud - cloud.mean(axis=0)).T @ (other - other.mean(axis=0)))
    rotation: Array = u @ vt
    return rotation


def align(points: npt.ArrayLike, reference: npt.ArrayLike) -> Array:
    """``points`` [N, K] turned or mirrored about their centre to lie as ``reference`` does; distances are kept.

    Row i of both is the same image.
    """
    points = np.asarray(points, np.float64)
    known = np.isfinite(points).all(axis=1)
    centre = points[known].mean(axis=0) if known.any() else np.zeros(points.shape[1])
    aligned: Array = (points - centre) @ rotation_onto(points, reference) + centre
    return aligned


def projection_path(codes_path: Path, method: Method) -> Path:
    """Where the projection of ``EPOCH.npz`` is cached: ``EPOCH.METHOD.npz`` beside it."""
    return codes_path.with_name(f"{codes_path.stem}.{method}.npz")


def source_of(codes_path: Path) -> str:
    """What a projection of that file notes of it: other codes, as after a run was taken over, need another one.

    Raises:
        OSError: it cannot be read.
    """
    return hashlib.sha256(codes_path.read_bytes()).hexdigest()[:32]


def read_projection(path: Path, source: str | None = None) -> Array | None:
    """The points [N, 2] of a cached projection; None if there is none, it is damaged, or of another ``source``."""
    try:
        found = read_arrays(path, ("points",), optional=("source",))
    except UnreadableArrays:
        return None
    points = found["points"]
    is_other = source is not None and str(found.get("source", "")) != source
    if is_other or points.dtype.kind != "f" or points.ndim != 2 or points.shape[1] != 2:
        return None
    return points.astype(np.float64)
