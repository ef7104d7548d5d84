"""What a decoder makes of places and samples, asked of a process that keeps it loaded (`engine.analysis.decoder`)."""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from store.names import RunName
from store.paths import Root
from tui.answers import Answers

_MODULE = "engine.analysis.decoder"


@dataclass(frozen=True, kw_only=True)
class Question:
    """Of the weights of ``epoch``: ``codes`` decoded, a ``sample`` reconstructed, the line ``between`` two of them."""

    run: RunName
    epoch: int
    codes: tuple[tuple[float, ...], ...] = ()
    sample: int | None = None
    between: tuple[int, ...] = ()

    def as_json(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"run": str(self.run), "epoch": self.epoch}
        if self.codes:
            asked["codes"] = self.codes
        if self.sample is not None:
            asked["indices"] = [self.sample]
        if len(self.between) == 2:
            asked["between"] = self.between
        return asked


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """``images``, ``original``, ``reconstruction``, ``line``: uint8 [N, C, H, W]; ``says`` tells why there is none."""

    images: np.ndarray | None = None
    original: np.ndarray | None = None
    reconstruction: np.ndarray | None = None
    error: float | None = None
    line: np.ndarray | None = None
    says: str = ""


class Decoder:
    """``tell`` is called from another thread. Of the questions that come while one is answered only the last stays."""

    def __init__(self, root: Root, storage: str | None, tell: Callable[[Question, Decoded], object]) -> None:
        self._answers = Answers(root, storage, _MODULE)
        self._tell = tell
        self._next: Question | None = None
        self._changed = threading.Condition()
        self._is_over = False
        threading.Thread(target=self._work, name="decoder", daemon=True).start()

    def ask(self, question: Question) -> None:
        with self._changed:
            self._next = question
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next is not None or self._is_over)
                question, self._next = self._next, None
                if self._is_over:
                    break
            assert question is not None
            self._tell(question, _read(self._answers.ask(question.as_json())))
        self._answers.close()


def _read(answered: Mapping[str, Any]) -> Decoded:
    return Decoded(
        images=_unpacked(answered.get("images")),
        original=_unpacked(answered.get("originals")),
        reconstruction=_unpacked(answered.get("reconstructions")),
        error=float(answered["errors"][0]) if answered.get("errors") else None,
        line=_unpacked(answered.get("line")),
        says=str(answered.get("says", "")),
    )


def _unpacked(images: Mapping[str, Any] | None) -> np.ndarray | None:
    if images is None:
        return None
    return np.frombuffer(base64.b64decode(images["pixels"]), dtype=np.uint8).reshape(images["shape"])
