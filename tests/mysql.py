"""A MariaDB server of the tests' own, on a free loopback port, from the distribution's packages."""

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy
from sqlalchemy.exc import OperationalError

from tests.servers import free_port

_PATH = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/usr/local/sbin"
"""Where Debian has the server, a user's own path does not always lead."""
_USER = "nobody"
"""One of the server's own comes only with the package that makes a service of it."""
_STARTS_S = 60.0


def find_binaries() -> tuple[str, str] | None:
    """What makes a server's data, and the server; None where MariaDB is not installed."""
    maker, daemon = (shutil.which(name, path=_PATH) for name in ("mariadb-install-db", "mariadbd"))
    return (maker, daemon) if maker and daemon else None


@contextmanager
def server(folder: Path, binaries: tuple[str, str]) -> Iterator[str]:
    """Yield the address (without a database name) of a server whose data lies in ``folder``."""
    maker, daemon = binaries
    port = free_port()
    # Small files, and nothing is waited for that only a loss of power could lose.
    common = ["--no-defaults", f"--datadir={folder / 'data'}", "--innodb-log-file-size=8M"]
    if os.geteuid() == 0:  # the server refuses to run as root
        common.append(f"--user={_USER}")
        shutil.chown(folder, _USER)
    quick = ["--innodb-flush-log-at-trx-commit=0", "--innodb-doublewrite=0", "--skip-log-bin"]
    here = ["--bind-address=127.0.0.1", f"--port={port}", f"--socket={folder / 'socket'}"]
    with (folder / "log").open("wb") as log:
        words = [maker, *common, "--auth-root-authentication-method=normal", "--skip-test-db", "--skip-name-resolve"]
        subprocess.run(words, check=True, stdout=log, stderr=log, cwd="/")
        words = [daemon, *common, *quick, *here, "--character-set-server=utf8mb4"]
        process = subprocess.Popen(words, stdout=log, stderr=log, cwd="/")
    address = f"mysql+pymysql://root@127.0.0.1:{port}"
    try:
        _wait_for_answer(address, process, folder / "log")
        yield address
    finally:
        process.kill()  # nothing of it is kept
        process.wait()


def _wait_for_answer(address: str, process: "subprocess.Popen[bytes]", log: Path) -> None:
    admin, deadline = sqlalchemy.create_engine(address), time.monotonic() + _STARTS_S
    while True:
        try:
            with admin.connect():
                return admin.dispose()
        except OperationalError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"MariaDB did not come up:\n{log.read_text(errors='replace')}") from None
            time.sleep(0.1)


@pytest.fixture(scope="session")
def mysql() -> Iterator[str]:
    """The address of a server; for a ``conftest.py`` or a module to import."""
    pytest.importorskip("pymysql", reason="the mysql extra is not installed")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("MariaDB is not installed here (Debian: mariadb-server)")
    # Not under pytest's folders: they are closed to the server's own user.
    with tempfile.TemporaryDirectory(prefix="aetui-mysql-") as folder, server(Path(folder), binaries) as address:
        yield address
