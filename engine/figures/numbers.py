"""What every figure is: the numbers in it, and how they are put on paper."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from engine.figures.style import Style


@dataclass(frozen=True, kw_only=True)
class Table:
    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


Numbers = Table | Mapping[str, Any]
"""A table, or where there is more to it a JSON object."""


class Drawing(Protocol):
    def numbers(self) -> Numbers:
        """All that is drawn."""
        ...

    def draw(self, style: "Style") -> "Figure": ...
