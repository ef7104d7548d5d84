"""What is read of the folders of the runs that are looked at: curves, codes, pictures, the log, health.

In the watcher's thread. Each reader is imported when its pane is first shown.
"""

import time
from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, Any

from textual.message import Message

from store.paths import Root
from tui.messages import CurvesChanged, FramesChanged, HealthChanged, ImagesChanged, LogGrew
from tui.panes.log.tails import Growth, LogTail
from tui.view import View

if TYPE_CHECKING:
    from tui.panes.images.kept import AlbumReader
    from tui.panes.latent.frames_reader import FramesReader
    from tui.panes.loss.curves_reader import CurvesReader
    from tui.panes.numbers.health import HealthReader

IMAGES_S = 3.0  # a repaint of pictures is kilobytes: a run of many short epochs shows some of them


class RunFiles:
    """Posts what changed since the last look, of what the view shows."""

    def __init__(self, root: Root, post: Callable[[Message], Any], period_s: float) -> None:
        self.root = root
        self._post = post
        self._period_s = period_s
        self._curves: CurvesReader | None = None
        self._frames: FramesReader | None = None
        self._albums: AlbumReader | None = None
        self._albums_view: Hashable = None
        self._albums_at = 0.0
        self._log: tuple[int, LogTail] | None = None
        self._health: tuple[int, HealthReader] | None = None

    def look(self, view: View, is_shown: Callable[[], bool]) -> None:
        """Where it takes long, ``is_shown`` tells whether ``view`` is still what the user looks at."""
        self._look_at_metrics(view)
        self._look_at_frames(view, is_shown)
        self._look_at_images(view)
        self._look_at_log(view)
        self._look_at_health(view)

    def _look_at_metrics(self, view: View) -> None:
        from tui.panes.loss.curves_reader import CurvesReader

        self._curves = self._curves or CurvesReader(self.root)
        wanted = dict.fromkeys((*view.marked, *((view.focus,) if view.focus else ())))
        if changed := self._curves.read(tuple(wanted)):
            self._post(CurvesChanged(changed))

    def _look_at_frames(self, view: View, is_shown: Callable[[], bool]) -> None:
        if not view.wants_frames or view.focus is None:
            return
        if self._frames is None:
            from tui.panes.latent.frames_reader import FramesReader

            self._frames = FramesReader(
                self.root, lambda name, frames: self._post(FramesChanged(name, frames)), self._period_s
            )
        self._frames.look(view.pair or (view.focus,), view.visit, is_shown)

    def _look_at_images(self, view: View) -> None:
        if not view.wants_images or view.focus is None:
            return
        from tui.panes.images.kept import AlbumReader

        is_other = self._albums_view != (view.focus, view.marked, view.image_epoch)
        if not is_other and time.monotonic() - self._albums_at < IMAGES_S:
            return
        self._albums = self._albums or AlbumReader(self.root)
        albums = self._albums.read(dict.fromkeys((view.focus, *view.marked)), view.image_epoch)
        self._albums_view = (view.focus, view.marked, view.image_epoch)
        if albums is not None:
            self._albums_at = time.monotonic()
            self._post(ImagesChanged(albums))

    def _look_at_log(self, view: View) -> None:
        if not view.wants_log or view.focus is None:
            self._log = None
            return
        is_other = self._log is None or self._log[0] != view.visit
        if self._log is None or is_other:
            self._log = (view.visit, LogTail(self.root.run(view.focus).log))
        growth = self._log[1].read() or (Growth(is_new=True) if is_other else None)
        if growth is not None:
            self._post(LogGrew(view.focus, growth))

    def _look_at_health(self, view: View) -> None:
        """What the run's folder tells of its codes and errors, while the numbers pane is shown."""
        if not view.wants_numbers or view.focus is None:
            return
        from tui.panes.numbers.health import HealthReader

        if self._health is None or self._health[0] != view.visit:
            self._health = (view.visit, HealthReader(self.root.run(view.focus)))
        health = self._health[1].read()
        if health is not None:
            self._post(HealthChanged(view.focus, health))
