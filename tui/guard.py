"""The terminal is the screen's alone while it is open: what anything else prints goes to a log under the root."""

import contextlib
import io
import os
import sys
import tempfile
import termios
import time
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from store.paths import Root

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

_FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
_MOST_BYTES = 1_000_000
"""A log that grew so long is begun anew."""
_FROZEN_S = 5.0
"""A terminal that takes nothing for so long has lost its connection, though nobody says so yet."""
_LEAVES_S = 10.0
"""Who was told to leave is not kept longer by a thread that waits for something, as a storage or a process."""


class ScreenLog:
    """``.screen.log`` of the root; a file in the temporary folder where there is no root or it cannot be written."""

    def __init__(self, root: Root) -> None:
        self.path = root.path / ".screen.log"
        try:
            has_grown = self.path.is_file() and self.path.stat().st_size > _MOST_BYTES
            self.file = os.open(self.path, _FLAGS | (os.O_TRUNC if has_grown else 0), 0o600)
            self._is_passing = False
        except OSError:
            self.file, name = tempfile.mkstemp(prefix="aetui-screen-", suffix=".log")
            self.path, self._is_passing = Path(name), True

    def add(self, error: BaseException) -> str:
        """Write the traceback of ``error``; returns it."""
        text = "".join(traceback.format_exception(error))
        self._is_passing = False
        with contextlib.suppress(OSError):  # its disk is full
            os.write(self.file, text.encode(errors="replace"))
        return text

    def close(self) -> None:
        os.close(self.file)
        if self._is_passing:
            self.path.unlink(missing_ok=True)


@contextlib.contextmanager
def terminal_alone(log: ScreenLog) -> Iterator["Terminal"]:
    """Let file descriptors 1 and 2 go to ``log``, where they are the terminal, and Textual's driver draw beside them.

    The driver writes to ``sys.__stderr__`` and asks ``sys.__stdout__`` for the size: both are the terminal's own
    copy meanwhile. Libraries that write to a descriptor, and processes that are started, have the log.
    """
    kept = {number: os.dup(number) for number in (1, 2) if os.isatty(number)}
    terminal = Terminal(os.dup(1 if 1 in kept else 2))
    own = io.TextIOWrapper(io.BufferedWriter(terminal), encoding=_encoding(), errors="replace")
    streams = sys.__stdout__, sys.__stderr__
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    for number in kept:
        os.dup2(log.file, number)
    _set_streams(own, own)
    try:
        yield terminal
    finally:
        own.close()
        for number, copy in kept.items():
            os.dup2(copy, number)
            os.close(copy)
        _set_streams(*streams)


class Terminal(io.FileIO):
    """Takes what is drawn on a terminal that is gone (a connection that froze and dropped) for drawn.

    The thread that draws would die of the error, and the screen wait for ever for it to go on.
    """

    def __init__(self, file: int) -> None:
        super().__init__(file, "w")
        self._settings = termios.tcgetattr(file) if os.isatty(file) else None
        self._since: float | None = None

    def write(self, data: "ReadableBuffer", /) -> int:
        self._since = time.monotonic()
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes
        finally:
            self._since = None

    def end_if_stuck(self, number: int) -> None:
        """End this process as the signal ``number`` would, should it not leave by itself; in a thread of its own.

        The thread that draws on a frozen terminal cannot be woken, and who waits for it hears no signal.
        """
        gives_up = time.monotonic() + _LEAVES_S
        while True:
            time.sleep(_FROZEN_S / 10)
            since, now = self._since, time.monotonic()
            if now > gives_up or (since is not None and now - since > _FROZEN_S):
                with contextlib.suppress(termios.error):  # gone by now
                    if self._settings is not None:
                        termios.tcsetattr(self.fileno(), termios.TCSANOW, self._settings)
                os._exit(128 + number)


def _encoding() -> str:
    return getattr(sys.__stderr__, "encoding", None) or "utf-8"


def _set_streams(out: TextIO | None, err: TextIO | None) -> None:
    sys.__stdout__, sys.__stderr__ = out, err  # type: ignore[misc, assignment]  # final for type checkers only
