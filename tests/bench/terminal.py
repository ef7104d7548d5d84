"""A program on a terminal of its own, and when it wrote what: for the benchmarks of the screen."""

import fcntl
import os
import pty
import signal
import struct
import termios
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

import psutil
import pyte

WIDTH, HEIGHT = 120, 36
_QUIET_S = 0.2
_ASKS_FOR_FRAMES, _FRAMES_ARE_KNOWN = b"\x1b[?2026$p", b"\x1b[?2026;2$y"  # synchronized output, as most have it by now

Lines = list[str]


class Terminal:
    """The program is ended with the ``with``. What it writes is timestamped by a thread and drawn later, by `draw`."""

    def __init__(self, command: Sequence[str], **environment: str) -> None:
        self.began = time.perf_counter()
        self._screen = pyte.Screen(WIDTH, HEIGHT)
        self._stream = pyte.ByteStream(self._screen)
        self._written: list[tuple[float, bytes]] = []
        self._num_drawn = 0
        self.pid, self._file = pty.fork()
        if self.pid == 0:
            os.environ.update(TERM="xterm-256color", COLORTERM="truecolor", LANG="C.UTF-8", **environment)
            os.environ.pop("NO_COLOR", None)
            os.execvp(command[0], command)
        fcntl.ioctl(self._file, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))
        threading.Thread(target=self._read, daemon=True).start()

    def __enter__(self) -> "Terminal":
        return self

    def __exit__(self, *_exception: object) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._file)

    def _read(self) -> None:
        while True:
            try:
                data = os.read(self._file, 65536)
            except OSError:  # it has ended
                return
            self._written.append((time.perf_counter(), data))
            if _ASKS_FOR_FRAMES in data:
                os.write(self._file, _FRAMES_ARE_KNOWN)

    @property
    def num_bytes(self) -> int:
        return sum(len(data) for _, data in self._written)

    def processor_s(self) -> float:
        """Seconds of processor time so far, those of its helper processes too."""
        program = psutil.Process(self.pid)
        times = [process.cpu_times() for process in (program, *program.children(recursive=True))]
        return sum(each.user + each.system for each in times)

    def first(self, num_bytes: int) -> float:
        """Seconds from the start until so many bytes were written."""
        while self.num_bytes < num_bytes:
            time.sleep(0.002)
        total = 0
        for at, data in list(self._written):
            total += len(data)
            if total >= num_bytes:
                return at - self.began
        raise AssertionError

    def until(self, is_shown: Callable[[Lines], Any], most_s: float = 60.0) -> float:
        """Seconds from the start until the screen was as wanted.

        Raises:
            TimeoutError: it never was.
        """
        give_up = time.perf_counter() + most_s
        while time.perf_counter() < give_up:
            for at, lines in self._drawn():
                if is_shown(lines):
                    return at - self.began
            time.sleep(0.01)
        raise TimeoutError("\n".join(self._screen.display))

    def type(self, *keys: str) -> None:
        """Press ``keys``, each once the screen has answered the one before and come to rest."""
        for key in keys:
            num_written, pressed = len(self._written), time.perf_counter()
            os.write(self._file, key.encode())
            while len(self._written) == num_written and time.perf_counter() - pressed < 5 * _QUIET_S:
                time.sleep(_QUIET_S / 10)
            while time.perf_counter() - self._written[-1][0] < _QUIET_S:
                time.sleep(_QUIET_S / 10)

    def press(self, key: str, part: Callable[[Lines], Any], most_s: float = 2.0) -> tuple[float, float]:
        """Seconds from the key until ``part`` of the screen was first drawn anew, and until it was so at last.

        Raises:
            TimeoutError: it stayed as it was.
        """
        for _ in self._drawn():
            pass
        before = part(self._screen.display)
        pressed = time.perf_counter()
        os.write(self._file, key.encode())
        changes = []
        while time.perf_counter() - pressed < most_s:
            for at, lines in self._drawn():
                if (now := part(lines)) != before:
                    changes.append(at - pressed)
                    before = now
            if changes and time.perf_counter() - pressed > changes[-1] + _QUIET_S:
                return changes[0], changes[-1]
            time.sleep(_QUIET_S / 4)
        if not changes:
            raise TimeoutError(f"{key!r} changed nothing:\n" + "\n".join(self._screen.display))
        return changes[0], changes[-1]

    def _drawn(self) -> "list[tuple[float, Lines]]":
        """When something was written since the last call, and the screen after it."""
        found = []
        while self._num_drawn < len(self._written):
            at, data = self._written[self._num_drawn]
            self._num_drawn += 1
            self._stream.feed(data)
            found.append((at, list(self._screen.display)))
        return found
