"""The codes of the runs that the latent pane shows, read by the watcher's thread where their files changed."""

import contextlib
import time
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path

from store.json_file import read_object
from store.names import RunName
from store.paths import Root, RunPaths
from tui.panes.latent.frames import Codes, Frames

_MOST_KEPT = 4


class FramesReader:
    """``tell`` is called with what is new; while many epochs are read, every ``period_s`` with those that are there."""

    def __init__(self, root: Root, tell: Callable[[RunName, Frames], object], period_s: float) -> None:
        self._root, self._tell, self._period_s = root, tell, period_s
        self._known: dict[RunName, tuple[Hashable, Frames]] = {}
        self._names: tuple[RunName, ...] = ()
        self._visit = 0

    def look(self, names: Sequence[RunName], visit: int, is_wanted: Callable[[], bool]) -> None:
        """Read on for ``names``; at another ``visit``, or of a name that is new, tell what is known too."""
        new = {name for name in names if visit != self._visit or name not in self._names}
        self._names, self._visit = tuple(names), visit
        for name in names:
            paths = self._root.run(name)
            stamp = _stamp(paths)
            known = self._known.pop(name, None)
            if known is None or known[0] != stamp:
                known = stamp, self._read(name, paths, known[1] if known else Frames(), is_wanted)
            elif name not in new:
                self._known[name] = known
                continue
            self._known[name] = known
            self._tell(name, known[1])
        for name in list(self._known)[:-_MOST_KEPT]:
            del self._known[name]

    def _read(self, name: RunName, paths: RunPaths, frames: Frames, is_wanted: Callable[[], bool]) -> Frames:
        frames = replace(frames, knn=_knn(paths.folder))
        epochs = paths.latent_epochs()
        shown = [frame.epoch for frame in frames.frames]
        if shown != [epoch for epoch in epochs if epoch <= (shown[-1] if shown else 0)]:
            # Kept epochs are thinned as a run grows, and written again after a take-over.
            kept = {frame.epoch: frame for frame in frames.frames if frame.epoch in epochs}
            frames = replace(frames, frames=tuple(kept[epoch] for epoch in sorted(kept)))
        last = frames.frames[-1].epoch if frames.frames else 0
        told_at = time.monotonic()
        for epoch in epochs:
            if epoch > last and (codes := Codes.load(paths.latents_of(epoch))) is not None:
                frames = frames.grown(codes)
                # Many epochs of a classifier's wide codes take seconds: those that are there are shown meanwhile.
                if time.monotonic() - told_at > self._period_s and is_wanted():
                    self._tell(name, frames)
                    told_at = time.monotonic()
        return frames


def _stamp(paths: RunPaths) -> Hashable:
    """Differs as soon as other epochs are kept or a latent study was done."""
    found = []
    for path in (paths.latents, *_studies(paths.folder)):
        with contextlib.suppress(OSError):
            found.append((path.name, path.stat().st_mtime_ns, path.stat().st_ino))
    return tuple(found)


def _studies(folder: Path) -> list[Path]:
    """What ``aetui latent`` left in the run's folder: figures, of each way to look at the codes."""
    return sorted(folder.glob("latent-*.json"))


def _knn(folder: Path) -> float | None:
    """The newest study's accuracy of the neighbours, which is of the codes whatever shows them."""
    found: list[tuple[int, float]] = []
    for path in _studies(folder):
        figures = read_object(path).get("figures")
        accuracy = figures.get("knn_accuracy") if isinstance(figures, dict) else None
        if isinstance(accuracy, float | int):
            with contextlib.suppress(OSError):
                found.append((path.stat().st_mtime_ns, float(accuracy)))
    return max(found)[1] if found else None
