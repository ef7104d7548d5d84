"""A scene of the latent pane, drawn: one cloud or two under their heads, the pictures beside and below them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.strip import Strip

from tui.canvas import density, scatter
from tui.panes.decoding import Decoded
from tui.panes.latent.cloud import Cloud
from tui.panes.latent.frames import Frame
from tui.panes.latent.heads import cut, filled, head, instead
from tui.panes.latent.lines import SIDE_WIDTH, grid_lines, grid_size, side_lines
from tui.panes.latent.scene import Scene

_NO_WAY_BACK = "t-SNE: decoded is its own code"


@dataclass(frozen=True)
class Drawing:
    """``strip`` renders a line."""

    scene: Scene
    strip: Callable[[Text], Strip]

    def strips(self) -> list[Strip]:
        scene = self.scene
        first, other = scene.clouds.first, scene.clouds.other
        body = self._body(first, scene.frame) if other is None else self._two(first, other)
        return [*map(self.strip, scene.heads), *self._with_side(body), *map(self.strip, scene.below)]

    def _two(self, first: Cloud, other: Cloud) -> list[Strip]:
        """Both clouds with a head each, beside each other where there is room."""
        lines, others = self._headed(first, self.scene.frame), self._headed(other, self.scene.beside)
        if not self.scene.is_beside:
            return [*lines, *others]
        between = Segment(self.scene.look.pick("│", "|"), Style(dim=True))
        return [Strip([*left, between, *right]) for left, right in zip(lines, others, strict=True)]

    def _headed(self, cloud: Cloud, frame: Frame | None) -> list[Strip]:
        scene = self.scene
        width, _ = scene.cloud_size
        line = Text(no_wrap=True).append(scene.clouds.title(cloud), style="bold").append("  ")
        if frame is not None:
            line.append_text(head(cloud, frame, scene.view, scene.wish_of(cloud), scene.look))
        lines = [self.strip(cut(line, width, scene.look)), *self._body(cloud, frame)]
        return [line.adjust_cell_length(width) for line in lines]

    def _body(self, cloud: Cloud, frame: Frame | None) -> list[Strip]:
        """As many lines as a cloud has."""
        is_grid = self.scene.view.shows_grid and cloud is self.scene.clouds.first
        if frame is not None and not is_grid:
            return self._scatter(cloud, frame)
        lines = self._grid() if frame is not None else self._instead(cloud)
        _, height = self.scene.cloud_size
        return [*map(self.strip, filled(lines, height))]

    def _instead(self, cloud: Cloud) -> list[Text]:
        scene = self.scene
        bare = cloud.at(scene.epoch)
        if bare is None:
            return [Text(f"   {cloud.why_nothing()}", style="dim")]
        lines = instead(scene.wish_of(cloud), cloud.embedded, bare, scene.look)
        return lines if cloud is scene.clouds.first else lines[:-1]  # the key that gives up stands there once

    def _scatter(self, cloud: Cloud, frame: Frame) -> list[Strip]:
        scene, view, look = self.scene, self.scene.view, self.scene.look
        width, height = scene.cloud_size
        window = scene.window(cloud, frame)
        if view.shows_density:
            canvas = density(frame.points, width, height, look=look, limits=window)
        else:
            canvas = scatter(frame.points, frame.labels, width, height, look=look, limits=window, only=view.only)
        marks = {}
        row = scene.row_of_the_nearest(cloud, frame)
        if row is not None:
            x, y = frame.points[row].tolist()
            if x == x and y == y:
                marks[window.cell_of((x, y), width, height)] = look.pick("●", "o")
        if view.cursor is not None and cloud is scene.clouds.first:
            marks[window.cell_of(view.cursor, width, height)] = look.pick("┼", "+")
        return replace(canvas, marks=marks).strips()

    def _grid(self) -> list[Text]:
        decoded = self._decoded(None)
        if decoded is None or decoded.images is None:
            return [Text(f"   {decoded.says if decoded else 'Decoding.'}", style="dim")]
        across, _ = grid_size(*self.scene.cloud_size)
        return grid_lines(decoded.images, across, self.scene.look)

    def _with_side(self, strips: Sequence[Strip]) -> list[Strip]:
        """The sample at the cursor beside ``strips``."""
        scene, frame = self.scene, self.scene.frame
        if frame is None or scene.sample is None or not scene.has_side:
            return list(strips)
        sample, label, height = scene.sample, int(frame.labels[scene.nearest]), len(strips)
        note = _NO_WAY_BACK if scene.view.shows_tsne else ""
        side = filled(side_lines(sample, label, self._decoded(sample), height, scene.look, note=note), height)
        width = scene.columns - SIDE_WIDTH - 1
        return [
            Strip([*strip.adjust_cell_length(width), *self.strip(Text(" ") + beside)])
            for strip, beside in zip(strips, side, strict=True)
        ]

    def _decoded(self, sample: int | None) -> Decoded | None:
        answer = self.scene.answer
        return answer.about(self.scene.clouds.first.name, sample) if answer else None
