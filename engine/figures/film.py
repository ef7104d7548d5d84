"""The latent space epoch by epoch, as an animated GIF."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from PIL import Image

from engine.figures.numbers import Table
from engine.figures.scatter import PLAIN_POWERS
from store.artifacts import written_aside

if TYPE_CHECKING:
    from engine.figures.style import Style

_FRAME_MS = 250
_LAST_MS = 2000
"""The last one stays for so long, before it begins again."""
_NUM_COLOURS, _MOST_COLOURED = 256, 10
_DPI = 110


@dataclass(frozen=True, kw_only=True, eq=False)
class Film:
    """``frames`` [F] of [N, 2], the same images in one plane at each of ``epochs`` [F]; ``labels`` [N] (-1: none)."""

    epochs: Sequence[int]
    frames: Sequence[npt.NDArray[np.floating]]
    labels: npt.NDArray[np.integer]
    class_names: Sequence[str]
    x_label: str
    y_label: str

    def numbers(self) -> Table:
        return Table(
            columns=("epoch", "class", self.x_label, self.y_label),
            rows=[
                (epoch, "" if label < 0 else self.class_names[label], float(x), float(y))
                for epoch, frame in zip(self.epochs, self.frames, strict=True)
                for label, (x, y) in zip(self.labels, frame, strict=True)
            ],
        )

    def save(self, path: Path, style: "Style") -> None:
        """Raises OSError: it cannot be written; what was there is still there."""
        drawn = [Image.fromarray(frame) for frame in self._drawn(style)]
        palette = _palette(style, len(self.class_names))
        pictures = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in drawn]
        durations = [*[_FRAME_MS] * (len(pictures) - 1), _LAST_MS]
        with written_aside(path) as aside, aside.open("wb") as file:
            pictures[0].save(file, format="GIF", save_all=True, append_images=pictures[1:], duration=durations, loop=0)

    def _drawn(self, style: "Style") -> Iterator[npt.NDArray[np.uint8]]:
        """A picture [height, width, 3] of each frame."""
        everything = np.concatenate(self.frames)
        low, high = np.nanquantile(everything, (0.002, 0.998), axis=0)
        room = 0.05 * (high - low)
        colours = [style.ink if label < 0 else style.class_colour(int(label)) for label in self.labels]
        with style.figure(height=0.85) as figure:
            figure.set_dpi(_DPI)
            canvas = FigureCanvasAgg(figure)
            axes = figure.subplots()
            points = axes.scatter(self.frames[0][:, 0], self.frames[0][:, 1], s=5, c=colours, linewidths=0, alpha=0.8)
            axes.set(
                xlim=(low[0] - room[0], high[0] + room[0]),
                ylim=(low[1] - room[1], high[1] + room[1]),
                xlabel=self.x_label,
                ylabel=self.y_label,
            )
            axes.ticklabel_format(scilimits=PLAIN_POWERS)
            for label in np.unique(self.labels[self.labels >= 0]):
                axes.scatter([], [], s=5, color=style.class_colour(int(label)), label=self.class_names[label])
            if axes.get_legend_handles_labels()[0]:
                figure.legend(loc="outside right center", markerscale=2.5, handletextpad=0.1, borderpad=0)
            title = axes.set_title(f"epoch {self.epochs[-1]}")
            for moving in (points, title):
                moving.set_animated(True)  # the rest is drawn once: a whole figure takes twenty times as long
            canvas.draw()  # type: ignore[no-untyped-call]
            figure.set_layout_engine("none")
            still = canvas.copy_from_bbox(figure.bbox)  # type: ignore[no-untyped-call]
            for epoch, frame in zip(self.epochs, self.frames, strict=True):
                points.set_offsets(frame)
                title.set_text(f"epoch {epoch}")
                canvas.restore_region(still)  # type: ignore[no-untyped-call]
                for moving in (points, title):
                    figure.draw_artist(moving)
                yield np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def _palette(style: "Style", num_classes: int) -> Image.Image:
    """The same for all frames, so that nothing flickers: ink and each class's colour, in steps from the ground.

    Left to choose by itself, a GIF makes one of two colours that lie close.
    """
    colours = [style.ink, *(style.class_colour(number) for number in range(min(num_classes, _MOST_COLOURED)))]
    steps = np.linspace(0, 1, _NUM_COLOURS // len(colours))[:, None]
    ground = np.array(to_rgb(style.ground))
    shades = np.concatenate([ground + steps * (np.array(to_rgb(colour)) - ground) for colour in colours])
    palette = Image.new("P", (1, 1))
    palette.putpalette((255 * shades).round().astype(np.uint8).tobytes())
    return palette
