"""What the latent pane shows at one moment: which clouds, how large each is, what of it is seen, the nearest sample."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from rich.text import Text

from tui.canvas import Limits
from tui.look import Look
from tui.panes.decoding import Answer
from tui.panes.latent.cloud import Cloud
from tui.panes.latent.clouds import Clouds
from tui.panes.latent.embedding import Wish
from tui.panes.latent.frames import Frame
from tui.panes.latent.heads import cut, head, with_legend
from tui.panes.latent.lines import SIDE_WIDTH, between_lines
from tui.panes.latent.view import LatentView

_MARGIN = 2
_SIDE_FROM = 44
"""Columns of a pane that has room for pictures beside the cloud."""
_BESIDE_FROM = 100
"""Columns of a pane that shows two clouds beside each other, not one above the other."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """``frame`` and ``beside``: the clouds' own at ``epoch``, None where there is none yet; the first cloud has codes.

    ``width`` x ``height`` are the pane's.
    """

    clouds: Clouds
    epoch: int | None
    view: LatentView
    frame: Frame | None
    beside: Frame | None
    wishes: tuple[Wish, ...]
    answer: Answer | None
    look: Look
    width: int
    height: int

    def wish_of(self, cloud: Cloud) -> Wish | None:
        return next((wish for wish in self.wishes if wish.run == cloud.name), None)

    # What stands where

    @property
    def columns(self) -> int:
        """Those that are drawn on."""
        return self.width - _MARGIN

    @property
    def is_beside(self) -> bool:
        return self.width >= _BESIDE_FROM

    @property
    def has_side(self) -> bool:
        return self.view.cursor is not None and not self.view.shows_grid and self.width >= _SIDE_FROM

    @cached_property
    def heads(self) -> list[Text]:
        """What stands above all of it: of two clouds, which have a head each, the classes alone."""
        first, frame, view, look = self.clouds.first, self.frame, self.view, self.look
        basis = frame or first.at(self.epoch)
        assert basis is not None
        if self.clouds.other is not None:
            return with_legend(Text(no_wrap=True), basis, view, look, self.columns)[:1]
        if frame is None:
            return [cut(Text(f"epoch {basis.epoch}", style="bold"), self.columns, look)]
        return with_legend(head(first, frame, view, self.wish_of(first), look), frame, view, look, self.columns)

    @cached_property
    def below(self) -> list[Text]:
        """The line from A to B."""
        ends = self.view.ends
        if not ends:
            return []
        decoded = self.answer.between(self.clouds.first.name, ends) if self.answer else None
        return between_lines(ends, decoded, self.columns, self.look)

    @cached_property
    def cloud_size(self) -> tuple[int, int]:
        """Columns and lines of a cloud itself."""
        width = self.columns - (SIDE_WIDTH + 1 if self.has_side else 0)
        height = self.height - len(self.heads) - len(self.below)
        if self.clouds.other is not None:
            width, height = ((width - 1) // 2, height - 1) if self.is_beside else (width, height // 2 - 1)
        return max(1, width), max(1, height)

    # What is seen of a cloud

    def window(self, cloud: Cloud, frame: Frame) -> Limits:
        """All of it, or as much as was zoomed to."""
        whole, limits = self._whole(cloud, frame), self.view.limits
        if limits is None:
            return whole
        return limits if cloud is self.clouds.first else self._zoomed_too(frame, whole, limits)

    def _whole(self, cloud: Cloud, frame: Frame) -> Limits:
        newest = self.clouds.shown(cloud, None, self.view) or frame
        # The newest epoch's rectangle, and no smaller for the others: the cloud is seen to grow as it plays.
        return Limits.around(frame.points, newest.points).fitted(*self.cloud_size)

    def _zoomed_too(self, frame: Frame, whole: Limits, limits: Limits) -> Limits:
        """As much smaller as the window on the first cloud, ``limits``, around the same sample."""
        if self.frame is None:
            return whole
        first = self._whole(self.clouds.first, self.frame)
        middle = (whole.left + whole.right) / 2, (whole.bottom + whole.top) / 2
        row = self._row_in_the_other(frame)
        if row is not None:
            x, y = frame.points[row].tolist()
            middle = (x, y)
        return whole.zoomed((first.right - first.left) / (limits.right - limits.left), middle)

    # The sample at the cursor

    @cached_property
    def nearest(self) -> int | None:
        """Where in the first cloud's frame the sample is that lies nearest to the cursor."""
        if self.frame is None or self.view.cursor is None:
            return None
        return self.frame.nearest(np.array(self.view.cursor))

    @property
    def sample(self) -> int | None:
        """Which that is of the validation images."""
        return None if self.frame is None or self.nearest is None else int(self.frame.indices[self.nearest])

    def row_of_the_nearest(self, cloud: Cloud, frame: Frame) -> int | None:
        """Where the same sample is in the frame of ``cloud``."""
        return self.nearest if cloud is self.clouds.first else self._row_in_the_other(frame)

    def _row_in_the_other(self, frame: Frame) -> int | None:
        if self.frame is None or self.sample is None or not frame.is_of_the_images_of(self.frame):
            return None
        return frame.row_of(self.sample)

    # What a key makes of the view

    def moved(self, across: int, down: int) -> LatentView:
        if self.frame is None:
            return self.view
        return self.view.moved(self._whole(self.clouds.first, self.frame), *self.cloud_size, across, down)

    def zoomed(self, steps: int) -> LatentView:
        if self.frame is None:
            return self.view
        return self.view.zoomed(self._whole(self.clouds.first, self.frame), steps)

    def with_end(self) -> LatentView:
        """The sample at the cursor is where a line of decoded images begins, then where it ends."""
        return self.view if self.sample is None else self.view.with_end(self.sample)
