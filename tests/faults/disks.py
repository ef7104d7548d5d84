"""Disks of a test's own."""

import os
import sqlite3
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.paths import Root
from tui.commands.doctor import Finding, _storage
from tui.commands.options import Options


@dataclass(frozen=True)
class Disk:
    """A mounted folder of some megabytes."""

    path: Path

    def fill(self, slack: int = 0) -> None:
        """Leave no byte, or so many."""
        with self._filler.open("ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                with suppress(OSError):
                    while file.write(bytes(size)) == size:
                        pass
        os.truncate(self._filler, self._filler.stat().st_size - slack)

    def free(self) -> None:
        self._filler.unlink()

    @property
    def _filler(self) -> Path:
        return self.path / "filler"


def mount(*arguments: str | Path) -> None:
    """Skips the test where that is refused."""
    done = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"nothing can be mounted here, root may: {done.stderr.strip() or 'refused'}")


def unmount(place: Path) -> None:
    subprocess.run(["umount", "-l", place], check=True)


def is_whole(file: Path) -> bool:
    """By SQLite's own check, in a process of its own: closing a file here would drop the locks that others hold."""
    code = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA integrity_check').fetchall())"
    said = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True, check=True)
    return said.stdout.strip() == "[('ok',)]"


def journal_mode(file: Path) -> str:
    with closing(sqlite3.connect(file)) as connection:
        return str(connection.execute("PRAGMA journal_mode").fetchone()[0])


def storage_findings(root: Root) -> list[Finding]:
    """What `aetui doctor` says of the storage, without the seconds that it takes to look at torch."""
    return list(_storage(Options(root=root.path), root))
