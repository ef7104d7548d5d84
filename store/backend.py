"""The storage's address as SQLAlchemy takes it, and an engine with our settings for its backend."""

from pathlib import Path
from typing import Any

import sqlalchemy
from sqlalchemy import URL, Engine, ExceptionContext, event, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError

from store import sqlite
from store.errors import RequestError, StorageAway
from store.paths import Root

_NO_SECRETS = {
    *("application_name", "charset", "connect_timeout", "gssencmode", "host", "keepalives", "keepalives_count"),
    *("keepalives_idle", "keepalives_interval", "port", "read_timeout", "sslcert", "sslcrl", "sslmode", "sslrootcert"),
    *("target_session_attrs", "tcp_user_timeout", "write_timeout"),
}
"""Settings of an address that may be shown; any other can be a secret, whatever its name."""
_SQLITE_DRIVERS = ("sqlite", "sqlite+pysqlite")
# A server that takes a connection and then says nothing, or a network that is gone, is not waited for without end. The
# longest that a statement of ours waits for a lock is a minute.
PATIENCE: dict[str, dict[str, int]] = {
    "psycopg": {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 90_000},
    "psycopg2": {"connect_timeout": 10, "keepalives_idle": 30, "tcp_user_timeout": 90_000},
    "pymysql": {"connect_timeout": 10, "read_timeout": 90, "write_timeout": 90},
    "mysqldb": {"connect_timeout": 10, "read_timeout": 90, "write_timeout": 90},
}
"""By driver, in seconds (but for the last of libpq's, in ms)."""


def storage_url(root: Root, storage: str | None) -> URL:
    """The address as SQLAlchemy reads it: ``storage``, else the SQLite file of ``root``.

    Raises:
        RequestError: it is not an address.
    """
    if storage is None:
        return URL.create("sqlite", database=str(root.database))
    try:
        url = make_url(storage)
    except (ArgumentError, ValueError):  # the second: of a port that is no number
        url = None
    if url is None or "@" in (url.host or ""):
        # The text may hold a password, and what seems to be its host the end of one: neither is repeated.
        raise RequestError(
            "The storage address cannot be read: write it like postgresql+psycopg://USER@HOST/NAME, "
            "and %40 for an @ in a password."
        )
    backend = url.get_backend_name()
    if backend == "sqlite" and (
        url.drivername not in _SQLITE_DRIVERS or url.host or url.query or url.database in (None, "", ":memory:")
    ):
        raise RequestError("A SQLite address names a file and nothing else: write it like sqlite:////FOLDER/FILE.db.")
    if backend == "mariadb":  # one backend to us; SQLAlchemy gives it a name of its own
        return url.set(drivername=url.drivername.replace("mariadb", "mysql", 1))
    return url


def shown(url: URL) -> str:
    """The address without its password and whatever else may be a secret in it."""
    query = {key: value if key in _NO_SECRETS else "hidden" for key, value in url.query.items()}
    return url.set(query=query).render_as_string(hide_password=True)


def cannot_open(url: URL, error: Exception) -> RequestError:
    """What to tell of ``error``: one of SQLAlchemy's, of the driver's or of the operating system's."""
    cause = str(getattr(error, "orig", None) or error).strip().splitlines() or [type(error).__name__]
    return RequestError(f"The storage {shown(url)} cannot be opened: {cause[0].rstrip('.')}.")


def engine_options(url: URL) -> dict[str, Any]:
    """What `sqlalchemy.create_engine` is to be told beside the address."""
    if (file := sqlite_file(url)) is not None:
        return sqlite.engine_options(file)
    patience = PATIENCE.get(url.drivername.partition("+")[2], {})
    options: dict[str, Any] = {"pool_pre_ping": True}
    if patience:
        options["connect_args"] = {name: value for name, value in patience.items() if name not in url.query}
    if url.get_backend_name() == "mysql":
        # As PostgreSQL has it: its own default locks gaps between rows, over which transactions that delete meet.
        options["isolation_level"] = "READ COMMITTED"
    return options


def connect(url: URL) -> Engine:
    """An engine with our settings for its backend; nothing is connected to yet.

    Raises:
        RequestError: its driver is not installed or does not take the address, or the backend is not known.
    """
    try:
        engine = sqlalchemy.create_engine(url, **engine_options(url))
    except (NoSuchModuleError, ImportError):
        raise RequestError(
            f"The storage {url.drivername}://... needs a driver that is not here: "
            "`pip install 'aetui[postgres]'` or `'aetui[mysql]'` brings it."
        ) from None
    except (AttributeError, TypeError, ValueError) as error:
        raise cannot_open(url, error) from error
    set_up(engine)
    return engine


def set_up(engine: Engine) -> None:
    """Settings of every new connection, and sentences for what goes wrong."""
    if (file := sqlite_file(engine.url)) is not None:
        sqlite.set_up(engine, file)
    else:
        event.listen(engine, "handle_error", _tell_when_away)


def _tell_when_away(context: ExceptionContext) -> None:
    """Raises StorageAway where a connection was lost, or none could be made."""
    error = context.original_exception
    # Ctrl-C breaks a connection too. After a ping it connects anew.
    is_away = isinstance(error, Exception) and (context.is_disconnect or context.connection is None)
    if is_away and context.engine is not None and not context.is_pre_ping:
        raise StorageAway(str(cannot_open(context.engine.url, Exception(error)))) from error


def check_connects(engine: Engine) -> None:
    """Connect for the first time.

    Raises:
        RequestError: the driver does not take what the address says.
        sqlalchemy.exc.SQLAlchemyError: the server is not there, or does not let us in.
    """
    try:
        with engine.connect():
            pass
    except RequestError:
        raise
    except (AttributeError, TypeError, ValueError) as error:  # a driver's, of settings that it does not know
        raise cannot_open(engine.url, error) from error


def sqlite_file(url: URL) -> Path | None:
    """The file of a SQLite address, None for other backends."""
    return Path(str(url.database)) if url.get_backend_name() == "sqlite" and url.database else None
