"""t-SNE through scikit-learn: for helper processes, never for the screen's own."""

import numpy as np
import numpy.typing as npt
from sklearn.manifold import TSNE

from engine.analysis.projections import Array, Pca

_PERPLEXITY = 30.0
_START_SPREAD = 1e-4


def tsne(codes: npt.ArrayLike, start: npt.ArrayLike | None = None, seed: int = 0) -> Array:
    """t-SNE in two dimensions (van der Maaten & Hinton 2008): [N, D] -> [N, 2]; takes seconds.

    Args:
        start: [N, 2], where the points set out from (another epoch's picture: then this one resembles it); PCA if not
            given.

    Fewer than 5 images, too few for neighbourhoods, are shown by PCA.
    """
    codes = np.asarray(codes, np.float64)
    principal = Pca.fit(codes).project(codes)
    if len(codes) < 5:
        return principal
    begin = principal if start is None else np.asarray(start, np.float64)
    spread = begin[:, 0].std()
    if spread > 0:
        begin = begin / spread * _START_SPREAD
    else:  # all codes are one
        begin = np.random.default_rng(seed).normal(scale=_START_SPREAD, size=(len(codes), 2))
    method = TSNE(init=begin.astype(np.float32), perplexity=min(_PERPLEXITY, (len(codes) - 1) / 3), random_state=seed)
    points: Array = method.fit_transform(codes.astype(np.float32)).astype(np.float64)
    return points
