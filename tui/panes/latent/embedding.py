"""t-SNE pictures of epochs: made one after the other by a helper process (`engine.analysis.project`), kept in the run.

The nearest epoch's picture that there is, is where an epoch's points set out from: the cloud stays put as it plays.
"""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from engine.analysis.projections import projection_path, read_projection, source_of
from store.names import RunName
from store.paths import Root
from tui.look import printable

_MODULE = "engine.analysis.project"
_MOST_KEPT = 4
_ONE_CORE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


@dataclass(frozen=True, slots=True)
class Wish:
    """For the picture of one epoch."""

    run: RunName
    epoch: int


@dataclass(frozen=True, kw_only=True, eq=False)
class Embedded:
    """``pictures``: epoch -> points [N, 2], all that there are.

    ``working``: the epoch whose picture is being made, ``part`` of it, since ``began_at`` (monotonic). ``failed``: the
    epoch that could not be shown, and ``says`` why.
    """

    run: RunName
    pictures: Mapping[int, np.ndarray] = field(default_factory=dict)
    working: int | None = None
    part: float = 0.0
    began_at: float = 0.0
    failed: int | None = None
    says: str = ""


class Embedder:
    """``tell`` is called from another thread."""

    def __init__(self, root: Root, tell: Callable[[Embedded], object]) -> None:
        self._root, self._tell = root, tell
        self._known: dict[RunName, dict[int, tuple[Hashable, np.ndarray]]] = {}
        self._wishes: list[Wish] = []
        self._working: Wish | None = None
        self._process: subprocess.Popen[str] | None = None
        self._changed = threading.Condition()
        self._is_over = False
        threading.Thread(target=self._work, name="embedder", daemon=True).start()

    def want(self, wishes: Sequence[Wish]) -> None:
        """These in order, and no others: what is in the making for another is given up."""
        with self._changed:
            self._wishes = list(wishes)
            if self._process is not None and self._working not in self._wishes:
                self._process.terminate()
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._is_over = True
        self.want(())

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._wishes or self._is_over)
                if self._is_over:
                    break
                wishes = list(self._wishes)
            wish = self._easiest(wishes)
            with self._changed:
                if wish not in self._wishes:
                    continue
                self._working = wish
            told = self._fulfilled(wish)
            with self._changed:
                self._working = None
                if wish in self._wishes:
                    self._wishes.remove(wish)
            self._tell(told)

    def _easiest(self, wishes: Sequence[Wish]) -> Wish:
        """The first whose picture is there, else the first."""
        return next((wish for wish in wishes if wish.epoch in self._read(wish.run)), wishes[0])

    def _fulfilled(self, wish: Wish) -> Embedded:
        pictures = self._read(wish.run)
        told = Embedded(run=wish.run, pictures=pictures)
        if wish.epoch in pictures:
            return told
        self._tell(replace(told, working=wish.epoch, began_at=time.monotonic()))
        says = self._made(wish, told)
        pictures = self._read(wish.run)
        told = replace(told, pictures=pictures)
        return told if wish.epoch in pictures or not says else replace(told, failed=wish.epoch, says=says)

    def _read(self, run: RunName) -> dict[int, np.ndarray]:
        """All pictures that are there and are of the codes that are there."""
        paths = self._root.run(run)
        known, found = self._known.pop(run, {}), {}
        for epoch in paths.latent_epochs():
            codes = paths.latents_of(epoch)
            picture = projection_path(codes, "tsne")
            with contextlib.suppress(OSError):  # thinned out just now
                stamp = _stamp(codes), _stamp(picture)
                if epoch in known and known[epoch][0] == stamp:
                    found[epoch] = known[epoch]
                elif (points := read_projection(picture, source_of(codes))) is not None:
                    found[epoch] = stamp, points
        self._known[run] = found
        for name in list(self._known)[:-_MOST_KEPT]:
            del self._known[name]
        return {epoch: points for epoch, (_, points) in found.items()}

    def _made(self, wish: Wish, told: Embedded) -> str:
        """Make the picture; why not, where that went wrong."""
        codes = self._root.run(wish.run).latents_of(wish.epoch)
        command = [sys.executable, "-P", "-m", _MODULE, str(codes), "--method=tsne"]
        if told.pictures:
            nearest = min(told.pictures, key=lambda epoch: abs(epoch - wish.epoch))
            command.append(f"--reference={projection_path(codes.with_name(f'{nearest}.npz'), 'tsne')}")
        began_at = time.monotonic()
        with self._changed:
            if wish not in self._wishes:
                return ""
            try:
                self._process = process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                    env={**os.environ, **_ONE_CORE},
                    start_new_session=True,  # Ctrl-C on the screen is not for it
                )
            except OSError as error:
                return f"No process can be started: {error.strerror}."
        assert process.stdout is not None
        for line in process.stdout:
            with contextlib.suppress(ValueError):
                part = float(line)
                self._tell(replace(told, working=wish.epoch, part=part, began_at=began_at))
        _, errors = process.communicate()
        with self._changed:
            self._process = None
            was_given_up = wish not in self._wishes
        if process.returncode == 0 or was_given_up:
            return ""
        lines = errors.strip().splitlines() or [f"the process ended with status {process.returncode}"]
        return printable(lines[-1])


def _stamp(path: Path) -> Hashable:
    """Raises OSError: it is absent."""
    found = path.stat()
    return found.st_mtime_ns, found.st_ino
