"""Optuna's own dashboard, where it is installed: one more reader of the database."""

import importlib.util
import socket
import subprocess
import sys
import time
from contextlib import suppress
from typing import Self
from urllib.request import urlopen

from tests.chaos.place import Place

_EVERY_S = 4.0


class Dashboard:
    """Begins with the first look, and ends with the ``with``."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._is_here = importlib.util.find_spec("optuna_dashboard") is not None
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._next = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.kill()

    def kill(self) -> None:
        """The next look begins another."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def look(self) -> None:
        """Ask for the studies, every few seconds."""
        if not self._is_here or time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _EVERY_S
        if self._process is None:
            self._begin()
            return
        with suppress(OSError), urlopen(f"http://127.0.0.1:{self._port}/api/studies", timeout=1) as answer:
            answer.read()

    def _begin(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = int(probe.getsockname()[1])
        code = "from optuna_dashboard._cli import main; main()"
        words = [self._place.address, "--host", "127.0.0.1", "--port", str(self._port)]
        quiet = subprocess.DEVNULL
        self._process = subprocess.Popen([sys.executable, "-c", code, *words], stdout=quiet, stderr=quiet)
