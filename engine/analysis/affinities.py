"""How near codes are to each other, as t-SNE sees it: a probability for each pair of neighbours."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, triu
from sklearn.neighbors import NearestNeighbors

_NEIGHBOURS_PER_PERPLEXITY = 3
"""Farther ones count as nothing (van der Maaten 2014, section 4.1)."""
_MOST_STEPS, _TOLERANCE = 64, 1e-4


def affinities(codes: npt.NDArray[np.float64], perplexity: float) -> csr_array:
    """Joint probabilities p_ij of pairs (van der Maaten & Hinton 2008, section 2): [N, D] -> [N, N], upper triangle.

    p_ij = (p_j|i + p_i|j) / 2N; the triangle sums to 1/2. A point's own width is such that the entropy of its
    neighbours is the logarithm of ``perplexity``, which is at most (N - 1) / 3.
    """
    num_codes = len(codes)
    num_neighbours = min(num_codes - 1, int(_NEIGHBOURS_PER_PERPLEXITY * perplexity))
    distances, neighbours = NearestNeighbors(n_neighbors=num_neighbours).fit(codes).kneighbors()
    conditional = _conditional(distances**2, perplexity)
    starts = np.arange(0, num_codes * num_neighbours + 1, num_neighbours)
    one_way = csr_array((conditional.ravel(), neighbours.ravel(), starts), shape=(num_codes, num_codes))
    return triu(one_way + one_way.T, k=1, format="csr") / (2 * num_codes)


def _conditional(squared: npt.NDArray[np.float64], perplexity: float) -> npt.NDArray[np.float64]:
    """p_j|i from squared distances [N, K]; the precision of each point is found by bisection."""
    squared = squared - squared.min(axis=1, keepdims=True)  # changes nothing but keeps exp from underflow
    precision = 1 / np.maximum(squared.mean(axis=1), 1e-12)
    low, high = np.zeros_like(precision), np.full_like(precision, np.inf)
    for _ in range(_MOST_STEPS):
        weights = np.exp(-squared * precision[:, None])
        total = weights.sum(axis=1)
        excess = np.log(total) + precision * (squared * weights).sum(axis=1) / total - np.log(perplexity)
        if np.abs(excess).max() < _TOLERANCE:
            break
        is_wide = excess > 0
        low, high = np.where(is_wide, precision, low), np.where(is_wide, high, precision)
        precision = np.where(np.isinf(high), 2 * precision, (low + high) / 2)
    normalised: npt.NDArray[np.float64] = weights / total[:, None]
    return normalised
