"""``aetui data``: which data sets are here, and fetching one."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from engine import catalog
from engine.data.idx_files import download, is_present
from store.errors import RequestError
from store.paths import find_data_dir
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import console, is_terminal, note, print_json, print_table, printable, say


@dataclass(frozen=True, kw_only=True)
class DataSetState:
    """A data set by name, ``train`` / ``validation`` / ``test`` images, and ``where`` it lies or would lie."""

    name: str
    title: str
    train: int
    validation: int
    test: int
    is_here: bool
    where: str


def states(options: Options) -> list[DataSetState]:
    data_dir = find_data_dir(options.data_dir)
    return [_state(known, data_dir) for known in catalog.datasets()]


def list_datasets(options: Options) -> int:
    found = states(options)
    if options.json:
        print_json([asdict(state) for state in found])
        return DONE
    print_table(
        ("data set", "train", "validation", "test", "here", "where", "what"),
        [
            (
                state.name,
                str(state.train),
                str(state.validation),
                str(state.test),
                "yes" if state.is_here else "no",
                state.where,
                state.title,
            )
            for state in found
        ],
        right=("train", "validation", "test"),
    )
    return DONE


def get_dataset(options: Options, name: str) -> int:
    data_dir = find_data_dir(options.data_dir)
    known = catalog.dataset(name)
    if known.name != name:
        raise RequestError(f"{name!r} is a file or folder of your own: there is nothing to fetch.")
    fetch(known, data_dir)
    state = _state(known, data_dir)
    if options.json:
        print_json(asdict(state))
    else:
        say(f"{name} is here: {printable(state.where)}")
    return DONE


def fetch(dataset: catalog.DataSet, data_dir: Path) -> None:
    """Download the data set, with progress on stderr, unless it is here.

    Raises:
        RequestError: it cannot be had.
    """
    if dataset.is_embedded or is_present(dataset.name, data_dir):
        return
    with _progress(f"fetching {dataset.name} into {printable(str(data_dir))}") as advance:
        download(dataset.name, data_dir, advance)


def _state(known: catalog.DataSet, data_dir: Path) -> DataSetState:
    train, validation, test = known.sizes
    return DataSetState(
        name=known.name,
        title=known.title,
        train=train,
        validation=validation,
        test=test,
        is_here=known.is_embedded or is_present(known.name, data_dir),
        where="embedded" if known.is_embedded else str(data_dir),
    )


@contextmanager
def _progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar of bytes on a terminal, one line elsewhere; yields what takes (bytes done, bytes in all)."""
    if not is_terminal(sys.stderr):
        note(what)
        yield lambda done, total: None
        return
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console(sys.stderr)) as progress:
        task = progress.add_task(what, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)
