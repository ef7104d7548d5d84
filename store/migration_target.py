"""Where a copy of a storage goes: looked at before anything is made, and a SQLite file made aside and renamed."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from sqlalchemy import inspect
from sqlalchemy.exc import SQLAlchemyError

from store import listing, schema
from store.address import read_address
from store.backend import cannot_open, check_connects, connect, shown, sqlite_file, storage_url
from store.database import Database, open_database
from store.errors import RequestError
from store.paths import Root


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """Where the copy goes: an address, whose runs' folders stay where they are, or another root with its own."""

    root: Root
    storage: str | None

    @classmethod
    def read(cls, source: Database, text: str) -> Self:
        """``text`` is an address, ``@FILE`` that holds one, or a folder.

        Raises:
            RequestError: it is none of them.
        """
        text = read_address(text)
        if "://" in text:
            storage_url(source.root, text)
            return cls(root=source.root, storage=text)
        root = Root.find(text)
        if root.path.exists() and not root.path.is_dir():
            raise RequestError(f"{root.path} is a file: name a folder, or an address like sqlite:///{root.path}.")
        return cls(root=root, storage=None)

    def __str__(self) -> str:
        return shown(storage_url(self.root, self.storage))


def check_target(target: Target) -> None:
    """Look before anything is made there: tables of ours would be a change to somebody else's database.

    Raises:
        RequestError: it holds experiments, or cannot be opened.
    """
    url = storage_url(target.root, target.storage)
    file = sqlite_file(url)
    if file is not None and not file.exists():
        return
    try:
        engine = connect(url)
        try:
            check_connects(engine)
            with engine.connect() as connection:
                if inspect(connection).has_table(schema.studies.name) and (num := listing.num_studies(connection)):
                    raise is_taken(target, num)
        finally:
            engine.dispose()
    except SQLAlchemyError as error:
        raise cannot_open(url, error) from error


def is_taken(target: object, num: int) -> RequestError:
    """What to tell where ``num`` experiments are at ``target`` already."""
    experiments = "an experiment" if num == 1 else f"{num} experiments"
    return RequestError(f"{target} holds {experiments} already: copy to an empty storage or another folder.")


@contextmanager
def opened(target: Target) -> Iterator[Database]:
    """The target's storage with its tables; a SQLite file that is not there yet comes into being at the end."""
    file = sqlite_file(storage_url(target.root, target.storage))
    if file is not None and not file.exists():
        with _made_aside(file) as database:
            yield database
        return
    database = open_database(target.root, target.storage, create=True)
    try:
        yield database
    finally:
        database.close()


@contextmanager
def _made_aside(file: Path) -> Iterator[Database]:
    """A fresh SQLite storage that is renamed to ``file`` once all has gone well; else nothing stays of it."""
    was_there = file.parent.exists()
    aside = Root(file.with_name(f".{file.name}.migrating"))
    with _alone(aside.path, file):
        try:
            for leftover in (aside.database, *aside.path.glob(f"{aside.database.name}-*")):
                leftover.unlink(missing_ok=True)
            database = open_database(aside, create=True)
            try:
                yield database
            finally:
                database.close()  # which also brings the log into the file
            if file.exists():
                raise RequestError(f"{file} has come into being meanwhile: it is left as it is.")
            aside.database.rename(file)
        finally:
            shutil.rmtree(aside.path)
            if not was_there:
                with suppress(OSError):  # run folders are kept for the next try
                    file.parent.rmdir()


@contextmanager
def _alone(folder: Path, file: Path) -> Iterator[None]:
    """Raises RequestError: another process is making ``file`` in ``folder``, or it cannot be made."""
    try:
        for each in (folder.parent, folder):  # the parents of what is made get no mode of their own
            each.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder / ".lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise RequestError(f"{file} cannot be made: {error.strerror}.") from error
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestError(f"Another `aetui migrate` is making {file}.") from None
        yield
    finally:
        os.close(descriptor)
