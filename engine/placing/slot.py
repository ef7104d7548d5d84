"""A slot on the machine that it came to: one worker at a time, and another should one be killed."""

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from engine.placing.order import Order
from engine.supervisor import MAX_FALSE_STARTS, worker_log
from store.clock import host
from store.paths import Root
from store.printable import one_line

_SHORT_S = 60.0
"""A worker that is killed sooner may not have begun a run: after some of those in a row there is no other."""
_REST_S = 1.0
_LONGEST = 500


@dataclass(frozen=True, kw_only=True)
class Standing:
    """How a slot stands: the worker in it, and once that has left for good its exit status and last words."""

    worker: str
    host: str
    place: str
    """The node or job, in words."""
    log: str
    pid: int | None = None
    exit_status: int | None = None
    says: str | None = None


class Slot:
    """Keeps a worker at work; ``tell`` hears of every change."""

    def __init__(self, name: str, order: Order, place: str, tell: Callable[[Standing], None]) -> None:
        self._name, self._order, self._place, self._tell = name, order, place, tell
        self._lock = threading.RLock()  # a signal handler may come while its own thread holds it
        self._leaving = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None

    def work(self) -> Standing:
        """Return once the worker has left: nothing waited, it was told to, or it cannot work here."""
        num_short = 0
        while True:
            began = time.monotonic()
            standing = self._work(self._new_worker_id())
            num_short = num_short + 1 if time.monotonic() - began < _SHORT_S else 0
            was_killed = standing.exit_status is not None and standing.exit_status < 0
            if self._leaving.is_set() or not was_killed or num_short >= MAX_FALSE_STARTS:
                self._tell(standing)
                return standing
            self._leaving.wait(_REST_S)

    def leave(self, number: int = signal.SIGTERM) -> None:
        """Send the worker a signal; no other comes after it."""
        self._leaving.set()
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(number)

    def _work(self, worker: str) -> Standing:
        """Fill the slot with one worker, and say how it ended."""
        root = Root(self._order.root)
        log = worker_log(root, worker)
        found = Standing(worker=worker, host=host(), place=self._place, log=str(log))
        try:
            process = self._start(root, worker, log)
        except OSError as error:
            says = f"{root.path} cannot be used on {host()}: {error.strerror or error}."
            return replace(found, exit_status=1, says=says)
        if process is None:
            return replace(found, exit_status=0)
        found = replace(found, pid=process.pid)
        self._tell(found)
        with process:
            status = process.wait()
        return replace(found, exit_status=status, says=_last_line(log) if status > 0 else None)

    def _new_worker_id(self) -> str:
        """Begins with the slot's name; the storage may still know the one before, also of a slot that was moved."""
        return f"{self._name}-{uuid.uuid4().hex[:4]}@{self._order.device}"

    def _start(self, root: Root, worker: str, log: Path) -> subprocess.Popen[bytes] | None:
        """None where it is to leave already. Raises OSError: there can be no such root here."""
        for folder in (root.path, log.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        command = [sys.executable, "-P", "-m", "engine.placing.tied", "engine.worker"]
        command += ["--root", str(root.path), "--id", worker, "--by-hand"]
        with log.open("ab") as output, self._lock:
            if self._leaving.is_set():
                return None
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,  # its end that is ours closes when we are gone, however that comes
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env={**os.environ, **self._order.environment},
            )
            return self._process


def _last_line(log: Path) -> str | None:
    try:
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    except OSError:
        return None
    return one_line(lines[-1], _LONGEST) if lines else None
