"""The figures and tables of each scope: one is drawn beside the working out of the next, what cannot be is listed."""

import hashlib
import multiprocessing
import os
import pickle
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from engine.export import report
from engine.export.drawing import FILM_FORMAT, Look, draw, end_with_parent, endings_of, with_ending
from engine.export.figures.cast import Cast
from engine.export.figures.desk import Desk, looking
from engine.export.figures.every import Entry, wanted
from engine.export.figures.made import Lacks, Made
from engine.export.scope import Scope
from engine.export.tables import Grid, write_table
from engine.export.wishes import Say, Wishes
from engine.figures.style import Style
from store.artifacts import written_aside
from store.database import Database
from store.errors import RequestError, StorageAway
from store.names import RunName

if TYPE_CHECKING:
    from engine.export.figures.sights import Sights

_CAPTIONS, _REPORT = "captions.md", "report.html"
_FILE_ENDINGS = {".png", ".pdf", ".svg", ".gif", ".csv", ".json", ".md", ".tex", ".html", ".parquet"}


@dataclass
class Chapter:
    """A scope, and what has become of its figures."""

    scope: Scope
    folder: str
    table: Grid = field(default_factory=lambda: Grid(headings=(), rows=()))
    made: dict[str, Made] = field(default_factory=dict)
    missing: list[report.Missing] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, Made]:
        """By where they lie in the export, without an ending."""
        return {_inside(self.folder, name): made for name, made in self.made.items()}


def draw_all(database: Database, found: Sequence[Scope], aside: Path, wishes: Wishes, say: Say) -> list[Chapter]:
    """Tables, figures, captions and the report of each scope, in ``aside``.

    Raises:
        OSError: they cannot be written.
    """
    look = Look(formats=wishes.formats, style=Style(columns=wishes.columns, dpi=wishes.dpi, is_dark=wishes.is_dark))
    load = looking(lambda name: _load(database, name))
    chapters = [Chapter(scope, folder) for scope, folder in zip(found, _folders(found), strict=True)]
    casts = [Cast(database, chapter.scope) for chapter in chapters]
    plan = [(chapter, cast, wanted(cast)) for chapter, cast in zip(chapters, casts, strict=True)]
    total, done = sum(len(entries) for _, _, entries in plan), 0
    with _drawers() as drawers:
        drawn: list[Future[None]] = []
        first: dict[bytes, Path] = {}
        copies: list[tuple[Path, Path]] = []
        for chapter, cast, entries in plan:
            folder = aside / chapter.folder
            folder.mkdir(parents=True, exist_ok=True)
            chapter.table = write_table(database, chapter.scope, folder)
            desk = Desk(cast, load)
            for entry in entries:
                say(done, total, _inside(chapter.folder, entry.name))
                if (made := _build(entry, desk, chapter)) is not None:
                    chapter.made[entry.name] = made
                    stem = folder / entry.name
                    if (same := first.setdefault(_digest(made), stem)) is stem:
                        drawn.append(drawers.submit(draw, made.drawing, stem, look))
                    else:
                        copies.append((same, stem))
                done += 1
        for each in drawn:
            each.result()
    for same, stem in copies:
        for ending in dict.fromkeys((*endings_of(same, look), look.of_report)):
            if (source := with_ending(same, ending)).is_file():
                shutil.copyfile(source, with_ending(stem, ending))
    say(total, total, _REPORT)
    for chapter in chapters:
        _write_captions(chapter, aside / chapter.folder)
    sections = [_section(chapter, aside, look) for chapter in chapters]
    page = report.render(f"{found[0].title}: figures and tables", sections, look.style.ground)
    with written_aside(aside / _REPORT) as file:
        file.write_text(page, encoding="utf-8")
    if look.of_report not in look.formats:
        for chapter in chapters:
            for name in chapter.made:
                with_ending(aside / chapter.folder / name, look.of_report).unlink(missing_ok=True)
    return chapters


def _load(database: Database, name: RunName) -> "Sights":
    from engine.analysis.loaded import load_run  # torch, 3 s: what needs none is being drawn by then
    from engine.export.figures.sights import Sights

    return Sights(load_run(database, name, "cpu"))


def _build(entry: Entry, desk: Desk, chapter: Chapter) -> Made | None:
    try:
        return entry.build(desk)
    except Lacks as lack:
        reason, command = str(lack), lack.command
    except StorageAway:
        raise
    except RequestError as error:
        reason, command = str(error), ""
    missing = report.Missing(scope=chapter.folder, figure=entry.name, reason=reason.rstrip("."), command=command)
    chapter.missing.append(missing)
    return None


def _digest(made: Made) -> bytes:
    """Of all that is drawn: a figure of the study is one of an experiment's too."""
    return hashlib.sha256(pickle.dumps(made.drawing)).digest()


@contextmanager
def _drawers() -> Iterator[ProcessPoolExecutor]:
    """Processes without torch; they draw while this one works out what comes next."""
    context = multiprocessing.get_context("spawn")
    number = min(4, os.cpu_count() or 2)
    with ProcessPoolExecutor(number, mp_context=context, initializer=end_with_parent) as drawers:
        try:
            yield drawers
        finally:
            drawers.shutdown(cancel_futures=True)


def _folders(found: Sequence[Scope]) -> list[str]:
    """Where each scope's figures go: no two into one folder, and none where a file could have its name."""
    taken: list[str] = []
    for scope in found:
        folder = scope.folder
        while folder in taken or Path(folder).suffix in _FILE_ENDINGS:
            folder += "_"
        taken.append(folder)
    return taken


def _write_captions(chapter: Chapter, folder: Path) -> None:
    lines = [f"# {chapter.scope.title}", ""]
    for name, made in chapter.made.items():
        lines += [f"**{name}**: {made.caption}", ""]
    with written_aside(folder / _CAPTIONS) as file:
        file.write_text("\n".join(lines), encoding="utf-8")


def _section(chapter: Chapter, aside: Path, look: Look) -> report.Section:
    shown = []
    for name, made in chapter.made.items():
        stem = aside / chapter.folder / name
        endings = endings_of(stem, look)
        picture = FILM_FORMAT if FILM_FORMAT in endings else look.of_report
        shown.append(
            report.Shown(
                name=name,
                caption=made.caption,
                picture=with_ending(stem, picture),
                files=[with_ending(Path(_inside(chapter.folder, name)), ending).as_posix() for ending in endings],
            )
        )
    return report.Section(
        title=chapter.scope.title, folder=chapter.folder, table=chapter.table, figures=shown, missing=chapter.missing
    )


def _inside(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
