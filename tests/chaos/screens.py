"""Screens on terminals of their own, and somebody who presses keys that change nothing."""

import fcntl
import os
import pty
import random
import signal
import struct
import termios
import time
from contextlib import suppress
from dataclasses import dataclass

from tests.chaos.ledger import Ledger
from tests.chaos.place import Place

_SIZES = ((80, 24), (120, 36), (200, 60))
_ARROWS = ("\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D")
_KEYS = (*_ARROWS, *"hjklgG123456[]LmXvOK+-0<>{},.PCyc *usoWHMa", "\t", "\r", "\x1b", "\x1b")
"""Going about and looking. None of them begins, ends or changes a run, or asks for a text."""
_ASKS_FOR_FRAMES, _FRAMES_ARE_KNOWN = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
_LEAVES_S = 45.0
_SAYS_S = 2.0
_BEHIND_ESCAPE_S = 0.5
_KEPT = 6000  # bytes of what was written last, to tell of


@dataclass
class Screen:
    """``expects_end``: somebody asked it to go, or took its terminal away; ``is_cut``: the latter.

    ``quits_at``: when q is to be pressed; at once behind Escape it would be another key.
    """

    pid: int
    file: int
    tail: bytes = b""
    expects_end: float | None = None
    is_cut: bool = False
    quits_at: float | None = None

    @classmethod
    def open(cls, place: Place, size: tuple[int, int]) -> "Screen":
        command = place.command()
        pid, file = pty.fork()
        if pid == 0:
            os.execve(command[0], command, place.environment())
        os.set_inheritable(file, False)  # a screen that begins later would hold this terminal open
        width, height = size
        fcntl.ioctl(file, termios.TIOCSWINSZ, struct.pack("HHHH", height, width, 0, 0))
        os.set_blocking(file, False)
        return cls(pid, file)

    def press(self, key: str) -> None:
        if not self.is_cut:
            with suppress(OSError):
                os.write(self.file, key.encode())

    def read(self) -> None:
        """Take what it has written: a terminal that nobody reads stops it."""
        while not self.is_cut:
            try:
                data = os.read(self.file, 65536)
            except OSError:  # nothing there, or it has ended
                return
            if not data:
                return
            self.tail = (self.tail + data)[-_KEPT:]
            if _ASKS_FOR_FRAMES in data:
                self.press(_FRAMES_ARE_KNOWN.decode())

    def send(self, number: signal.Signals) -> None:
        self.expect_end()
        os.kill(self.pid, number)

    def expect_end(self) -> None:
        self.expects_end = self.expects_end or time.monotonic()

    def cut(self) -> None:
        """Close its terminal, as a connection that drops."""
        self.expect_end()
        if not self.is_cut:
            self.is_cut = True
            os.close(self.file)


class Screens:
    """Those that are open on the root."""

    def __init__(self, place: Place, dice: random.Random, ledger: Ledger) -> None:
        self._place, self._dice, self._ledger = place, dice, ledger
        self.open: list[Screen] = []
        self._next_key = 0.0

    def begin(self) -> None:
        self.open.append(Screen.open(self._place, self._dice.choice(_SIZES)))
        self._ledger.commands["(screen)"] += 1

    def leave(self, screen: Screen) -> None:
        """Press q: at once, whatever is open."""
        screen.press("\x1b")
        screen.quits_at = time.monotonic() + _BEHIND_ESCAPE_S

    def attend(self) -> None:
        """Read all, press a key now and then, and see who has ended."""
        for screen in list(self.open):
            screen.read()
            if screen.quits_at is not None and time.monotonic() >= screen.quits_at:
                screen.press("q")
                screen.quits_at = None
            ended, status = os.waitpid(screen.pid, os.WNOHANG)
            if ended:
                screen.read()
                self._note(screen, os.waitstatus_to_exitcode(status))
            elif screen.expects_end and time.monotonic() - screen.expects_end > _LEAVES_S:
                self._tell_of_hanging(screen)
                screen.send(signal.SIGKILL)
        now = time.monotonic()
        if self.open and now > self._next_key:
            self._next_key = now + self._dice.expovariate(1.5)
            self._dice.choice(self.open).press(self._dice.choice(_KEYS))

    def end(self) -> None:
        """Kill all that are left."""
        for screen in list(self.open):
            screen.send(signal.SIGKILL)
            os.waitpid(screen.pid, 0)
            self._forget(screen)

    def _tell_of_hanging(self, screen: Screen) -> None:
        why = "its terminal was closed" if screen.is_cut else "a signal"
        screen.send(signal.SIGABRT)
        time.sleep(_SAYS_S)
        says = self._place.screen_log.read_text(errors="replace")[-_KEPT:]
        self._ledger.complain("screens broken", f"a screen did not go within {_LEAVES_S:.0f} s after {why}:\n{says}")

    def _note(self, screen: Screen, status: int) -> None:
        text = screen.tail.decode(errors="replace")
        if "Traceback (most recent call last)" in text:
            self._ledger.complain("screens broken", f"a screen raised:\n{text}")
        elif not screen.expects_end and status:
            self._ledger.complain("screens broken", f"a screen ended with status {status}:\n{text}")
        self._forget(screen)

    def _forget(self, screen: Screen) -> None:
        self.open.remove(screen)
        if not screen.is_cut:
            os.close(screen.file)
