"""t-SNE against sums over all pairs, and against scikit-learn's."""

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.datasets import load_digits
from sklearn.manifold import TSNE, trustworthiness

from engine.analysis.affinities import affinities
from engine.analysis.repulsion import Mesh
from engine.analysis.tsne import tsne

RNG = np.random.default_rng(3)
DIGITS = load_digits().data[:600].astype(np.float32)


def _pushes(points: np.ndarray) -> tuple[np.ndarray, float]:
    between = points[:, None].astype(np.float64) - points
    kernel = 1 / (1 + (between**2).sum(axis=2))
    return (kernel[..., None] ** 2 * between).sum(axis=1), kernel.sum() - len(points)


def _divergence(codes: np.ndarray, points: np.ndarray) -> float:
    """KL(P || Q), over all pairs."""
    pairs = affinities(codes.astype(np.float64), 30).tocoo()
    first, second = pairs.coords
    near = 1 / (1 + ((points[first] - points[second]) ** 2).sum(axis=1))
    _, total = _pushes(points)
    return float(2 * (pairs.data * np.log(pairs.data * total / near)).sum())


@pytest.mark.parametrize("scale", [1e-4, 1.0, 40.0])
def test_the_mesh_pushes_as_all_pairs_do(scale: float) -> None:
    points = (RNG.normal(size=(1500, 2)) * scale).astype(np.float32)
    forces, total = Mesh().repulsion(points)
    exact, exact_total = _pushes(points)
    assert total == pytest.approx(exact_total, rel=5e-3)
    if scale > 1e-4:  # of points on one heap, single precision leaves nothing
        assert np.sqrt(((forces - exact) ** 2).mean() / (exact**2).mean()) < 0.06


def test_the_mesh_follows_points_that_wander_off() -> None:
    points = (RNG.normal(size=(300, 2)) * 5).astype(np.float32)
    mesh = Mesh()
    for factor in (1, 3, 1):
        _, total = mesh.repulsion(points * factor)
        assert total == pytest.approx(_pushes(points * factor)[1], rel=5e-3)
    strewn = np.concatenate([points, points + np.float32(1e5)])
    forces, _ = mesh.repulsion(strewn)
    assert np.isfinite(forces).all(), "on a grid as coarse as it has to be"


def test_each_code_has_as_many_neighbours_as_the_perplexity_says() -> None:
    codes = RNG.normal(size=(300, 4))
    pairs = affinities(codes, 20)
    assert isinstance(pairs, csr_array)
    assert pairs.sum() == pytest.approx(0.5)
    whole = (pairs + pairs.T).toarray()
    assert (whole.diagonal() == 0).all()
    kept = whole > 0
    assert (kept.sum(axis=1) >= 60).all(), "three times as many have a share"
    nearest = np.linalg.norm(codes[:, None] - codes, axis=2).argsort(axis=1)[:, 1]
    assert (whole[np.arange(300), nearest] >= np.quantile(whole, 0.9)).all()


def test_its_divergence_is_scikit_learns() -> None:
    """Scikit-learn's own figure for scikit-learn's picture, from our probabilities."""
    few = DIGITS[:91]  # all are neighbours then
    method = TSNE(method="exact", max_iter=300, random_state=0)
    points = method.fit_transform(few).astype(np.float64)
    assert _divergence(few, points) == pytest.approx(method.kl_divergence_, rel=0.02)


def test_pictures_are_as_good_as_scikit_learns() -> None:
    ours, theirs = tsne(DIGITS), TSNE(random_state=0).fit_transform(DIGITS).astype(np.float64)
    assert _divergence(DIGITS, ours) < 1.03 * _divergence(DIGITS, theirs)
    assert trustworthiness(DIGITS, ours) > trustworthiness(DIGITS, theirs) - 0.004


def test_a_picture_is_the_same_each_time() -> None:
    assert (tsne(DIGITS, iterations=120) == tsne(DIGITS, iterations=120)).all()
