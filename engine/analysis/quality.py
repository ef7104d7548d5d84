"""How well codes tell classes apart, and how true a projection is to them."""

import warnings

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

_NUM_NEIGHBOURS = 10
_FOLDS = 5
_MAX_CROSS_VALIDATED = 10_000
_MAX_PAIRWISE = 2000
"""Images where time and memory grow with their square."""


def quality(codes: npt.NDArray[np.float32], labels: npt.NDArray[np.int64], points: npt.ArrayLike) -> dict[str, float]:
    """Figures of ``codes`` [N, D] with ``labels`` [N] (-1: none), and of their projection ``points`` [N, K].

    Returns:
        ``knn_accuracy`` (10 neighbours) and ``linear_probe_accuracy`` (logistic regression on standardized codes), each
        by stratified 5-fold cross-validation over 10,000 images at most; ``silhouette`` of the classes (Rousseeuw 1987)
        and ``trustworthiness`` of the points (Venna & Kaski 2001; 1 for the codes themselves), over 2,000 images at
        most. A figure is absent where there are too few images or classes for it.
    """
    found: dict[str, float] = {}
    labelled = labels >= 0
    known, classes = codes[labelled].astype(np.float64), labels[labelled]
    chosen = _some(len(known), _MAX_CROSS_VALIDATED)
    known, classes = known[chosen], classes[chosen]
    counts = np.unique(classes, return_counts=True)[1]
    if len(counts) >= 2 and counts.min() >= _FOLDS:
        folds = StratifiedKFold(_FOLDS, shuffle=True, random_state=0)
        # In the smallest training part.
        neighbours = KNeighborsClassifier(min(_NUM_NEIGHBOURS, len(known) * (_FOLDS - 1) // _FOLDS - 1))
        probe = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)  # near enough
            found["knn_accuracy"] = float(cross_val_score(neighbours, known, classes, cv=folds).mean())
            found["linear_probe_accuracy"] = float(cross_val_score(probe, known, classes, cv=folds).mean())
    chosen = _some(len(known), _MAX_PAIRWISE)
    if 2 <= len(np.unique(classes[chosen])) < len(chosen):
        found["silhouette"] = float(silhouette_score(known[chosen], classes[chosen]))
    chosen = _some(len(codes), _MAX_PAIRWISE)
    neighbours_compared = min(_NUM_NEIGHBOURS, (len(chosen) - 1) // 2)  # it must stay below half of them
    if neighbours_compared >= 1:
        shown = np.asarray(points, np.float64)[chosen]
        found["trustworthiness"] = float(trustworthiness(codes[chosen], shown, n_neighbors=neighbours_compared))
    return found


def _some(num_images: int, at_most: int) -> npt.NDArray[np.int64]:
    """Positions of a fixed random part of the images, in order."""
    return np.sort(np.random.default_rng(0).permutation(num_images)[:at_most])
