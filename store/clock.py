"""Which process is which, and what time it is: both as the database and the operating system say."""

import os
import socket
import zlib
from functools import cache
from pathlib import Path

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
    """A number that the process has from its start to its end, and no later one with the same pid.

    On Linux the clock ticks since the machine started, and which of its starts that was: setting the clock changes
    neither, and after a restart no process has the number of an earlier one.

    Raises:
        ProcessLookupError: it is gone.
    """
    pid = pid or os.getpid()
    try:
        status = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        if Path("/proc/self/stat").exists():
            raise ProcessLookupError(pid) from None
        return _created(pid)
    ticks = int(status.rpartition(")")[2].split()[19])  # what is before may hold blanks: the name of the program
    return float(_start_of_machine() * 2**32 + ticks)


def is_process_alive(pid: int, started: float) -> bool:
    """Whether the process ``pid`` that ``process_started`` gave ``started`` for still lives (a zombie does not)."""
    try:
        return process_started(pid) == started and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except (ProcessLookupError, psutil.NoSuchProcess):
        return False


def _created(pid: int) -> float:
    try:
        return float(psutil.Process(pid).create_time())
    except psutil.NoSuchProcess:
        raise ProcessLookupError(pid) from None


@cache
def _start_of_machine() -> int:
    """One of a million numbers, another after every restart; with the ticks it fits into what a float holds exactly."""
    return zlib.crc32(Path("/proc/sys/kernel/random/boot_id").read_bytes()) % 2**20
