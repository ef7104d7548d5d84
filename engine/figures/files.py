"""Figures and the numbers behind them as files: the same bytes for the same figure, and never half of one."""

import csv
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

from engine.figures.style import Style
from store.artifacts import written_aside

_METADATA: dict[str, dict[str, Any]] = {
    "png": {"Software": None},
    "pdf": {"Creator": None, "Producer": None, "CreationDate": None},
    "svg": {"Creator": None, "Date": None},
}
"""What would tell of the day, or of the version of matplotlib."""
_REPRODUCIBLE: dict[Any, Any] = {"svg.hashsalt": "aetui", "svg.fonttype": "path", "pdf.fonttype": 42}
"""Type is embedded: as outlines in ``svg``, as TrueType in ``pdf``."""


def save_figure(figure: Figure, path: Path, style: Style) -> None:
    """In the format that the name of ``path`` ends with (see `engine.figures.formats`); laid out once for all files.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    format = path.suffix.removeprefix(".")
    # What is made as late as in drawing, such as ticks, has its colours from the settings of then.
    with written_aside(path) as aside, style.applied(), mpl.rc_context(_REPRODUCIBLE):
        if figure.get_layout_engine() is not None:
            figure.draw_without_rendering()
            figure.set_layout_engine(None)  # else each format would be drawn twice, once to find room
        figure.savefig(aside, format=format, dpi=style.dpi, metadata=_METADATA[format])


def save_numbers(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """As CSV, floats with all of their digits.

    Raises:
        OSError: it cannot be written; what was there is still there.
    """
    with written_aside(path) as aside, aside.open("w", encoding="utf-8", newline="") as file:
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(columns)
        lines.writerows(rows)
