"""A figure of an export, or why there is none."""

from dataclasses import dataclass

from engine.figures.film import Film
from engine.figures.numbers import Drawing
from store.names import RunName


@dataclass(frozen=True, kw_only=True, eq=False)
class Made:
    """``caption``: one or more sentences, for the paper."""

    drawing: Drawing | Film
    caption: str
    runs: tuple[RunName, ...]


class Lacks(Exception):
    """It cannot be drawn yet: why, and the command after which it could be."""

    def __init__(self, reason: str, command: str) -> None:
        super().__init__(reason)
        self.command = command
