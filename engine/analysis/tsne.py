"""t-SNE, for helper processes: seconds even for 10,000 codes, but never the screen's own.

Neighbours attract each other pair by pair, all points push each other apart by a mesh (`engine.analysis.repulsion`).
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

from engine.analysis.affinities import affinities
from engine.analysis.projections import Array, Pca
from engine.analysis.repulsion import Mesh

_PERPLEXITY = 30.0
_START_SPREAD = 1e-4
_ITERATIONS = 750
_EXPLORING, _EXAGGERATION = 250, 12.0
_ITERATIONS_ON, _EXAGGERATION_ON = 500, 4.0
"""From another epoch's picture: in half the time as good a one, and one that lies closer to it."""
_LONGEST_STEP = 5.0
_TOLD_EVERY = 25
_PAIRS_AT_ONCE = 1 << 15
"""Their numbers stay in the cache."""

Points = npt.NDArray[np.float32]


def tsne(
    codes: npt.ArrayLike,
    start: npt.ArrayLike | None = None,
    seed: int = 0,
    tell: Callable[[float], None] = lambda part: None,
    iterations: int = _ITERATIONS,
) -> Array:
    """t-SNE in two dimensions (van der Maaten & Hinton 2008): [N, D] -> [N, 2].

    Args:
        start: [N, 2], another epoch's picture, from which the points set out: then this one resembles it; PCA if not
            given.
        tell: called with the part that is done, now and then.
        iterations: for a picture that does not set out from another.

    Codes with NaN or inf have points that are NaN. Fewer than 5 others, too few for neighbourhoods, are shown by PCA.
    """
    codes = np.asarray(codes, np.float64)
    points = np.full((len(codes), 2), np.nan)
    known = np.isfinite(codes).all(axis=1)
    if known.any():
        begin = None if start is None else np.asarray(start, np.float64)[known]
        points[known] = _tsne(codes[known], begin, seed, tell, iterations)
    return points


def _tsne(codes: Array, start: Array | None, seed: int, tell: Callable[[float], None], iterations: int) -> Array:
    principal = Pca.fit(codes).project(codes)
    if len(codes) < 5:
        return principal
    exaggeration = _EXAGGERATION
    if start is not None and np.isfinite(start).any():
        begin = np.where(np.isfinite(start), start, np.nanmean(start, axis=0))
        iterations, exaggeration = _ITERATIONS_ON, _EXAGGERATION_ON
    elif (spread := principal[:, 0].std()) > 0:
        begin = principal / spread * _START_SPREAD
    else:  # all codes are one
        begin = np.random.default_rng(seed).normal(scale=_START_SPREAD, size=(len(codes), 2))
    pairs = affinities(codes, min(_PERPLEXITY, (len(codes) - 1) / 3))
    return _descend(pairs, begin.astype(np.float32), exaggeration, iterations, tell).astype(np.float64)


def _descend(
    pairs: csr_array, points: Points, exaggeration: float, iterations: int, tell: Callable[[float], None]
) -> Points:
    """Gradient descent with momentum and a gain for each coordinate (van der Maaten & Hinton 2008, section 3.4).

    The rate is the number of points over the exaggeration, and no step is longer than 5 (Policar et al. 2024,
    openTSNE; Belkina et al. 2019).
    """
    attract = _Attraction(pairs)
    mesh = Mesh()
    step, gains = np.zeros_like(points), np.ones_like(points)
    with ThreadPoolExecutor(1) as beside:
        for iteration in range(iterations):
            exaggerated, momentum = (exaggeration, 0.5) if iteration < _EXPLORING else (1.0, 0.8)
            rate = len(points) / exaggerated
            pushing = beside.submit(mesh.repulsion, points)
            pull = attract(points)
            push, total = pushing.result()
            gradient = exaggerated * pull - push / np.float32(total)
            gains = np.maximum(np.where(gradient * step < 0, gains + 0.2, gains * 0.8), 0.01).astype(np.float32)
            step = momentum * step - rate * gains * gradient
            length = np.linalg.norm(step, axis=1, keepdims=True)
            step *= np.minimum(1, _LONGEST_STEP / np.maximum(length, 1e-30))
            points = points + step
            points -= points.mean(axis=0)
            if (done := iteration + 1) % _TOLD_EVERY == 0:
                tell(done / iterations)
    return points


class _Attraction:
    def __init__(self, pairs: csr_array) -> None:
        self._first = np.repeat(np.arange(pairs.shape[0]), np.diff(pairs.indptr))
        self._second = pairs.indices.astype(np.intp)
        self._affinities = pairs.data.astype(np.float32)
        self._pairs = csr_array((np.empty_like(self._affinities), pairs.indices, pairs.indptr), shape=pairs.shape)

    def __call__(self, points: Points) -> Points:
        """[N, 2] -> [N, 2]: the sums over j of p_ij (y_i - y_j) / (1 + r^2)."""
        plane = points.view(np.complex64).ravel()  # one gathering for both coordinates
        weights = self._pairs.data
        for begin in range(0, len(weights), _PAIRS_AT_ONCE):
            part = slice(begin, begin + _PAIRS_AT_ONCE)
            between = plane[self._first[part]]
            between -= plane[self._second[part]]
            np.divide(self._affinities[part], 1 + between.real**2 + between.imag**2, out=weights[part])
        with_ones = np.concatenate([points, np.ones((len(points), 1), np.float32)], axis=1)
        sums = self._pairs @ with_ones + self._pairs.T @ with_ones  # each pair counts for both
        pull: Points = points * sums[:, 2:] - sums[:, :2]
        return pull
