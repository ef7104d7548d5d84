"""An export from beginning to end."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.export.data.tables import write_data
from engine.export.manifest import describe
from engine.export.scope import scopes
from engine.export.staging import publish, staged
from engine.export.wishes import Say, Wishes
from store.database import Database
from store.errors import RequestError
from store.records import Run
from store.sharing.download import Downloader

if TYPE_CHECKING:
    from engine.export.chapters import Chapter


def write(database: Database, names: Sequence[str], out: Path, wishes: Wishes, say: Say) -> dict[str, Any]:
    """Export ``names`` (see `engine.export.scope.scopes`) into ``out``; returns the manifest that lies there.

    Raises:
        RequestError: see there and at `engine.export.staging.staged`; the older export is whole then.
    """
    found = scopes(database, names)
    runs = list({run.name: run for scope in found for run in scope.runs}.values())
    _fetch(database, runs, say)
    if wishes.tensorboard is not None:
        _write_events(database, runs, wishes.tensorboard, say)
    if not (wishes.formats or wishes.data_formats):
        return {"figures": {}, "missing": []}
    with staged(out) as aside:
        chapters: list[Chapter] = []
        if wishes.formats:
            from engine.export.chapters import draw_all  # matplotlib, 1 s, and torch with the first model

            chapters = draw_all(database, found, aside, wishes, say)
        if wishes.data_formats:
            say(1, 1, "data")
            write_data(database, runs, aside, wishes.data_formats)
        manifest = describe(
            database,
            figures={name: made for chapter in chapters for name, made in chapter.figures.items()},
            missing=[missing for chapter in chapters for missing in chapter.missing],
            made_at=time.time(),
        )
        return publish(aside, manifest, is_whole=bool(wishes.formats))


def _fetch(database: Database, runs: Sequence[Run], say: Say) -> None:
    """Raises SharingTrouble: the artifact store does not answer."""
    downloader = Downloader(database)
    for at, run in enumerate(runs):

        def tell(done: int, total: int, at: int = at, run: Run = run) -> None:
            say(at, len(runs), f"fetching {run.name}: {done / 1e6:.1f} of {total / 1e6:.1f} MB")

        downloader.fetch(run, tell, with_weights=False)


def _write_events(database: Database, runs: Sequence[Run], folder: Path, say: Say) -> None:
    from engine.export.data.tensorboard import write_events  # an optional package

    try:
        write_events(database, runs, folder, lambda part: say(round(part * len(runs)), len(runs), "tensorboard"))
    except OSError as error:
        raise RequestError(f"Event files cannot be written to {str(folder)!a}: {error.strerror or error}.") from error
