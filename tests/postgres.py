"""A PostgreSQL server of the tests' own, on a free loopback port, from the distribution's packages."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers import free_port


def find_binaries() -> Path | None:
    """The folder that holds ``initdb`` and ``pg_ctl``, None where PostgreSQL is not installed."""
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if found := shutil.which("initdb"):
        folders.append(Path(found).parent)
    return next((folder for folder in folders if (folder / "initdb").exists()), None)


@contextmanager
def server(folder: Path, binaries: Path) -> Iterator[str]:
    """Yield the address (without a database name) of a server whose data lies in ``folder``."""
    data = folder / "data"
    port = free_port()
    as_user: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        as_user = ["runuser", "-u", "postgres", "--"]
        shutil.chown(folder, "postgres")

    def call(*command: str) -> None:
        subprocess.run([*as_user, *command], check=True, stdout=subprocess.DEVNULL, cwd="/")

    call(str(binaries / "initdb"), "-D", str(data), "-U", "aetui", "--auth=trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
    call(str(binaries / "pg_ctl"), "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start")
    try:
        yield f"postgresql+psycopg://aetui@127.0.0.1:{port}"
    finally:
        call(str(binaries / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server; for a ``conftest.py`` or a module to import."""
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here (Debian: postgresql)")
    # Not under pytest's folders: they are closed to the server's own user.
    with tempfile.TemporaryDirectory(prefix="aetui-postgres-") as folder, server(Path(folder), binaries) as address:
        yield address
