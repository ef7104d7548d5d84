"""A helper process that works out what the screen must not: one conversation, one question at a time."""

import contextlib
import json
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from typing import Any

from store.address import Addresses
from store.paths import Root


class Answers:
    """The process begins with the first question, and ends with the screen however that ends: its input is closed."""

    def __init__(self, root: Root, addresses: Addresses, module: str = "engine.answers") -> None:
        self._root, self._addresses, self._module = root, addresses, module
        self._talking = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def ask(self, question: Mapping[str, Any]) -> Mapping[str, Any]:
        """The answer, waited for; ``says`` in it tells why there is none."""
        with self._talking:
            process = self._begun()
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
                answered: Mapping[str, Any] = json.loads(process.stdout.readline())
            except (OSError, ValueError):  # it was killed, or could not open the storage: the next one may
                self.close()
                return {"says": "The process that works this out has ended."}
            return answered

    def close(self) -> None:
        """End the process, once it has answered what it was asked last."""
        process, self._process = self._process, None
        if process is not None and process.stdin is not None:
            with contextlib.suppress(OSError):
                process.stdin.close()

    def _begun(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", self._module, "--root", str(self._root.path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                text=True,
                env={**os.environ, **self._addresses.environment()},
                start_new_session=True,  # Ctrl-C on the screen is not for it
            )
        return self._process
