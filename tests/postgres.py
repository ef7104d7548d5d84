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


class Server:
    """One whose data lies in ``folder``."""

    def __init__(self, folder: Path, binaries: Path) -> None:
        self._folder, self._binaries, self._port = folder, binaries, free_port()
        self.is_up = False
        if os.geteuid() == 0:  # the server refuses to run as root
            shutil.chown(folder, "postgres")
        self._call("initdb", "-U", "aetui", "--auth=trust", "--no-sync")

    @property
    def address(self) -> str:
        """Without a database's name."""
        return f"postgresql+psycopg://aetui@127.0.0.1:{self._port}"

    def start(self) -> None:
        options = f"-p {self._port} -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c fsync=off"
        self._call("pg_ctl", "-o", options, "-w", "-l", str(self._folder / "log"), "start")
        self.is_up = True

    def stop(self) -> None:
        """At once, as if it had crashed: what was committed is recovered at its next start."""
        self._call("pg_ctl", "-m", "immediate", "stop")
        self.is_up = False

    def _call(self, program: str, *arguments: str) -> None:
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(self._binaries / program), "-D", str(self._folder / "data"), *arguments]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd="/")


@contextmanager
def running() -> Iterator[Server]:
    """Skips the test where there is no PostgreSQL."""
    pytest.importorskip("psycopg", reason="the postgres extra is not installed")
    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed here (Debian: postgresql)")
    # Not under pytest's folders: they are closed to the server's own user.
    with tempfile.TemporaryDirectory(prefix="aetui-postgres-") as folder:
        server = Server(Path(folder), binaries)
        server.start()
        try:
            yield server
        finally:
            if server.is_up:
                server.stop()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The address of a server; for a ``conftest.py`` or a module to import."""
    with running() as server:
        yield server.address
