"""How a pane shows images: real pictures where the terminal draws them, else cells of text."""

from typing import TYPE_CHECKING

from rich.segment import Segment
from textual.widget import Widget

from tui.look import Look
from tui.pictures.graphics import Graphics

if TYPE_CHECKING:
    import numpy as np

    from tui.panes.images.lines import Layout
    from tui.pictures.kitty import Kitty
    from tui.pictures.pixels import Line
    from tui.pictures.sixels import Place, Sixels

_PICTURE_DOTS = (4, 8)
"""Pixels of an image to a cell, at scale 1, where the terminal draws pictures."""


class Painter:
    """`paint` all that is to be seen on ``pane``, then `settle`."""

    def __init__(self, pane: Widget, look: Look, graphics: Graphics) -> None:
        self._pane, self._look, self._graphics = pane, look, graphics
        self._wants_pictures = True
        self._kitty: Kitty | None = None
        self._sixels: Sixels | None = None
        self._placed: list[tuple[Place, np.ndarray]] = []

    @property
    def can_draw(self) -> bool:
        """Whether the terminal draws pictures; placeholders have their number for a colour, so it must be exact."""
        is_exact = self._pane.app.console.color_system == "truecolor"
        return self._look.has_colour and (self._graphics.protocol == "sixel" or (self._is_kitty and is_exact))

    @property
    def has_pictures(self) -> bool:
        return self.can_draw and self._wants_pictures

    def swap(self) -> None:
        """Pictures, where the terminal draws them, or blocks."""
        self._wants_pictures = not self._wants_pictures

    @property
    def dots(self) -> tuple[int, int]:
        """How many pixels a cell holds across and down."""
        from tui.pictures.pixels import dots

        return _PICTURE_DOTS if self.has_pictures else dots(self._look)

    def paint(self, images: "np.ndarray", layout: "Layout", at: int) -> "list[Line]":
        """The lines of a row of ``images`` uint8 [N, C, H, W], of which the first is line ``at`` of the pane."""
        from tui.pictures.pixels import lines, side_by_side, sized

        if not self.has_pictures:
            return side_by_side([lines(image, self._look) for image in sized(images, layout.scale)], layout.gap)
        return self._in_kitty(images, layout) if self._is_kitty else self._in_sixels(images, layout, at)

    def settle(self) -> None:
        """Put pictures up that were painted, and take those away that were not since the last time."""
        if self._kitty is not None:
            self._kitty.forget()
        if self._sixels is None and self._placed:
            from tui.pictures.sixels import Sixels

            self._sixels = Sixels(self._pane)
        if self._sixels is not None:
            self._sixels.show(self._placed)
        self._placed = []

    @property
    def _is_kitty(self) -> bool:
        return self._graphics.protocol == "kitty"

    def _in_kitty(self, images: "np.ndarray", layout: "Layout") -> "list[Line]":
        from tui.pictures.kitty import Kitty
        from tui.pictures.pixels import enlarged, rgb, side_by_side

        if self._kitty is None:
            self._kitty = Kitty(self._write, is_in_tmux=self._graphics.is_in_tmux)
        shown = [self._kitty.show(image, layout.columns, layout.lines) for image in enlarged(rgb(images))]
        return side_by_side(shown, layout.gap)

    def _in_sixels(self, images: "np.ndarray", layout: "Layout", at: int) -> "list[Line]":
        from tui.pictures.pixels import enlarged, rgb, row_of

        width = len(images) * (layout.columns + layout.gap) - layout.gap
        row = row_of(enlarged(rgb(images)), layout.gap / layout.columns, self._pane.background_colors[1].rgb)
        self._placed.append(((at, width, layout.lines), row))
        return [[Segment(" " * width)]] * layout.lines

    def _write(self, escape: str) -> None:
        if (driver := self._pane.app._driver) is not None:
            driver.write(escape)
