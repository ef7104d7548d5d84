"""How a SQLite file is opened where it lies, and what its errors mean to a user.

On a local disk: WAL. On a network file system, where its shared memory is not shared: a rollback journal, every step
synced. On a disk that may not be written: reading alone, with no file made beside it.
"""

import errno
import sqlite3
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event
from sqlalchemy.engine import ExceptionContext
from sqlalchemy.pool import NullPool

from store.errors import StorageTrouble
from store.file_system import file_system, is_writable, only_read
from store.room import has_room, no_room

BUSY_TIMEOUT_S = 60.0
MAIN_CODE = 0xFF  # an error's code without what SQLite tells more of it


def is_read_only(file: Path) -> bool:
    """Whether it is there and can only be read: SQLite writes beside it too."""
    return file.is_file() and not (is_writable(file) and is_writable(file.parent))


def engine_options(file: Path) -> dict[str, Any]:
    """What `sqlalchemy.create_engine` is to be told of ``file``."""
    if not is_read_only(file):
        return {"connect_args": {"timeout": BUSY_TIMEOUT_S}}
    # No pool: each look decides anew, since others may begin to write to the file where they can.
    return {"creator": lambda: _open_to_read(file), "poolclass": NullPool}


def set_up(engine: Engine, file: Path) -> None:
    """Settings of every new connection, and sentences for what goes wrong."""
    is_shared = file_system(file.parent).is_network
    only_reads = is_read_only(file)

    @event.listens_for(engine, "connect")
    def set_pragmas(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
        if not only_reads and is_shared:
            _keep_to_a_journal(cursor)
        elif not only_reads:  # 155 against 33 reports a second, and no lock errors
            cursor.execute("PRAGMA journal_mode = WAL")
            cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @event.listens_for(engine, "handle_error")
    def tell(context: ExceptionContext) -> None:
        found = trouble(context.original_exception, file)
        if found is not None:
            raise found from context.original_exception


def trouble(error: BaseException | None, file: Path) -> StorageTrouble | None:
    """What to tell a user of ``error``; None: nothing that is the file's or the disk's fault."""
    code = getattr(error, "sqlite_errorcode", None)
    if not isinstance(code, int):
        return None
    main = code & MAIN_CODE
    if main == sqlite3.SQLITE_CORRUPT:
        return damaged(file, str(error))
    if main == sqlite3.SQLITE_FULL:
        return no_room(file.parent)
    # The last two are how a quota is told, and a log that cannot grow or be made.
    if main in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN) and file.parent.is_dir():
        if main == sqlite3.SQLITE_READONLY or not is_writable(file.parent):
            return only_read(file.parent)
        return None if has_room(file.parent) else no_room(file.parent)
    return None


def damaged(file: Path, how: str) -> StorageTrouble:
    return StorageTrouble(
        f"The database {file} is damaged ({how}): restore a copy of it, or let `aetui doctor --recover-storage` set "
        "it aside and save what can be read; the runs' folders beside it are not touched by that."
    )


def read_only(error: BaseException, file: Path) -> StorageTrouble | None:
    """What to tell of an error of the operating system's where ``file`` is to be made but nothing can be written."""
    return only_read(file.parent) if isinstance(error, OSError) and error.errno == errno.EROFS else None


def _keep_to_a_journal(cursor: sqlite3.Cursor) -> None:
    """Leave WAL, unless others have the file open in it: they all go by what stands in the file."""
    if cursor.execute("PRAGMA journal_mode").fetchone() == ("wal",):
        cursor.execute("PRAGMA busy_timeout = 0")  # they may keep it for hours
        try:
            cursor.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & MAIN_CODE not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                raise
        cursor.execute(f"PRAGMA busy_timeout = {int(BUSY_TIMEOUT_S * 1000)}")
    else:
        cursor.execute("PRAGMA journal_mode = TRUNCATE").fetchone()
    cursor.execute("PRAGMA synchronous = FULL")


def _open_to_read(file: Path) -> sqlite3.Connection:
    # What nobody writes has no log beside it, and none can be made for it: it is read as a file that never changes.
    logs = (file.with_name(f"{file.name}-{kind}") for kind in ("wal", "journal"))
    is_still = not any(log.exists() and log.stat().st_size for log in logs)
    address = f"{file.absolute().as_uri()}?mode=ro{'&immutable=1' if is_still else ''}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, check_same_thread=False)
