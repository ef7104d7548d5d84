"""The codes of the validation images as a cloud, coloured by class, epoch by epoch; what lies at any place, decoded."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.segment import Segment
from rich.style import Style
from rich.text import Text
from textual.message import Message
from textual.strip import Strip
from textual.timer import Timer

from store.names import RunName
from store.records import Run
from tui import bindings
from tui.look import Look
from tui.panes.latent.cloud import Cloud
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from tui.canvas import Limits
    from tui.panes.decoding import Decoded, Question
    from tui.panes.latent.embedding import Embedded, Wish
    from tui.panes.latent.frames import Frame, Frames
    from tui.panes.latent.view import LatentView

_PLAY_S = 0.5
_PROGRESS_S = 1.0
_SIDE_FROM = 44
"""Columns of a pane that has room for pictures beside the cloud."""
_BESIDE_FROM = 100
"""Columns of a pane that shows two clouds beside each other, not one above the other."""
_NO_WAY_BACK = "t-SNE: decoded is its own code"


class LatentPane(Lines, can_focus=True):
    """Follows the newest epoch until one is chosen with ``,``; going past the last follows again.

    Of two runs side by side the cursor is on the first; where its nearest sample lies is marked in both.
    """

    BINDINGS = bindings.LATENT_CURSOR

    @dataclass
    class Asked(Message):
        question: "Question"

    @dataclass
    class Wished(Message):
        """For these t-SNE pictures and no others."""

        wishes: "tuple[Wish, ...]"

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._cloud = Cloud(None)
        self._other: Cloud | None = None
        """Of the run beside."""
        self._epoch: int | None = None
        """The epoch held on to; None follows the newest."""
        self._view: LatentView | None = None
        """Made with the first frames: it brings numpy."""
        self._asked: Question | None = None
        self._decoded: tuple[Question, Decoded] | None = None
        self._wishes: tuple[Wish, ...] = ()
        self._player: Timer | None = None
        self._ticker: Timer | None = None

    # What is shown

    def show_run(self, run: Run | None, beside: Run | None = None) -> None:
        """The cloud of ``run``, and that of ``beside`` beside it."""
        before = self._clouds()
        known = {_name(cloud.run): cloud for cloud in before}
        cloud = known.get(_name(run)) or Cloud(run)
        if cloud is not self._cloud:
            self.stop_playing()
            if cloud is self._other and self._view is not None:
                self._view = replace(self._view, limits=None, cursor=None, ends=())
            else:
                self._epoch, self._view = None, None
        self._cloud, self._cloud.run = cloud, run
        self._other = (known.get(_name(beside)) or Cloud(beside)) if beside else None
        if self._other is not None:
            self._other.run = beside
        if self._clouds() != before or not cloud.all:
            self.draw()

    def take_frames(self, name: RunName, frames: "Frames") -> None:
        for cloud in self._clouds():
            if _name(cloud.run) != name:
                continue
            old, cloud.frames = cloud.frames, frames
            if old is None or (old.frames, old.knn) != (frames.frames, frames.knn):
                self.draw()

    def take_decoded(self, question: "Question", decoded: "Decoded") -> None:
        self._decoded = question, decoded
        self.draw()

    def take_embedded(self, embedded: "Embedded") -> None:
        clouds = [cloud for cloud in self._clouds() if _name(cloud.run) == embedded.run]
        if sum(cloud.take(embedded) for cloud in clouds):
            self.draw()

    @property
    def view(self) -> "LatentView":
        from tui.panes.latent.view import LatentView

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
        return self._cloud.shown(self._epoch, self.view) if self._cloud.all else None

    def frame_beside(self) -> "Frame | None":
        """The same of the other run, turned to lie as the first does where both are of the same images."""
        return self._beside_at(self._epoch)

    def _beside_at(self, epoch: int | None) -> "Frame | None":
        if self._other is None:
            return None
        found, frame = (cloud.shown(epoch, self.view) for cloud in (self._other, self._cloud))
        if found is None or frame is None or not (found.is_turnable and frame.is_turnable):
            return found
        return found.turned_onto(frame) if found.is_of_the_images_of(frame) else found

    def dim(self) -> int:
        """Of the codes; 0 where there are none yet."""
        frame = self._cloud.at(None)
        return frame.codes.shape[1] if frame else 0

    def _clouds(self) -> list[Cloud]:
        return [self._cloud, *([self._other] if self._other is not None else [])]

    # Keys

    def action_epoch(self, steps: int) -> None:
        epochs = self._epochs()
        if epochs:
            index = max(0, self._at(epochs) + steps)
            self._epoch = epochs[index] if index < len(epochs) - 1 else None
            self.draw()

    def _epochs(self) -> list[int]:
        """Those that either run kept."""
        return sorted({frame.epoch for cloud in self._clouds() for frame in cloud.all})

    def _at(self, epochs: list[int]) -> int:
        if self._epoch is None:
            return len(epochs) - 1
        return max((index for index, epoch in enumerate(epochs) if epoch <= self._epoch), default=0)

    def play(self) -> None:
        """From the first kept epoch (or the one held on to) to the newest, twice a second; again stops it."""
        if self._player is not None:
            self.stop_playing()
            self._wish()
        elif len(epochs := self._epochs()) > 1:
            if self._epoch is None:
                self._epoch = epochs[0]
            self._player = self.set_interval(_PLAY_S, self._play_on)
            self.draw()

    def stop_playing(self) -> None:
        if self._player is not None:
            self._player.stop()
            self._player = None

    def _play_on(self) -> None:
        if self._wishes_for(self._epoch):
            return  # by t-SNE, epochs that have no picture yet are waited for
        following = self._following()
        if following is not None and self._wishes_for(following):
            self._wish()
            return
        self.action_epoch(1)
        if self._epoch is None:
            self.stop_playing()

    def _following(self) -> int | None:
        epochs = self._epochs()
        at = self._at(epochs) + 1 if epochs else 0
        return epochs[at] if at < len(epochs) else None

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
        for cloud in self._clouds():
            cloud.forgive()
        self.change(self.view.with_next_axes(self.dim()))

    def next_class(self) -> None:
        """One class more than the last alone in colour; after the last all."""
        if frame := self._cloud.at(self._epoch):
            self.change(self.view.with_next_class(sorted({int(label) for label in frame.labels if label >= 0})))

    def cancel(self) -> bool:
        """Give up the t-SNE that is being made, and look at the cloud as before; whether there was one."""
        if not self._wishes:
            return False
        self.stop_playing()
        self.change(self.view.along(None))
        return True

    def set_end(self) -> None:
        """The sample nearest to the cursor is where a line of decoded images begins, then where it ends."""
        frame, cursor = self.frame(), self.view.cursor
        if frame and cursor:
            self.change(self.view.with_end(int(frame.indices[self._nearest(frame)])))

    def _look_around(self, change: "Callable[[LatentView, Limits, int, int], LatentView]") -> None:
        if frame := self.frame():
            width, height = self._cloud_size()
            self.change(change(self.view, self._whole(self._cloud, frame, width, height), width, height))

    # Drawing

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def on_hide(self) -> None:
        self.stop_playing()
        self._tell_wishes(())

    def draw(self) -> None:
        if not self.display or not self.size.width:
            self._tell_wishes(())
            return
        if not self._cloud.all:
            self._tell_wishes(())
            self.show_text(Text(f"\n\n   {self._cloud.why_nothing()}", style="dim"))
            return
        self._wish()
        frame = self.frame()
        if frame is not None:
            self._ask(frame)
        below = self._below()
        body = self._two(frame) if self._other is not None else self._one(frame)
        self.show_strips([*body, *map(self.strip, below)])

    def _one(self, frame: "Frame | None") -> list[Strip]:
        width, height = self._cloud_size()
        return [*map(self.strip, self._heads()), *self._body(self._cloud, frame, width, height)]

    def _two(self, frame: "Frame | None") -> list[Strip]:
        """Both clouds with a head each, beside each other where there is room, below the classes."""
        assert self._other is not None
        width, height = self._cloud_size()
        blocks = []
        for cloud, found in ((self._cloud, frame), (self._other, self.frame_beside())):
            lines = [self.strip(self._head_of_two(cloud, found, width)), *self._body(cloud, found, width, height)]
            blocks.append([line.adjust_cell_length(width) for line in lines])
        first, second = blocks
        heads = [*map(self.strip, self._heads())]
        if not self._is_beside():
            lines = [*first, *second]
        else:
            between = Segment(self._look.pick("│", "|"), Style(dim=True))
            lines = [Strip([*left, between, *right]) for left, right in zip(first, second, strict=True)]
        return [*heads, *self._with_side(lines, frame)]

    def _is_beside(self) -> bool:
        return self.size.width >= _BESIDE_FROM

    def _heads(self) -> list[Text]:
        """What stands above all of it."""
        from tui.panes.latent.heads import (  # numpy: not before there is something to draw
            cut,
            head,
            making,
            with_legend,
        )

        frame, view, width = self.frame(), self.view, self.size.width - 2
        basis = frame or self._cloud.at(self._epoch)
        assert basis is not None
        if self._other is not None:
            return with_legend(Text(no_wrap=True), basis, view, self._look, width)[:1]
        assert self._cloud.frames is not None
        if frame is None:
            return [cut(Text(f"epoch {basis.epoch}", style="bold"), width, self._look)]
        line = head(self._cloud.frames, frame, view, self._num_epochs(self._cloud))
        wishes = self._wishes
        if wishes and wishes[0].epoch != frame.epoch:
            line.append(f"  epoch {wishes[0].epoch}: ").append_text(making(wishes[0], self._cloud.embedded, self._look))
        return with_legend(line, frame, view, self._look, width)

    def _head_of_two(self, cloud: Cloud, frame: "Frame | None", width: int) -> Text:
        from tui.panes.latent.heads import cut, head, making

        line = Text(no_wrap=True).append(self._title_of_two(cloud), style="bold").append("  ")
        if frame is not None:
            assert cloud.frames is not None
            line.append_text(head(cloud.frames, frame, self.view, self._num_epochs(cloud)))
            wish = next((each for each in self._wishes if each.run == _name(cloud.run)), None)
            if wish is not None and wish.epoch != frame.epoch:
                line.append(f"  epoch {wish.epoch}: ").append_text(making(wish, cloud.embedded, self._look))
        return cut(line, width, self._look)

    def _title_of_two(self, cloud: Cloud) -> str:
        """The run's name, as much of it as tells the two apart."""
        names = [name for each in self._clouds() if (name := _name(each.run))]
        name = _name(cloud.run)
        return f"run {name.number}" if name and len({name.experiment for name in names}) == 1 else str(name)

    @staticmethod
    def _num_epochs(cloud: Cloud) -> int:
        return cloud.run.epochs if cloud.run else 0

    def _cloud_size(self) -> tuple[int, int]:
        """Columns and lines of a cloud itself."""
        from tui.panes.latent.lines import SIDE_WIDTH

        width = self.size.width - 2 - (SIDE_WIDTH + 1 if self._has_side() else 0)
        height = self.size.height - len(self._heads()) - len(self._below())
        if self._other is not None:
            width, height = ((width - 1) // 2, height - 1) if self._is_beside() else (width, height // 2 - 1)
        return max(1, width), max(1, height)

    def _has_side(self) -> bool:
        return self.is_inspecting and not self.view.shows_grid and self.size.width >= _SIDE_FROM

    def _whole(self, cloud: Cloud, frame: "Frame", width: int, height: int) -> "Limits":
        from tui.canvas import Limits

        newest = (cloud.shown(None, self.view) if cloud is self._cloud else self._beside_at(None)) or frame
        # The newest epoch's rectangle, and no smaller for the others: the cloud is seen to grow as it plays.
        return Limits.around(frame.points, newest.points).fitted(width, height)

    def _body(self, cloud: Cloud, frame: "Frame | None", width: int, height: int) -> list[Strip]:
        """As many lines as a cloud has."""
        from tui.panes.latent.heads import filled, instead

        if frame is None:
            bare = cloud.at(self._epoch)
            wish = next((each for each in self._wishes if each.run == _name(cloud.run)), None)
            says = [Text(f"   {cloud.why_nothing()}", style="dim")]
            lines = instead(wish, cloud.embedded, bare, self._look) if bare else says
            lines = lines if cloud is self._cloud else lines[:-1]
            return [*map(self.strip, filled(lines, height))]
        if self.view.shows_grid and cloud is self._cloud:
            return [*map(self.strip, filled(self._grid(), height))]
        strips = self._scatter(cloud, frame, width, height)
        return strips if self._other is not None else self._with_side(strips, frame)

    def _scatter(self, cloud: Cloud, frame: "Frame", width: int, height: int) -> list[Strip]:
        from tui.canvas import density, scatter

        view, look = self.view, self._look
        whole = self._whole(cloud, frame, width, height)
        row, box = self._row_of_the_nearest(cloud, frame), whole
        if view.limits is not None:
            box = view.limits if cloud is self._cloud else self._zoomed_too(frame, whole, row)
        if view.shows_density:
            canvas = density(frame.points, width, height, look=look, limits=box)
        else:
            canvas = scatter(frame.points, frame.labels, width, height, look=look, limits=box, only=view.only)
        marks = {}
        if row is not None:
            x, y = frame.points[row].tolist()
            if x == x and y == y:
                marks[box.cell_of((x, y), width, height)] = look.pick("●", "o")
        if view.cursor is not None and cloud is self._cloud:
            marks[box.cell_of(view.cursor, width, height)] = look.pick("┼", "+")
        return replace(canvas, marks=marks).strips()

    def _zoomed_too(self, frame: "Frame", whole: "Limits", row: int | None) -> "Limits":
        """As much smaller as the window on the first cloud, around the same sample."""
        first, limits = self.frame(), self.view.limits
        if first is None or limits is None:
            return whole
        all_of_it = self._whole(self._cloud, first, *self._cloud_size())
        middle = (whole.left + whole.right) / 2, (whole.bottom + whole.top) / 2
        if row is not None:
            x, y = frame.points[row].tolist()
            middle = (x, y)
        return whole.zoomed((all_of_it.right - all_of_it.left) / (limits.right - limits.left), middle)

    def _row_of_the_nearest(self, cloud: Cloud, frame: "Frame") -> int | None:
        """Where in ``frame`` the sample is that lies nearest to the cursor on the first cloud."""
        first = self.frame()
        if self.view.cursor is None or first is None:
            return None
        nearest = self._nearest(first)
        if cloud is self._cloud:
            return nearest
        return frame.row_of(int(first.indices[nearest])) if frame.is_of_the_images_of(first) else None

    def _with_side(self, strips: Sequence[Strip], frame: "Frame | None") -> list[Strip]:
        if frame is None or not self._has_side():
            return list(strips)
        from tui.panes.latent.heads import filled
        from tui.panes.latent.lines import SIDE_WIDTH, side_lines

        nearest = self._nearest(frame)
        sample, label, height = int(frame.indices[nearest]), int(frame.labels[nearest]), len(strips)
        note = _NO_WAY_BACK if self.view.shows_tsne else ""
        side = filled(side_lines(sample, label, self._answer(sample), height, self._look, note=note), height)
        width = self.size.width - 2 - SIDE_WIDTH - 1
        return [
            Strip([*strip.adjust_cell_length(width), *self.strip(Text(" ") + beside)])
            for strip, beside in zip(strips, side, strict=True)
        ]

    def _grid(self) -> list[Text]:
        from tui.panes.latent.lines import grid_lines, grid_size

        answer = self._answer()
        if answer is None or answer.images is None:
            return [Text(f"   {answer.says if answer else 'Decoding.'}", style="dim")]
        across, _ = grid_size(*self._cloud_size())
        return grid_lines(answer.images, across, self._look)

    def _below(self) -> list[Text]:
        from tui.panes.latent.lines import between_lines

        if not self.view.ends:
            return []
        return between_lines(self.view.ends, self._line_answer(), self.size.width - 2, self._look)

    def _line_answer(self) -> "Decoded | None":
        """The newest answer that holds the line between the two ends."""
        if self._decoded is None or self._cloud.run is None:
            return None
        question, decoded = self._decoded
        return decoded if (question.run, question.between) == (self._cloud.run.name, self.view.ends) else None

    def _nearest(self, frame: "Frame") -> int:
        import numpy as np

        return frame.nearest(np.array(self.view.cursor))

    # Which t-SNE pictures are wished for

    def _wish(self) -> None:
        wishes = self._wishes_for(self._epoch)
        if not wishes and self._player is not None and (following := self._following()) is not None:
            wishes = self._wishes_for(following)
        self._tell_wishes(wishes)

    def _wishes_for(self, epoch: int | None) -> "tuple[Wish, ...]":
        if self._view is None or not self._view.shows_tsne:
            return ()
        return tuple(wish for cloud in self._clouds() if (wish := cloud.lacks(epoch)) is not None)

    def _tell_wishes(self, wishes: "tuple[Wish, ...]") -> None:
        if wishes == self._wishes:
            return
        self._wishes = wishes
        self.post_message(self.Wished(wishes))
        if wishes and self._ticker is None:
            self._ticker = self.set_interval(_PROGRESS_S, self.draw)
        elif not wishes and self._ticker is not None:
            self._ticker.stop()
            self._ticker = None

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
        if self._decoded is None or self._cloud.run is None:
            return None
        question, decoded = self._decoded
        return decoded if (question.run, question.sample) == (self._cloud.run.name, sample) else None

    def _question(self, frame: "Frame") -> "Question | None":
        import numpy as np

        from tui.panes.decoding import Question
        from tui.panes.latent.lines import grid_size

        view, run, plane = self.view, self._cloud.run, frame.plane
        if run is None or not (view.shows_grid or view.cursor):
            return None
        question = Question(run=run.name, epoch=frame.epoch, between=view.ends if len(view.ends) == 2 else ())
        if view.shows_grid and plane is not None:
            width, height = self._cloud_size()
            box = view.limits or self._whole(self._cloud, frame, width, height)
            across, down = grid_size(width, height)
            places = [box.point_of(row, column, across, down) for row in range(down) for column in range(across)]
            return replace(question, codes=_as_tuples(plane.codes_at(np.array(places))))
        question = replace(question, sample=int(frame.indices[self._nearest(frame)]))
        if plane is None:
            return question
        return replace(question, codes=_as_tuples(plane.codes_at(np.array([view.cursor]))))


def _name(run: Run | None) -> RunName | None:
    return run.name if run else None


def _as_tuples(codes: Any) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(round(float(value), 4) for value in code) for code in codes)
