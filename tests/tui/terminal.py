"""A real terminal for what is tested: a pane of tmux."""

import os
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable

import pytest

_MOST_S = 110.0
"""For what a worker does first, as for a key's effect: importing torch beside others takes its time."""


class Terminal:
    """A tmux pane of a server of its own."""

    def __init__(self, size: tuple[int, int], command: list[str], environment: dict[str, str]) -> None:
        self._socket = f"aetui-test-{uuid.uuid4().hex[:8]}"
        if shutil.which("tmux") is None:
            pytest.skip("tmux is not installed here (Debian: tmux)")
        size_is_told = {"COLUMNS": "", "LINES": ""}  # by the pane, and not by the terminal that the tests run in
        usual = {"LANG": "C.UTF-8", "TERM": "screen-256color", "PATH": os.environ["PATH"], **size_is_told}
        whole = usual | environment
        words = ["env", *(f"{name}={value}" for name, value in whole.items()), *command]
        width, height = map(str, size)
        self._tmux("-f", "/dev/null", "new-session", "-d", "-x", width, "-y", height, *words)

    def _tmux(self, *words: str) -> str:
        done = subprocess.run(["tmux", "-L", self._socket, *words], capture_output=True, text=True, check=True)
        return done.stdout

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", *keys)

    def text(self) -> str:
        return self._tmux("capture-pane", "-p")

    def flag(self, name: str) -> str:
        """What tmux knows of the pane, such as ``alternate_on``."""
        return self._tmux("display-message", "-p", f"#{{{name}}}").strip()

    def until(self, condition: Callable[[str], object]) -> str:
        give_up = time.monotonic() + _MOST_S
        while not condition(text := self.text()):
            assert time.monotonic() < give_up, f"this did not come about:\n{text}"
            time.sleep(0.1)
        return text

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self._socket, "kill-server"], capture_output=True, check=False)
