"""What is known of one run's cloud: the codes of its epochs, their t-SNE pictures, and which of them is shown."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from store.names import RunName
from store.records import Run, RunState
from tui.panes.loss.pane import no_run

if TYPE_CHECKING:  # numpy: not before there is something to draw
    import numpy as np

    from tui.panes.latent.embedding import Embedded, Wish
    from tui.panes.latent.frames import Frame, Frames
    from tui.panes.latent.view import LatentView


@dataclass(eq=False)
class Cloud:
    """``run`` None: there is none."""

    run: Run | None
    frames: "Frames | None" = None
    embedded: "Embedded | None" = None

    @property
    def name(self) -> RunName | None:
        return self.run.name if self.run else None

    @property
    def all(self) -> "tuple[Frame, ...]":
        return self.frames.frames if self.frames else ()

    def at(self, epoch: int | None) -> "Frame | None":
        """The codes of ``epoch``, else of the kept one before it; None: the newest."""
        if epoch is None or not self.all:
            return self.all[-1] if self.all else None
        return next((frame for frame in reversed(self.all) if frame.epoch <= epoch), self.all[0])

    def shown(self, epoch: int | None, view: "LatentView") -> "Frame | None":
        """Those codes as ``view`` looks at them; by t-SNE the newest that has a picture, or None."""
        frame = self.at(epoch)
        if frame is None:
            return None
        if view.shows_tsne:
            frames = reversed(self.all) if epoch is None else (frame,)
            pictures = ((frame, self._picture_of(frame)) for frame in frames)
            return next((frame.embedded(points) for frame, points in pictures if points is not None), None)
        return frame.along(*view.axes) if view.axes and max(view.axes) < frame.codes.shape[1] else frame

    def lacks(self, epoch: int | None) -> "Wish | None":
        """The t-SNE picture that is to be made for ``epoch`` to be shown; None: none, or it failed."""
        from tui.panes.latent.embedding import Wish

        frame = self.at(epoch)
        if self.run is None or frame is None or self._picture_of(frame) is not None:
            return None
        embedded = self.embedded
        if embedded and embedded.failed == frame.epoch:
            return None
        if epoch is None and embedded and embedded.working in [each.epoch for each in self.all]:
            return Wish(self.run.name, embedded.working)  # a run's newest epoch is soon another: what is begun is ended
        return Wish(self.run.name, frame.epoch)

    def take(self, embedded: "Embedded") -> bool:
        """Whether more is different than how far it is."""
        old, self.embedded = self.embedded, embedded
        if old is None or old.failed != embedded.failed or old.pictures.keys() != embedded.pictures.keys():
            return True
        return any(points is not old.pictures[epoch] for epoch, points in embedded.pictures.items())

    def forgive(self) -> None:
        """What failed may be tried again."""
        if self.embedded is not None:
            self.embedded = replace(self.embedded, failed=None, says="")

    def why_nothing(self) -> str:
        run = self.run
        if run is None:
            return no_run()
        if self.frames is None:
            return "Reading the codes."
        if run.state in (RunState.RUNNING, RunState.WAITING):
            return "The first codes come at the end of the first epoch."
        return f"This run is {run.state} and kept no codes."

    def _picture_of(self, frame: "Frame") -> "np.ndarray | None":
        points = self.embedded.pictures.get(frame.epoch) if self.embedded else None
        return points if points is not None and len(points) == len(frame.codes) else None
