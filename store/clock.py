"""Which process is which, and what time it is: both as the database and the operating system say."""

import os
import socket
from functools import cache

import psutil
from sqlalchemy import Connection, text

_NOW = {
    "sqlite": "SELECT (julianday('now') - 2440587.5) * 86400.0",
    "postgresql": "SELECT EXTRACT(EPOCH FROM clock_timestamp())",
    "mysql": "SELECT UNIX_TIMESTAMP(NOW(6))",
}


def now(connection: Connection) -> float:
    """Seconds since 1970 by the database's clock, so that the hosts' own clocks may differ."""
    return float(connection.execute(text(_NOW[connection.dialect.name])).scalar_one())


@cache
def host() -> str:
    return socket.gethostname()


def process_started(pid: int | None = None) -> float:
    """When the process started, to tell it from a later one with the same pid.

    Raises:
        ProcessLookupError: it is gone.
    """
    try:
        return float(psutil.Process(pid or os.getpid()).create_time())
    except psutil.NoSuchProcess:
        raise ProcessLookupError(pid) from None


def is_process_alive(pid: int, started: float) -> bool:
    """Whether the process ``pid`` that started at ``started`` still lives (a zombie does not)."""
    try:
        process = psutil.Process(pid)
        return bool(abs(process.create_time() - started) < 2.0 and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
