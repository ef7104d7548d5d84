"""Pictures as sixels over the lines of a pane, by textual-image: one of its widgets a row of pictures."""

from typing import Any

import numpy as np
from textual.widget import Widget

Place = tuple[int, int, int]
"""The line it begins on, columns, lines."""


class Sixels:
    """``pane`` leaves the places free; textual-image was imported before the screen opened."""

    def __init__(self, pane: Widget) -> None:
        self._pane = pane
        self._shown: list[tuple[Place, bytes, Any]] = []

    def show(self, pictures: list[tuple[Place, np.ndarray]]) -> None:
        """``pictures`` uint8 [H, W, 3], in place of those that were shown; what stays as it was is left alone."""
        wanted = [(place, pixels.tobytes()) for place, pixels in pictures]
        if wanted == [shown[:2] for shown in self._shown]:
            return
        from PIL import Image
        from textual_image.widget import SixelImage

        kept = {shown[:2]: shown for shown in self._shown if shown[:2] in wanted}
        for *_, widget in (shown for shown in self._shown if shown[:2] not in kept):
            widget.remove()
        self._shown = []
        for (place, content), (_, pixels) in zip(wanted, pictures, strict=True):
            shown = kept.get((place, content))
            if shown is None:
                widget = SixelImage(Image.fromarray(pixels))
                line, columns, lines = place
                widget.styles.position = "absolute"
                widget.styles.offset = (0, line)
                widget.styles.width, widget.styles.height = columns, lines
                self._pane.mount(widget)
                shown = (place, content, widget)
            self._shown.append(shown)
