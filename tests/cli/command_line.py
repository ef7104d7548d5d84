"""The command line as a user has it: a process of its own, on a root with an awkward path."""

import contextlib
import json
import os
import pty
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from store import listing
from store.database import open_database
from store.names import RunName
from store.paths import Root
from store.records import Experiment, Run
from tests.live import wait_for

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


class Forks:
    """Processes of commands that need not begin with Python itself; see `tests.cli.forked`."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._asked: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def run(self, arguments: Sequence[str], env: Mapping[str, str], most_s: float) -> Result:
        wanted = {"arguments": [str(COMMAND), *arguments], "env": dict(env), "cwd": os.getcwd()}
        pid = None
        with open(os.devnull) as nothing, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            try:
                asked = self._begun()
                asked.settimeout(most_s)
                descriptors = [file.fileno() for file in (nothing, out, err)]
                socket.send_fds(asked, [json.dumps(wanted).encode()], descriptors)
                pid = int(asked.recv(100))
                status = int(asked.recv(100))
            except BaseException as error:  # pytest's own limit, too: no later command may get this one's answer
                self.close()
                if pid is not None:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                if isinstance(error, TimeoutError):
                    raise subprocess.TimeoutExpired(["aetui", *arguments], most_s) from None
                raise
            texts = []
            for file in (out, err):
                file.seek(0)
                texts.append(file.read().decode())
        return Result(status, *texts)

    def _begun(self) -> socket.socket:
        if self._asked is None:
            self._asked, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._process = subprocess.Popen(
                    [sys.executable, "-P", Path(__file__).with_name("forked.py"), str(theirs.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    env=self._environment,
                    pass_fds=[theirs.fileno()],
                )
        return self._asked

    def close(self) -> None:
        if self._asked is not None and self._process is not None:
            self._asked.close()
            self._process.kill()
            self._process.wait()
            self._asked = self._process = None


def interrupt_twice(process: "subprocess.Popen[str]") -> None:
    """Ctrl-C, and once it is answered another: the command leaves with what that means."""
    process.send_signal(signal.SIGINT)
    assert process.stderr is not None
    while "once more" not in (line := process.stderr.readline()):
        assert line, "the first Ctrl-C was not answered"
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130


class CommandLine:
    """Calls ``aetui`` with ``root`` as its root, nobody at a terminal."""

    def __init__(self, root: Path, environment: Mapping[str, str], forks: Forks | None = None) -> None:
        self.root = root
        self.environment = {**environment, "AETUI_ROOT": str(root)}
        self._forks = forks

    def __call__(self, *arguments: str, env: Mapping[str, str] | None = None, most_s: float = 110) -> Result:
        """With variables of its own it begins with Python itself, which looks at some of them."""
        if self._forks is not None and not env:
            return self._forks.run(arguments, self.environment, most_s)
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

    def wait_until(self, run: str, state: str) -> None:
        """Asks the storage, as each command takes a second from the worker; what it says then, a command says too."""
        with closing(open_database(Root(self.root))) as database:
            wait_for(lambda: listing.run(database, RunName.parse(run)).state == state, f"{run} to be {state}")
        assert self.state(run) == state

    def listed(self) -> tuple[list[Experiment], list[Run]]:
        """All that is in the storage, without the second that a command takes."""
        with closing(open_database(Root(self.root))) as database:
            return listing.experiments(database), listing.runs(database)
