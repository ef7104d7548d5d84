"""t-SNE through scikit-learn: for helper processes, never for the screen's own."""

import contextlib
import io
import re
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE

from engine.analysis.projections import Array, Pca

_PERPLEXITY = 30.0
_START_SPREAD = 1e-4
_ITERATIONS = 1000
_ITERATIONS_ON, _EXAGGERATION_ON = 500, 4.0
"""From another epoch's picture: in half the time as good a one, and one that lies closer to it."""


def tsne(
    codes: npt.ArrayLike,
    start: npt.ArrayLike | None = None,
    seed: int = 0,
    tell: Callable[[float], None] = lambda part: None,
    iterations: int = _ITERATIONS,
) -> Array:
    """t-SNE in two dimensions (van der Maaten & Hinton 2008): [N, D] -> [N, 2]; takes seconds.

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
    exaggeration = 12.0
    if start is not None and np.isfinite(start).any():
        begin = np.where(np.isfinite(start), start, np.nanmean(start, axis=0))
        iterations, exaggeration = _ITERATIONS_ON, _EXAGGERATION_ON
    elif (spread := principal[:, 0].std()) > 0:
        begin = principal / spread * _START_SPREAD
    else:  # all codes are one
        begin = np.random.default_rng(seed).normal(scale=_START_SPREAD, size=(len(codes), 2))
    method = TSNE(
        init=begin.astype(np.float32),
        perplexity=min(_PERPLEXITY, (len(codes) - 1) / 3),
        early_exaggeration=exaggeration,
        max_iter=iterations,
        random_state=seed,
        verbose=2,
    )
    with contextlib.redirect_stdout(_Listening(lambda iteration: tell(iteration / iterations))):
        points: Array = method.fit_transform(codes.astype(np.float32)).astype(np.float64)
    return points


class _Listening(io.TextIOBase):
    """What scikit-learn prints tells how far it is; it has no other way to."""

    def __init__(self, tell: Callable[[int], None]) -> None:
        self._tell = tell

    def write(self, text: str) -> int:
        if found := re.search(r"Iteration (\d+): error", text):
            self._tell(int(found[1]))
        return len(text)
