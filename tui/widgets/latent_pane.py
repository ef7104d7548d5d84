"""The codes of the validation images as a cloud, coloured by class, epoch by epoch."""

from typing import TYPE_CHECKING, Any

from rich.text import Text

from store.records import Run, RunState
from tui.look import Look
from tui.widgets.lines import Lines
from tui.widgets.loss_pane import NO_RUN

if TYPE_CHECKING:
    from tui.latents import Frames


class LatentPane(Lines, can_focus=True):
    """Follows the newest epoch until one is chosen with ``,``; going past the last follows again."""

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._run: Run | None = None
        self._frames: Frames | None = None
        self._epoch: int | None = None
        """The epoch held on to; None follows the newest."""

    def show_run(self, run: Run | None) -> None:
        is_other = (run and run.name) != (self._run and self._run.name)
        self._run = run
        if is_other:
            self._frames, self._epoch = None, None
        if is_other or self._frames is None or not self._frames.frames:
            self.draw()

    def take_frames(self, frames: "Frames") -> None:
        if self._frames is None or self._frames.frames != frames.frames:
            self._frames = frames
            self.draw()

    def action_epoch(self, steps: int) -> None:
        if not self._frames or not self._frames.frames:
            return
        epochs = [frame.epoch for frame in self._frames.frames]
        index = epochs.index(self._epoch) if self._epoch in epochs else len(epochs) - 1
        index = max(0, index + steps)
        self._epoch = epochs[index] if index < len(epochs) - 1 else None
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.display or not self.size.width:
            return
        if self._frames is None or not self._frames.frames:
            self.show_text(Text(f"\n\n   {self._why_nothing()}", style="dim"))
            return
        from tui.canvas import Limits, class_legend, scatter  # numpy: not before there is something to draw

        frames = self._frames.frames
        frame = next((frame for frame in frames if frame.epoch == self._epoch), frames[-1])
        width, height = self.size.width - 2, self.size.height
        head = Text(no_wrap=True).append(f"epoch {frame.epoch}", style="bold")
        head.append(f" of {self._run.epochs}" if self._run else "")
        head.append("" if frame is frames[-1] else f" (newest {frames[-1].epoch})", style="dim")
        head.append(f"  {frame.axes}  {len(frame.points):,} codes", style="dim")
        legend = class_legend(frame.labels, self._look)
        if head.cell_len + 2 + legend.cell_len <= width:
            lines = [head.append(" " * (width - head.cell_len - legend.cell_len)).append_text(legend)]
        else:
            lines = [head, legend]
        for line in lines:
            line.truncate(width, overflow="ellipsis" if self._look.is_unicode else "crop")
        rows = max(1, height - len(lines))
        # The newest epoch's rectangle, and no smaller for the others: the cloud is seen to grow as it plays.
        limits = Limits.around(frame.points, frames[-1].points).fitted(width, rows)
        canvas = scatter(frame.points, frame.labels, width, rows, look=self._look, limits=limits)
        self.show_strips([*map(self.strip, lines), *canvas.strips()])

    def _why_nothing(self) -> str:
        run = self._run
        if run is None:
            return NO_RUN
        if self._frames is None:
            return "Reading the codes."
        if run.state in (RunState.RUNNING, RunState.WAITING):
            return "The first codes come at the end of the first epoch."
        return f"This run is {run.state} and kept no codes."
