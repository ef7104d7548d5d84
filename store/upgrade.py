"""Bringing tables that an older Optuna made up to date: only when a user asks for it, and after a copy was made."""

import sqlite3
import time
from pathlib import Path

from store import sqlite
from store.artifacts import written_aside
from store.backend import connect, sqlite_file, storage_url
from store.database import check_form, exclusive
from store.errors import OlderStorage, RequestError, StorageTrouble
from store.paths import Root
from store.room import lack


def upgrade(root: Root, storage: str | None = None) -> Path | None:
    """Copy the SQLite file to NAME.backup-DATE and let Optuna change its tables; returns the copy.

    None: its tables are up to date, and nothing was done.

    Raises:
        RequestError: there is no such file, it is no storage of Optuna's, or it is another database than SQLite.
    """
    url = storage_url(root, storage)
    file = sqlite_file(url)
    if file is None:
        raise RequestError(
            "Only a SQLite file is copied and upgraded here: copy this database by its own means (`pg_dump`), then "
            "`optuna storage upgrade --storage URL` does the rest."
        )
    if not file.is_file():
        raise RequestError(f"There is nothing at {file} to upgrade.")
    with exclusive(root.schema_lock):
        engine = connect(url)
        try:
            with engine.connect() as connection:
                check_form(connection, str(file))
            return None
        except OlderStorage:
            pass
        finally:
            engine.dispose()
        copy = back_up(file)
        from store.studies import upgrade_optuna_tables  # Optuna: 0.4 s

        upgrade_optuna_tables(url)
    return copy


def back_up(file: Path) -> Path:
    """A whole copy of a SQLite file beside it, also while others write to it.

    Raises:
        StorageTrouble: it cannot be read, or there is no room for the copy.
    """
    copy = file.with_name(f"{file.name}.backup-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        with written_aside(copy) as aside:
            source, target = sqlite3.connect(file), sqlite3.connect(aside)
            try:
                source.backup(target)
                # One file that needs nothing beside it.
                target.execute("PRAGMA journal_mode = DELETE").fetchone()
            finally:
                target.close()
                source.close()
    except (OSError, sqlite3.Error) as error:
        full = lack(sqlite.trouble(error, file) or error, file.parent)
        raise full or StorageTrouble(f"{file} cannot be copied ({error}): nothing was done.") from error
    return copy
