"""What a decoder makes of places and samples, asked of a process that keeps it loaded (`engine.analysis.decoder`)."""

import base64
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from store.address import Addresses
from store.names import RunName
from store.paths import Root
from tui.helpers.answers import Answers
from tui.look import printable

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

    def read(self, answered: Mapping[str, Any]) -> "Decoded":
        return Decoded(
            images=_unpacked(answered.get("images")),
            original=_unpacked(answered.get("originals")),
            reconstruction=_unpacked(answered.get("reconstructions")),
            error=float(answered["errors"][0]) if answered.get("errors") else None,
            line=_unpacked(answered.get("line")),
            says=str(answered.get("says", "")),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Decoded:
    """``images``, ``original``, ``reconstruction``, ``line``: uint8 [N, C, H, W]; ``says`` tells why there is none."""

    images: np.ndarray | None = None
    original: np.ndarray | None = None
    reconstruction: np.ndarray | None = None
    error: float | None = None
    line: np.ndarray | None = None
    says: str = ""


@dataclass(frozen=True, eq=False)
class Answer:
    """``decoded`` to ``question``: the newest while the cursor moves, so perhaps that of a moment ago."""

    question: Question
    decoded: Decoded

    def about(self, run: RunName | None, sample: int | None) -> Decoded | None:
        """What this run was asked about ``sample``, never another one's; None: about a grid."""
        return self.decoded if (self.question.run, self.question.sample) == (run, sample) else None

    def between(self, run: RunName | None, ends: tuple[int, ...]) -> Decoded | None:
        """What holds the line between the two ends."""
        return self.decoded if (self.question.run, self.question.between) == (run, ends) else None


Show = Literal["worst", "best", "classes", "samples"]


@dataclass(frozen=True, kw_only=True)
class PictureQuestion:
    """What ``show`` means of a run, or ``indices`` of its validation images, by the weights of ``epoch``, or its best.

    ``stamp``: how many epochs were finished when it was asked. Answers are kept for the question.
    """

    run: RunName
    stamp: int
    show: Show | None = None
    indices: tuple[int, ...] = ()
    epoch: int | None = None

    def as_json(self) -> dict[str, Any]:
        asked: dict[str, Any] = {"run": str(self.run), "epoch": self.epoch}
        return asked | ({"show": self.show} if self.show else {"indices": self.indices})

    def read(self, answered: Mapping[str, Any]) -> "Pictures":
        arrays = ("originals", "reconstructions", "means", "mixtures", "samples")
        return Pictures(
            epoch=int(answered.get("epoch", 0)),
            indices=tuple(answered.get("indices", self.indices)),
            labels=tuple(answered.get("labels", ())),
            errors=tuple(answered.get("errors", ())),
            is_prior=bool(answered.get("is_prior")),
            says=printable(str(answered.get("says", ""))),
            **{name: _unpacked(answered.get(name)) for name in arrays},
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class Pictures:
    """As `engine.analysis.decoder` says, images uint8 [N, C, H, W], but ``mixtures`` [M, M, C, H, W].

    ``epoch`` is that of the weights; ``says`` tells why there is nothing.
    """

    epoch: int = 0
    indices: tuple[int, ...] = ()
    labels: tuple[int, ...] = ()
    errors: tuple[float, ...] = ()
    originals: np.ndarray | None = None
    reconstructions: np.ndarray | None = None
    means: np.ndarray | None = None
    mixtures: np.ndarray | None = None
    samples: np.ndarray | None = None
    is_prior: bool = False
    says: str = ""


class Decoder:
    """``tell`` is called from another thread, with a question and what it reads in the answer.

    Of the questions of a kind that come while one is answered only the last stays.
    """

    def __init__(self, root: Root, addresses: Addresses, tell: Callable[[Any, Any], object]) -> None:
        self._answers = Answers(root, addresses, _MODULE)
        self._tell = tell
        self._next: dict[type, Question | PictureQuestion] = {}
        self._changed = threading.Condition()
        self._is_over = False
        threading.Thread(target=self._work, name="decoder", daemon=True).start()

    def ask(self, question: Question | PictureQuestion) -> None:
        with self._changed:
            self._next[type(question)] = question
            self._changed.notify()

    def close(self) -> None:
        with self._changed:
            self._is_over = True
            self._changed.notify()

    def _work(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._next or self._is_over)
                if self._is_over:
                    break
                question = self._next.pop(next(iter(self._next)))
            self._tell(question, question.read(self._answers.ask(question.as_json())))
        self._answers.close()


def _unpacked(images: Mapping[str, Any] | None) -> np.ndarray | None:
    if images is None:
        return None
    return np.frombuffer(base64.b64decode(images["pixels"]), dtype=np.uint8).reshape(images["shape"])
