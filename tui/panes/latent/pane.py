"""The codes of the validation images as a cloud, coloured by class, epoch by epoch; what lies at any place, decoded."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from rich.text import Text
from textual.message import Message
from textual.timer import Timer

from store.names import RunName
from store.records import Run
from tui import bindings
from tui.look import Look
from tui.panes.latent.cloud import Cloud
from tui.panes.latent.clouds import Clouds
from tui.panes.latent.timeline import Timeline
from tui.widgets.lines import Lines

if TYPE_CHECKING:
    from tui.panes.decoding import Answer, Decoded, Question
    from tui.panes.latent.embedding import Embedded, Wish
    from tui.panes.latent.frames import Frame, Frames
    from tui.panes.latent.scene import Scene
    from tui.panes.latent.view import LatentView

_PLAY_S = 0.5
_PROGRESS_S = 1.0


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
        self._clouds = Clouds(Cloud(None))
        self._epoch: int | None = None
        """The epoch held on to; None follows the newest."""
        self._view: LatentView | None = None
        """Made with the first frames: it brings numpy."""
        self._asked: Question | None = None
        self._answer: Answer | None = None
        self._wishes: tuple[Wish, ...] = ()
        self._player: Timer | None = None
        self._ticker: Timer | None = None

    # What is shown

    def show_run(self, run: Run | None, beside: Run | None = None) -> None:
        """The cloud of ``run``, and that of ``beside`` beside it."""
        before, self._clouds = self._clouds, self._clouds.of(run, beside)
        first = self._clouds.first
        if first is not before.first:
            self.stop_playing()
            if first is before.other and self._view is not None:
                self._view = replace(self._view, limits=None, cursor=None, ends=())
            else:
                self._epoch, self._view = None, None
        if self._clouds != before or not first.all:
            self.draw()

    def take_frames(self, name: RunName, frames: "Frames") -> None:
        for cloud in self._clouds.named(name):
            old, cloud.frames = cloud.frames, frames
            if old is None or (old.frames, old.knn) != (frames.frames, frames.knn):
                self.draw()

    def take_decoded(self, question: "Question", decoded: "Decoded") -> None:
        from tui.panes.decoding import Answer

        self._answer = Answer(question, decoded)
        self.draw()

    def take_embedded(self, embedded: "Embedded") -> None:
        if sum(cloud.take(embedded) for cloud in self._clouds.named(embedded.run)):
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
        first = self._clouds.first
        return self._clouds.shown(first, self._epoch, self.view) if first.all else None

    def frame_beside(self) -> "Frame | None":
        """The same of the other run."""
        other = self._clouds.other
        return self._clouds.shown(other, self._epoch, self.view) if other is not None else None

    def dim(self) -> int:
        """Of the codes; 0 where there are none yet."""
        frame = self._clouds.first.at(None)
        return frame.codes.shape[1] if frame else 0

    def _scene(self) -> "Scene | None":
        """None where there are no codes yet."""
        if not self._clouds.first.all:
            return None
        from tui.panes.latent.scene import Scene

        return Scene(
            clouds=self._clouds,
            epoch=self._epoch,
            view=self.view,
            frame=self.frame(),
            beside=self.frame_beside(),
            wishes=self._wishes,
            answer=self._answer,
            look=self._look,
            width=self.size.width,
            height=self.size.height,
        )

    # Keys

    def action_epoch(self, steps: int) -> None:
        timeline = self._timeline()
        if timeline.epochs:
            self._epoch = timeline.moved(steps)
            self.draw()

    def _timeline(self) -> Timeline:
        return Timeline(self._clouds.epochs(), self._epoch)

    def play(self) -> None:
        """From the first kept epoch (or the one held on to) to the newest, twice a second; again stops it."""
        if self._player is not None:
            self.stop_playing()
            self._wish()
        elif len(epochs := self._clouds.epochs()) > 1:
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
        following = self._timeline().following()
        if following is not None and self._wishes_for(following):
            self._wish()
            return
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
        if scene := self._scene():
            self.change(scene.moved(across, down))

    def zoom(self, steps: int) -> None:
        if scene := self._scene():
            self.change(scene.zoomed(steps))

    def set_end(self) -> None:
        """The sample nearest to the cursor is where a line of decoded images begins, then where it ends."""
        if scene := self._scene():
            self.change(scene.with_end())

    def action_cursor(self, across: int, down: int) -> None:
        self.move(across, down)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return self.is_inspecting if action == "cursor" else True

    def next_axes(self) -> None:
        for cloud in self._clouds:
            cloud.forgive()
        self.change(self.view.with_next_axes(self.dim()))

    def next_class(self) -> None:
        """One class more than the last alone in colour; after the last all."""
        if frame := self._clouds.first.at(self._epoch):
            self.change(self.view.with_next_class(sorted({int(label) for label in frame.labels if label >= 0})))

    def cancel(self) -> bool:
        """Give up the t-SNE that is being made, and look at the cloud as before; whether there was one."""
        if not self._wishes:
            return False
        self.stop_playing()
        self.change(self.view.along(None))
        return True

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
        if self._clouds.first.all:
            self._wish()
        scene = self._scene()
        if scene is None:
            self._tell_wishes(())
            self.show_text(Text(f"\n\n   {self._clouds.first.why_nothing()}", style="dim"))
            return
        from tui.panes.latent.drawing import Drawing  # numpy: not before there is something to draw

        self._ask(scene)
        self.show_strips(Drawing(scene, self.strip).strips())

    def _ask(self, scene: "Scene") -> None:
        from tui.panes.latent.asking import question

        asked = question(scene)
        if asked is not None and asked != self._asked:
            self._asked = asked
            self.post_message(self.Asked(asked))

    # Which t-SNE pictures are wished for

    def _wish(self) -> None:
        wishes = self._wishes_for(self._epoch)
        if not wishes and self._player is not None and (following := self._timeline().following()) is not None:
            wishes = self._wishes_for(following)
        self._tell_wishes(wishes)

    def _wishes_for(self, epoch: int | None) -> "tuple[Wish, ...]":
        return self._clouds.lacking(epoch) if self._view is not None and self._view.shows_tsne else ()

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
