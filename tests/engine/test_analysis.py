"""PCA, alignment, t-SNE and the helper process that runs them."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.analysis.projections import Pca, align, projection_path, read_projection, rotation_onto, source_of

REPOSITORY = Path(__file__).parents[2]
RNG = np.random.default_rng(5)
CODES = RNG.normal(size=(200, 6)) @ RNG.normal(size=(6, 6)) + 3


@pytest.fixture
def one_core() -> Iterator[None]:
    """As in the helper process: threads that spin at barriers take seconds on a machine that has others to run."""
    with pytest.importorskip("threadpoolctl").threadpool_limits(1):
        yield


def _rotation(angle: float, mirrored: bool = False) -> np.ndarray:
    turn = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return turn @ np.diag([1.0, -1.0]) if mirrored else turn


def test_pca_is_scikit_learns_up_to_the_sign() -> None:
    from sklearn.decomposition import PCA

    theirs, ours = PCA(3).fit(CODES), Pca.fit(CODES, 3)
    np.testing.assert_allclose(ours.variances, theirs.explained_variance_)
    np.testing.assert_allclose(ours.explained, theirs.explained_variance_ratio_)
    np.testing.assert_allclose(np.abs(ours.components), np.abs(theirs.components_), atol=1e-10)
    np.testing.assert_allclose(np.abs(ours.project(CODES)), np.abs(theirs.transform(CODES)), atol=1e-9)


def test_pca_is_undone_by_its_inverse() -> None:
    np.testing.assert_allclose(Pca.fit(CODES, 6).inverse(Pca.fit(CODES, 6).project(CODES)), CODES)
    plane = Pca.fit(CODES)
    points = RNG.normal(size=(5, 2))
    np.testing.assert_allclose(plane.project(plane.inverse(points)), points, atol=1e-12)


def test_the_sign_of_a_component_does_not_depend_on_the_order_of_the_codes() -> None:
    for _ in range(5):
        again = Pca.fit(CODES[RNG.permutation(len(CODES))])
        np.testing.assert_allclose(again.components, Pca.fit(CODES).components, atol=1e-9)
        assert (again.components[np.arange(2), np.abs(again.components).argmax(axis=1)] > 0).all()


def test_fewer_dimensions_than_asked_for_are_filled_with_zeros() -> None:
    line = Pca.fit(CODES[:, :1])
    points = line.project(CODES[:, :1])
    assert points.shape == (200, 2)
    assert (points[:, 1] == 0).all()
    np.testing.assert_allclose(line.inverse(points), CODES[:, :1])
    one = Pca.fit(CODES[:1])
    assert (one.project(CODES[:1]) == 0).all()
    assert np.isfinite(one.explained).all()


def test_half_precision_codes_are_projected_in_double() -> None:
    half = CODES.astype(np.float16)
    np.testing.assert_allclose(Pca.fit(half).project(half), Pca.fit(half.astype(float)).project(half), atol=1e-12)


@pytest.mark.parametrize("mirrored", [False, True])
def test_align_undoes_a_turn_and_a_reflection(mirrored: bool) -> None:
    points = Pca.fit(CODES).project(CODES)
    turned = points @ _rotation(2.1, mirrored)
    np.testing.assert_allclose(align(turned, points), points, atol=1e-9)
    # About the points' own centre, whatever the reference's is.
    moved = align(turned + 7, points)
    np.testing.assert_allclose(moved.mean(axis=0), (turned + 7).mean(axis=0))
    np.testing.assert_allclose(moved - moved.mean(axis=0), points - points.mean(axis=0), atol=1e-9)


def test_align_keeps_distances_even_where_the_reference_is_another_shape() -> None:
    points, reference = RNG.normal(size=(50, 2)), RNG.normal(size=(50, 2)) * 5
    aligned = align(points, reference)
    np.testing.assert_allclose(
        np.linalg.norm(aligned - aligned[0], axis=1), np.linalg.norm(points - points[0], axis=1), atol=1e-12
    )
    error = np.square(aligned - reference).sum()
    for angle in np.linspace(0, 6, 50):
        centre = points.mean(axis=0)
        assert error <= np.square((points - centre) @ _rotation(angle) + centre - reference).sum() + 1e-9


def test_a_turned_pca_still_decodes_the_point_under_the_cursor() -> None:
    plane = Pca.fit(CODES)
    rotation = rotation_onto(plane.project(CODES), plane.project(CODES) @ _rotation(1.0))
    np.testing.assert_allclose(rotation, _rotation(1.0), atol=1e-9)
    turned = plane.turned(rotation)
    points = plane.project(CODES) @ rotation
    np.testing.assert_allclose(turned.project(CODES), points, atol=1e-9)
    np.testing.assert_allclose(turned.inverse(points), plane.inverse(plane.project(CODES)), atol=1e-9)


@pytest.fixture
def codes_file(tmp_path: Path) -> Path:
    """Three clusters in six dimensions."""
    path = tmp_path / "codes \u00e9t\u00e9" / "12.npz"
    path.parent.mkdir()
    labels = np.repeat(np.arange(3), 30)
    codes = np.eye(6)[labels] * 20 + RNG.normal(size=(90, 6))
    np.savez(path, codes=codes.astype(np.float16), labels=labels, indices=np.arange(90) * 2)
    return path


def _project(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "engine.analysis.project", *map(str, arguments)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_helper_caches_tsne_beside_the_codes(codes_file: Path) -> None:
    done = _project(codes_file, "--method", "tsne")
    assert done.returncode == 0
    parts = [float(line) for line in done.stdout.splitlines()]
    assert parts == sorted(parts)
    assert 0 < parts[0] < parts[-1] == 1
    cached = projection_path(codes_file, "tsne")
    assert cached.name == "12.tsne.npz"
    assert {path.name for path in codes_file.parent.iterdir()} == {"12.npz", "12.tsne.npz"}
    with np.load(cached, allow_pickle=False) as archive:
        labels, points = archive["labels"], archive["points"]
        assert (archive["indices"] == np.arange(90) * 2).all()
    centres = np.stack([points[labels == label].mean(axis=0) for label in range(3)])
    distances = np.linalg.norm(points[:, None] - centres[None], axis=2)
    assert (distances.argmin(axis=1) == labels).all()
    source = source_of(codes_file)
    assert read_projection(cached, source) is not None
    np.savez(codes_file, codes=np.zeros((90, 6)))
    assert read_projection(cached, source_of(codes_file)) is None, "of other codes"


def test_the_helper_lays_an_epoch_as_its_reference_lies(codes_file: Path, tmp_path: Path) -> None:
    points = Pca.fit(np.load(codes_file)["codes"]).project(np.load(codes_file)["codes"])
    reference = tmp_path / "reference.npz"
    np.savez(reference, points=(points @ _rotation(2.0)).astype(np.float32))
    out = tmp_path / "out.npz"
    assert _project(codes_file, "--method", "pca", "--out", out, "--reference", reference).returncode == 0
    found = read_projection(out)
    assert found is not None
    np.testing.assert_allclose(found, points @ _rotation(2.0), atol=1e-3)


def test_codes_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    bad = tmp_path / "1.npz"
    bad.write_bytes(b"PK\x03\x04")
    result = _project(bad, "--method", "pca")
    assert result.returncode == 2
    assert "no codes that can be read" in result.stderr
    assert read_projection(bad) is None
    assert read_projection(tmp_path / "none.npz") is None
    assert list(tmp_path.iterdir()) == [bad]


@pytest.mark.usefixtures("one_core")
def test_tsne_of_few_or_equal_codes() -> None:
    from engine.analysis.tsne import tsne

    assert tsne(CODES[:3]).shape == (3, 2)
    assert np.isfinite(tsne(np.ones((12, 4)))).all()


@pytest.mark.usefixtures("one_core")
def test_tsne_from_another_epoch_stays_close_to_it() -> None:
    from engine.analysis.tsne import tsne

    labels = np.arange(120) % 4
    codes = np.eye(6)[labels] * 12 + RNG.normal(size=(120, 6))
    before, after = tsne(codes), codes + RNG.normal(size=codes.shape) * 0.3
    again, anew = tsne(after, before), tsne(after)
    moved = [np.linalg.norm(align(points, before) - before, axis=1).mean() for points in (again, anew)]
    assert moved[0] < moved[1]
    centres = np.stack([again[labels == label].mean(axis=0) for label in range(4)])
    assert np.ptp(centres, axis=0).min() > 1, "and is a picture of its own codes"


@pytest.mark.usefixtures("one_core")
def test_codes_that_are_not_finite_leave_the_others_where_they_would_be() -> None:
    from engine.analysis.tsne import tsne

    codes = CODES[:60].copy()
    codes[7, 2], codes[9, 0] = np.nan, np.inf
    points = tsne(codes, start=tsne(codes))
    assert np.isnan(points[[7, 9]]).all()
    assert np.isfinite(np.delete(points, [7, 9], axis=0)).all()
    assert np.isnan(align(points, np.flip(points))[7]).all()
    assert np.isnan(tsne(np.full((6, 3), np.nan))).all()
