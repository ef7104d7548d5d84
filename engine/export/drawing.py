"""One figure's files, drawn in a process of their own: matplotlib holds a core for as long as it draws."""

import json
import multiprocessing
import os
import threading
from dataclasses import dataclass
from pathlib import Path

from engine.figures.files import save_figure, save_numbers
from engine.figures.film import Film
from engine.figures.numbers import Drawing, Numbers, Table
from engine.figures.style import Style
from store.artifacts import written_aside

FILM_FORMAT = "gif"


@dataclass(frozen=True, kw_only=True)
class Look:
    """``formats``: some of `engine.figures.formats.FORMATS`."""

    formats: tuple[str, ...]
    style: Style

    @property
    def of_report(self) -> str:
        """In what a browser is shown a figure: what is drawn anyway, if it can."""
        return next((each for each in ("png", "svg") if each in self.formats), "png")


def draw(drawing: Drawing | Film, stem: Path, look: Look) -> None:
    """``STEM.FORMAT`` in each format and in that of the report, and the numbers as ``STEM.csv`` or ``STEM.json``.

    Raises:
        OSError: it cannot be written.
    """
    stem.parent.mkdir(parents=True, exist_ok=True)
    _save_numbers(drawing.numbers(), stem)
    if isinstance(drawing, Film):
        drawing.save(with_ending(stem, FILM_FORMAT), look.style)
        return
    figure = drawing.draw(look.style)
    for format in dict.fromkeys((*look.formats, look.of_report)):
        save_figure(figure, with_ending(stem, format), look.style)


def end_with_parent() -> None:
    """Called at the beginning of a process that draws: it would wait for ever for a parent that was killed."""

    def wait() -> None:
        if (parent := multiprocessing.parent_process()) is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=wait, daemon=True).start()


def with_ending(stem: Path, format: str) -> Path:
    """A name may have a dot in it: nothing is cut off."""
    return stem.with_name(f"{stem.name}.{format}")


def endings_of(stem: Path, look: Look) -> list[str]:
    """Of the files that were drawn at ``stem``; without that of the report, where nobody asked for it."""
    return [ending for ending in (FILM_FORMAT, *look.formats, "csv", "json") if with_ending(stem, ending).is_file()]


def _save_numbers(numbers: Numbers, stem: Path) -> None:
    if isinstance(numbers, Table):
        save_numbers(with_ending(stem, "csv"), numbers.columns, numbers.rows)
        return
    with written_aside(with_ending(stem, "json")) as aside:
        aside.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
