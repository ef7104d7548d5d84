"""How the latent pane looks at a cloud: axes, window, cursor, what is decoded. Frozen: each key makes a new one."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

from tui.canvas import Limits

Point = tuple[float, float]
_ZOOM = 2.0
_PULL = 0.25


@dataclass(frozen=True, kw_only=True)
class LatentView:
    """``axes``: two of the codes' own, counted from 0; None: their principal plane. ``limits`` None: all of the cloud.

    ``only``: the one class that is in colour; None: all are. ``ends``: of no, one or two samples (positions in the
    validation images), between which is decoded.
    """

    axes: tuple[int, int] | None = None
    shows_tsne: bool = False
    only: int | None = None
    shows_density: bool = False
    shows_grid: bool = False
    limits: Limits | None = None
    cursor: Point | None = None
    ends: tuple[int, ...] = ()

    def with_next_axes(self, dim: int) -> Self:
        """The principal plane, t-SNE, the first and second axis, the third and fourth, and so on; all of the cloud."""
        if dim < 2:
            return self
        if self.shows_tsne:
            return self.along((0, 1) if dim > 2 else None)
        if self.axes is None:
            return replace(self.along(None), shows_tsne=True, shows_grid=False)
        start = self.axes[0] + 2
        return self.along(None if start >= dim - 1 else (start, start + 1))

    def along(self, axes: tuple[int, int] | None) -> Self:
        """All of the cloud along ``axes``; None: the principal plane, or the only two there are."""
        return replace(self, axes=axes, shows_tsne=False, limits=None, cursor=None)

    def with_next_class(self, labels: Sequence[int]) -> Self:
        """All of the classes in colour, then each of ``labels`` alone."""
        choices = [None, *labels]
        at = choices.index(self.only) if self.only in choices else 0
        return replace(self, only=choices[(at + 1) % len(choices)])

    def zoomed(self, whole: Limits, steps: int) -> Self:
        """Half (``steps`` > 0) or twice as much around the cursor, else the middle; at most ``whole``."""
        box = self.limits or whole
        middle = self.cursor or ((box.left + box.right) / 2, (box.bottom + box.top) / 2)
        smaller = box.zoomed(_ZOOM**steps, middle)
        reaches = smaller.right - smaller.left >= (whole.right - whole.left) * (1 - 1e-9)
        return replace(self, limits=None if reaches else smaller)

    def moved(self, whole: Limits, width: int, height: int, across: int, down: int) -> Self:
        """The cursor that many of ``width`` x ``height`` cells on; at the edge of a window, this moves with it."""
        box = self.limits or whole
        if self.cursor is None:
            return replace(self, cursor=box.point_of(height // 2, width // 2, width, height))
        row, column = box.cell_of(self.cursor, width, height)
        row, column = row + down, column + across
        if self.limits is not None:
            pull_x = _PULL * ((column >= width) - (column < 0))
            pull_y = _PULL * ((row < 0) - (row >= height))
            if pull_x or pull_y:
                moved = box.shifted(pull_x, pull_y)
                return replace(self, limits=moved, cursor=box.point_of(row, column, width, height))
        row, column = max(0, min(height - 1, row)), max(0, min(width - 1, column))
        return replace(self, cursor=box.point_of(row, column, width, height))

    def with_end(self, sample: int) -> Self:
        """``sample`` as the first, then as the second end; a third time there is none."""
        return replace(self, ends=() if len(self.ends) == 2 else (*self.ends, sample))
