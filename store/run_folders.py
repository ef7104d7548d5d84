"""Copying the folders of runs to another root: each is made aside and renamed, so that none is ever half there."""

import filecmp
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import select

from store import room, schema
from store.database import Database
from store.errors import RequestError
from store.file_system import nearest
from store.names import RunName
from store.paths import Root


@dataclass(frozen=True, kw_only=True, slots=True)
class Folder:
    """One run's folder, and where its copy goes."""

    source: Path
    target: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Copying:
    """``missing`` are still to be copied; ``num_there`` are at their place already, as an earlier try left them."""

    missing: tuple[Folder, ...]
    num_there: int


def plan(database: Database, target: Root) -> Copying:
    """What a copy of all runs' folders to ``target`` takes; deleted runs lie in the trash, here and there.

    Raises:
        RequestError: another folder stands in the place of one, or there is no room for all.
    """
    missing, num_there = [], 0
    for folder in _folders(database, target):
        if not folder.target.exists():
            missing.append(folder)
        elif _are_equal(folder.source, folder.target):
            num_there += 1
        else:
            raise RequestError(f"{folder.target} is there already and is another run: take another folder.")
    wanted = sum(file.lstat().st_size for folder in missing for file in folder.source.rglob("*"))
    free = shutil.disk_usage(nearest(target.path)).free
    if wanted > free:
        gigabytes = f"{wanted / 1e9:.1f} GB, and {free / 1e9:.1f} GB are free"
        raise RequestError(f"The runs' folders take more room than {target.path} has: {gigabytes}.")
    return Copying(missing=tuple(missing), num_there=num_there)


def copy(copying: Copying, target: Root, tell: Callable[[int, int, str], None]) -> None:
    """Copy what is missing into ``target``; what an interrupted copy has finished stays.

    Raises:
        RequestError: a folder cannot be read or written.
    """
    for done, folder in enumerate(copying.missing):
        tell(done, len(copying.missing), f"{folder.source.parent.name}/{folder.source.name}")
        aside = folder.target.with_name(f".{folder.target.name}.migrating")
        try:
            for each in (target.path, folder.target.parent):  # a new root is its owner's alone
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            _remove(aside)
            shutil.copytree(folder.source, aside, symlinks=True)
            aside.rename(folder.target)
        except OSError as error:
            raise room.lack(error, folder.target) or RequestError(
                f"{folder.source} cannot be copied to {folder.target}: {_cause(error)}."
            ) from error
        finally:
            _remove(aside)


def _folders(database: Database, target: Root) -> Iterator[Folder]:
    """Of every run that ever began."""
    runs, trials, studies = schema.runs, schema.trials, schema.studies
    query = (
        select(studies.c.study_name, trials.c.number, runs.c.deleted_at)
        .join(trials, trials.c.trial_id == runs.c.trial_id)
        .join(studies, studies.c.study_id == trials.c.study_id)
        .order_by(runs.c.trial_id)
    )
    with database.read() as connection:
        rows = connection.execute(query).all()
    for experiment, number, deleted_at in rows:
        name = RunName(experiment, number)
        here, there = (
            root.run(name).folder if deleted_at is None else root.trashed(name) for root in (database.root, target)
        )
        if here.is_dir():
            yield Folder(source=here, target=there)


def _are_equal(one: Path, other: Path) -> bool:
    """Whether both hold the same files; those of one size and time count as the same unread."""
    files, others = ({path.relative_to(top) for path in top.rglob("*")} for top in (one, other))
    return files == others and all(
        (other / file).is_dir() if (one / file).is_dir() else filecmp.cmp(one / file, other / file) for file in files
    )


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)


def _cause(error: OSError) -> str:
    if isinstance(error, shutil.Error):  # of a whole tree: one entry a file
        return str(error.args[0][0][2])
    return error.strerror or str(error)
