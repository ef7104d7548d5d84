"""How t-SNE's points push each other apart, all N of them in the time of N log N: a particle mesh.

The repulsion on a point is the slope of a potential, the sum of 1 / (1 + r^2) over all other points. That sum is a
convolution: the points are spread on a grid, convolved by FFT (Linderman et al. 2019, FIt-SNE), and read off between
the grid's places. Spreading and reading are by cubic B-splines, whose slope is known, as in smooth particle mesh Ewald
(Essmann et al. 1995): one convolution is enough, where FIt-SNE needs four.
"""

import numpy as np
import numpy.typing as npt
from scipy.fft import irfft2, next_fast_len, rfft2

Array = npt.NDArray[np.float32]

_SPACING = 0.4
"""Between the grid's places; 1 is how far a point's push reaches. The forces are right to 1.4 % (root mean square)."""
_ORDER = 4
"""A cubic B-spline reaches over four places."""
_MOST_PLACES = 2048
"""Along a side: points that are strewn farther have a coarser grid."""


class Mesh:
    """Its grid follows the points; what depends on its size alone is kept from one call to the next."""

    def __init__(self) -> None:
        self._size = 0
        self._spacing = 0.0
        self._kernel: Array = np.empty((0, 0), np.float32)
        self._near: Array = np.empty((0, 0), np.float32)

    def repulsion(self, points: Array) -> tuple[Array, float]:
        """Of ``points`` [N, 2]: the sums over all others of (y_i - y_j) / (1 + r^2)^2 as [N, 2], and Z.

        Z is the sum of 1 / (1 + r^2) over all ordered pairs (van der Maaten 2014, section 4.2).
        """
        corner = points.min(axis=0)
        extent = float((points.max(axis=0) - corner).max())
        spacing = max(_SPACING, extent / _MOST_PLACES)
        # Twice as many places as points reach over, lest what leaves the grid on one side comes in on the other.
        self._fit(next_fast_len(2 * (int(extent / spacing) + 2 * _ORDER), real=True), spacing)
        size = self._size
        places = (points - corner) / np.float32(spacing)
        before = np.floor(places)
        (weights_y, slopes_y), (weights_x, slopes_x) = (_splines(part) for part in (places - before).T)
        row, column = before.astype(np.intp).T
        steps = np.arange(_ORDER)
        around = row * size + column + (steps[:, None] * size + steps).reshape(-1, 1)  # [16, N]
        spread = (weights_y[:, None] * weights_x).reshape(len(around), -1)
        grid = np.bincount(around.ravel(), spread.ravel(), size * size).astype(np.float32).reshape(size, size)
        potential: Array = irfft2(rfft2(grid) * self._kernel, s=(size, size))
        found = potential.ravel()[around].reshape(_ORDER, _ORDER, -1)  # y, x, point
        along_x = np.einsum("yxn,xn->yn", found, weights_x)
        slope_y = np.einsum("yn,yn->n", along_x, slopes_y)
        slope_x = np.einsum("yxn,xn,yn->n", found, slopes_x, weights_y)
        potential_there = np.einsum("yn,yn->n", along_x, weights_y)
        # What each point does to itself by way of the grid: more than rounding, where others are few and far.
        (own_y, own_slopes_y), (own_x, own_slopes_x) = _own(weights_y, slopes_y), _own(weights_x, slopes_x)
        nearby_x = self._near @ own_x
        potential_there -= np.einsum("yn,yn->n", own_y, nearby_x)
        slope_y -= np.einsum("yn,yn->n", own_slopes_y, nearby_x)
        slope_x -= np.einsum("yn,yn->n", own_y, self._near @ own_slopes_x)
        forces = np.stack([slope_y, slope_x], axis=1) * np.float32(-0.5 / spacing)
        return forces, float(potential_there.sum(dtype=np.float64))

    def _fit(self, size: int, spacing: float) -> None:
        if (size, spacing) == (self._size, self._spacing):
            return
        offsets = np.minimum(np.arange(size), size - np.arange(size)) * spacing
        pushes = rfft2(1 / (1 + offsets[:, None] ** 2 + offsets**2)).real
        # Spreading and reading each blur by the spline: the kernel takes both back.
        blur = (2 + np.cos(2 * np.pi * np.arange(size) / size)) / 3
        self._kernel = (pushes / (blur[:, None] * blur[: pushes.shape[1]]) ** 2).astype(np.float32)
        self._near = irfft2(self._kernel, s=(size, size))[:_ORDER, :_ORDER].copy()
        self._size, self._spacing = size, spacing


def _splines(parts: Array) -> tuple[Array, Array]:
    """Cubic B-spline of the four places around, and its slope, for points a part [N] beyond the second: [4, N] each."""
    back = 1 - parts
    square, cube = parts**2, parts**3
    weights: Array = np.stack([back**3, 3 * cube - 6 * square + 4, -3 * cube + 3 * square + 3 * parts + 1, cube])
    slopes: Array = np.stack([-(back**2), 3 * square - 4 * parts, -3 * square + 2 * parts + 1, square])
    return weights / np.float32(6), slopes / np.float32(2)


def _own(weights: Array, slopes: Array) -> tuple[Array, Array]:
    """What of a point's splines is 0, 1, 2, 3 places from what of it, both ways, and the slope of that: [4, N] each."""
    alike = [(weights[: _ORDER - step] * weights[step:]).sum(axis=0) * (2 if step else 1) for step in range(_ORDER)]
    leaning = [
        (slopes[: _ORDER - step] * weights[step:] + weights[: _ORDER - step] * slopes[step:]).sum(axis=0)
        / (1 if step else 2)
        for step in range(_ORDER)
    ]
    return np.stack(alike), np.stack(leaning)
