"""The command line as a user has it: a process of its own, on a root with an awkward path."""

import contextlib
import json
import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

COMMAND = Path(sys.executable).parent / "aetui"
TINY = ("--dataset", "digits", "--threads", "1", "--set", "width=2", "--set", "hidden=8", "--set", "train_limit=100")
"""The options of a run whose epochs take a moment."""
ENDLESS = (*TINY, "--epochs", "100000", "--set", "patience=0", "--set", "schedule=constant")


@dataclass(frozen=True)
class Result:
    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


class CommandLine:
    """Calls ``aetui`` with ``root`` as its root, nobody at a terminal."""

    def __init__(self, root: Path, environment: Mapping[str, str]) -> None:
        self.root = root
        self.environment = {**environment, "AETUI_ROOT": str(root)}

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, most_s: float = 110) -> Result:
        done = subprocess.run(
            [COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env={**self.environment, **(env or {})},
            timeout=most_s,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Call it in the background, from where Ctrl-C reaches it: a shell's own background jobs ignore it."""
        return subprocess.Popen(
            [COMMAND, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=self.environment,
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )

    def at_terminal(self, *arguments: str, typed: str = "", env: Mapping[str, str] | None = None) -> Result:
        """Call it at a terminal of 80 x 24 and type ``typed`` once it has said something; ``out`` is all it showed."""
        ours, theirs = pty.openpty()
        variables = {**self.environment, "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24", **(env or {})}
        process = subprocess.Popen(
            [COMMAND, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=variables, start_new_session=True
        )
        os.close(theirs)
        shown = b""
        deadline = time.monotonic() + 90
        with os.fdopen(ours, "r+b", buffering=0) as terminal, contextlib.suppress(OSError):
            while time.monotonic() < deadline:  # reading raises OSError once nobody is at the other end
                if not select.select([terminal], [], [], 1.0)[0]:
                    continue
                if not (new := terminal.read(65536)):
                    break
                shown += new
                if typed:
                    terminal.write(typed.encode())
                    typed = ""
        return Result(process.wait(timeout=10), shown.decode(errors="replace"), "")

    def state(self, run: str) -> str:
        return str(self("show", run, "--json").json()["state"])
