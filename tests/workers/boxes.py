"""Machines on this one: each has a host name and a root of its own, and shares a storage and an artifact store."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

BIN = Path(sys.executable).parent
_RENAMED = 'hostname "$1" && shift && exec "$@"'


def need_boxes() -> None:
    """Skip where processes cannot have a host name of their own."""
    try:
        subprocess.run(["unshare", "--uts", "hostname", "box"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("a host name of their own takes root and `unshare`")


@dataclass(frozen=True)
class Box:
    """``name`` is its host name; what its commands find in the environment is all that it knows of the others."""

    name: str
    folder: Path
    environment: Mapping[str, str]

    @property
    def root(self) -> Path:
        return self.folder / self.name / "runs"

    def __call__(self, command: str, *, most_s: float = 110) -> str:
        """What a line of shell prints there; it must end with status 0."""
        done = subprocess.run(
            self._words(command),
            env=self._environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=most_s,
            check=False,
        )
        assert done.returncode == 0, f"{command}: {done.stdout}\n{done.stderr}"
        return done.stdout

    def start(self, command: str) -> "subprocess.Popen[bytes]":
        with (self.folder / f"{self.name}.out").open("ab") as out:
            return subprocess.Popen(
                self._words(command), env=self._environment(), stdin=subprocess.DEVNULL, stdout=out, stderr=out
            )

    def processes(self) -> list[psutil.Process]:
        """All that run there, found by their root: its environment names it."""
        found = []
        for process in psutil.process_iter():
            try:
                if process.environ().get("AETUI_ROOT") == str(self.root) and process.pid != os.getpid():
                    found.append(process)
            except (psutil.Error, OSError):
                continue
        return found

    def freeze(self) -> None:
        """Nothing there does anything any more, and nobody knows yet."""
        for process in self.processes():
            with suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGSTOP)

    def pull_the_plug(self) -> None:
        """All of it is gone at once: nothing there writes another byte, nor gives anything back."""
        quiet = 0
        while quiet < 3:
            processes = self.processes()
            for process in processes:
                try:
                    process.send_signal(signal.SIGKILL)
                except psutil.NoSuchProcess:
                    continue
            quiet = 0 if processes else quiet + 1
            time.sleep(0.02)

    def _words(self, command: str) -> list[str]:
        return ["unshare", "--uts", "sh", "-c", _RENAMED, "sh", self.name, "bash", "-euc", command]

    def _environment(self) -> dict[str, str]:
        home = self.folder / self.name
        home.mkdir(exist_ok=True)
        return {
            **os.environ,
            **self.environment,
            "PATH": f"{BIN}:{os.environ['PATH']}",
            "HOME": str(home),
            "AETUI_ROOT": str(self.root),
        }
