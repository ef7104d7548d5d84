"""The codes of the validation images as a cloud, coloured by class, epoch by epoch; what lies at any place, decoded."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from store.records import Run, RunState
from tui import bindings
from tui.look import Look
from tui.widgets.lines import Lines
from tui.widgets.loss_pane import NO_RUN

if TYPE_CHECKING:
    from tui.canvas import Limits
    from tui.decoding import Decoded, Question
    from tui.latent_view import LatentView
    from tui.latents import Frame, Frames

_PLAY_S = 0.5
_SIDE_FROM = 44
"""Columns of a pane that has room for pictures beside the cloud."""


class LatentPane(Lines, can_focus=True):
    """Follows the newest epoch until one is chosen with ``,``; going past the last follows again."""

    BINDINGS = bindings.LATENT_CURSOR

    @dataclass
    class Asked(Message):
        question: "Question"

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._run: Run | None = None
        self._frames: Frames | None = None
        self._epoch: int | None = None
        """The epoch held on to; None follows the newest."""
        self._view: LatentView | None = None
        """Made with the first frames: it brings numpy."""
        self._asked: Question | None = None
        self._decoded: tuple[Question, Decoded] | None = None
        self._player: Timer | None = None

    # What is shown

    def show_run(self, run: Run | None) -> None:
        is_other = (run and run.name) != (self._run and self._run.name)
        self._run = run
        if is_other:
            self._frames, self._epoch, self._view = None, None, None
            self.stop_playing()
        if is_other or self._frames is None or not self._frames.frames:
            self.draw()

    def take_frames(self, frames: "Frames") -> None:
        if self._frames is None or self._frames.frames != frames.frames:
            self._frames = frames
            self.draw()

    def take_decoded(self, question: "Question", decoded: "Decoded") -> None:
        self._decoded = question, decoded
        self.draw()

    @property
    def view(self) -> "LatentView":
        from tui.latent_view import LatentView

        if self._view is None:
            self._view = LatentView()
        return self._view

    def change(self, view: "LatentView") -> None:
        if view != self.view:
            self._view = view
            self.draw()

    @property
    def is_inspecting(self) -> bool:
        """Whether there is a cursor that the arrows move."""
        return self._view is not None and self._view.cursor is not None

    def frame(self) -> "Frame | None":
        """The epoch that is shown, on the axes that were chosen; None where there is none yet."""
        if self._frames is None or not self._frames.frames:
            return None
        frames = self._frames.frames
        found = next((frame for frame in frames if frame.epoch == self._epoch), frames[-1])
        axes = self.view.axes
        return found.along(*axes) if axes and max(axes) < found.codes.shape[1] else found

    # Keys

    def action_epoch(self, steps: int) -> None:
        if not self._frames or not self._frames.frames:
            return
        epochs = [frame.epoch for frame in self._frames.frames]
        index = epochs.index(self._epoch) if self._epoch in epochs else len(epochs) - 1
        index = max(0, index + steps)
        self._epoch = epochs[index] if index < len(epochs) - 1 else None
        self.draw()

    def play(self) -> None:
        """From the first kept epoch (or the one held on to) to the newest, twice a second; again stops it."""
        if self._player is not None:
            self.stop_playing()
        elif self._frames and len(self._frames.frames) > 1:
            if self._epoch is None:
                self._epoch = self._frames.frames[0].epoch
                self.draw()
            self._player = self.set_interval(_PLAY_S, self._play_on)

    def stop_playing(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None

    def _play_on(self) -> None:
        self.action_epoch(1)
        if self._epoch is None:
            self.stop_playing()

    def inspect(self) -> None:
        """Put a cursor on the cloud, or take it away."""
        if self.is_inspecting:
            self.change(replace(self.view, cursor=None, ends=()))
        else:
            self.move(0, 0)

    def move(self, across: int, down: int) -> None:
        self._look_around(lambda view, whole, width, height: view.moved(whole, width, height, across, down))

    def zoom(self, steps: int) -> None:
        self._look_around(lambda view, whole, width, height: view.zoomed(whole, steps))

    def action_cursor(self, across: int, down: int) -> None:
        self.move(across, down)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.is_inspecting if action == "cursor" else True

    def next_axes(self) -> None:
        if frame := self.frame():
            self.change(self.view.with_next_axes(frame.codes.shape[1]))

    def set_end(self) -> None:
        """The sample nearest to the cursor is where a line of decoded images begins, then where it ends."""
        frame, cursor = self.frame(), self.view.cursor
        if frame and cursor:
            self.change(self.view.with_end(int(frame.indices[self._nearest(frame)])))

    def _look_around(self, change: "Callable[[LatentView, Limits, int, int], LatentView]") -> None:
        if frame := self.frame():
            width, height = self._cloud_size()
            self.change(change(self.view, self._whole(frame, width, height), width, height))

    # Drawing

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def on_hide(self) -> None:
        self.stop_playing()

    def draw(self) -> None:
        if not self.display or not self.size.width:
            return
        frame = self.frame()
        if frame is None:
            self.show_text(Text(f"\n\n   {self._why_nothing()}", style="dim"))
            return
        self._ask(frame)
        below = self._below()
        body = self._grid(frame) if self.view.shows_grid else self._cloud(frame)
        self.show_strips([*map(self.strip, self._head(frame)), *body, *map(self.strip, below)])

    def _head(self, frame: "Frame") -> list[Text]:
        from tui.canvas import class_legend  # numpy: not before there is something to draw

        assert self._frames is not None
        newest = self._frames.frames[-1].epoch
        width = self.size.width - 2
        head = Text(no_wrap=True).append(f"epoch {frame.epoch}", style="bold")
        head.append(f" of {self._run.epochs}" if self._run else "")
        head.append("" if frame.epoch == newest else f" (newest {newest})", style="dim")
        head.append(f"  {frame.axes}  {len(frame.points):,} codes", style="dim")
        head.append("  density" if self.view.shows_density else "", style="dim")
        legend = Text() if self.view.shows_density else class_legend(frame.labels, self._look)
        if head.cell_len + 2 + legend.cell_len <= width:
            lines = [head.append(" " * (width - head.cell_len - legend.cell_len)).append_text(legend)]
        else:
            lines = [head, legend]
        for line in lines:
            line.truncate(width, overflow="ellipsis" if self._look.is_unicode else "crop")
        return lines

    def _cloud_size(self) -> tuple[int, int]:
        """Columns and lines of the cloud itself."""
        from tui.latent_lines import SIDE_WIDTH

        frame = self.frame()
        width = self.size.width - 2 - (SIDE_WIDTH + 1 if self._has_side() else 0)
        taken = (len(self._head(frame)) if frame else 1) + len(self._below())
        return max(1, width), max(1, self.size.height - taken)

    def _has_side(self) -> bool:
        return self.is_inspecting and not self.view.shows_grid and self.size.width >= _SIDE_FROM

    def _whole(self, frame: "Frame", width: int, height: int) -> "Limits":
        from tui.canvas import Limits

        assert self._frames is not None
        newest = self._frames.frames[-1]
        axes = self.view.axes
        newest = newest.along(*axes) if axes and max(axes) < newest.codes.shape[1] else newest
        # The newest epoch's rectangle, and no smaller for the others: the cloud is seen to grow as it plays.
        return Limits.around(frame.points, newest.points).fitted(width, height)

    def _cloud(self, frame: "Frame") -> list[Strip]:
        from tui.canvas import density, scatter

        width, height = self._cloud_size()
        box = self.view.limits or self._whole(frame, width, height)
        if self.view.shows_density:
            canvas = density(frame.points, width, height, look=self._look, limits=box)
        else:
            canvas = scatter(frame.points, frame.labels, width, height, look=self._look, limits=box)
        if self.view.cursor is None:
            return canvas.strips()
        nearest = self._nearest(frame)
        marks = {box.cell_of(tuple(frame.points[nearest].tolist()), width, height): self._look.pick("●", "o")}
        marks[box.cell_of(self.view.cursor, width, height)] = self._look.pick("┼", "+")
        strips = replace(canvas, marks=marks).strips()
        if not self._has_side():
            return strips
        from tui.latent_lines import side_lines

        sample = int(frame.indices[nearest])
        side = side_lines(sample, int(frame.labels[nearest]), self._answer(sample), height, self._look)
        side += [Text()] * (height - len(side))
        return [Strip([*strip, *self.strip(Text(" ") + beside)]) for strip, beside in zip(strips, side, strict=True)]

    def _grid(self, frame: "Frame") -> list[Strip]:
        from tui.latent_lines import grid_lines, grid_size

        answer = self._answer()
        if answer is None or answer.images is None:
            return [self.strip(Text(f"   {answer.says if answer else 'Decoding.'}", style="dim"))]
        across, _ = grid_size(*self._cloud_size())
        return [self.strip(line) for line in grid_lines(answer.images, across, self._look)]

    def _below(self) -> list[Text]:
        from tui.latent_lines import between_lines

        if not self.view.ends:
            return []
        return between_lines(self.view.ends, self._line_answer(), self.size.width - 2, self._look)

    def _line_answer(self) -> "Decoded | None":
        """The newest answer that holds the line between the two ends."""
        if self._decoded is None or self._run is None:
            return None
        question, decoded = self._decoded
        return decoded if (question.run, question.between) == (self._run.name, self.view.ends) else None

    def _nearest(self, frame: "Frame") -> int:
        import numpy as np

        return frame.nearest(np.array(self.view.cursor))

    # What the decoder is asked

    def _ask(self, frame: "Frame") -> None:
        question = self._question(frame)
        if question is not None and question != self._asked:
            self._asked = question
            self.post_message(self.Asked(question))

    def _answer(self, sample: int | None = None) -> "Decoded | None":
        """The newest answer to what this run was asked about ``sample`` (None: about a grid).

        While the cursor moves, it is that of a moment ago, but never another sample's.
        """
        if self._decoded is None or self._run is None:
            return None
        question, decoded = self._decoded
        return decoded if (question.run, question.sample) == (self._run.name, sample) else None

    def _question(self, frame: "Frame") -> "Question | None":
        import numpy as np

        from tui.decoding import Question
        from tui.latent_lines import grid_size

        view = self.view
        if self._run is None or not (view.shows_grid or view.cursor):
            return None
        question = Question(run=self._run.name, epoch=frame.epoch, between=view.ends if len(view.ends) == 2 else ())
        if view.shows_grid:
            width, height = self._cloud_size()
            box = view.limits or self._whole(frame, width, height)
            across, down = grid_size(width, height)
            places = [box.point_of(row, column, across, down) for row in range(down) for column in range(across)]
            return replace(question, codes=_as_tuples(frame.plane.codes_at(np.array(places))))
        codes = frame.plane.codes_at(np.array([view.cursor]))
        return replace(question, codes=_as_tuples(codes), sample=int(frame.indices[self._nearest(frame)]))

    def _why_nothing(self) -> str:
        run = self._run
        if run is None:
            return NO_RUN
        if self._frames is None:
            return "Reading the codes."
        if run.state in (RunState.RUNNING, RunState.WAITING):
            return "The first codes come at the end of the first epoch."
        return f"This run is {run.state} and kept no codes."


def _as_tuples(codes: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), 4) for value in code) for code in codes)
