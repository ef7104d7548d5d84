"""The terminal while the screen is open, and after it has failed, on a terminal of its own."""

import contextlib
import os
import pty
import select
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from store.names import RunName
from store.paths import Root

REPOSITORY = Path(__file__).parents[2]
OPEN = """
import ctypes, os, signal, sys, threading, time, warnings
from pathlib import Path
from store.address import UNDER_ROOT
from store.paths import Root
from tui import app
from tui.screens.home import HomeScreen
from tui.widgets.runs import RunTable

def on_opening(act):
    whole = HomeScreen.on_mount
    def mount(self):
        whole(self)
        act(self)
    HomeScreen.on_mount = mount

def leave_soon(screen):
    screen.set_timer(2.0, screen.app.exit)

def leave_after(screen, thread):
    def look():
        if screen.query_one(RunTable).current and not thread.is_alive():
            screen.set_timer(0.5, screen.app.exit)
    screen.set_interval(0.5, look)
"""
RUN = "\napp.run(Root(Path(sys.argv[1])), UNDER_ROOT, data_dir=None, mouse=True, debug='debug' in sys.argv)\n"
CLEAN = ("\x1b[?1049l", "\x1b[?25h", "\x1b[?1003l")
"""The codes that leave the other page, show the cursor and let go of the mouse."""


@dataclass(frozen=True)
class Shown:
    status: int
    text: str
    is_clean: bool


def on_terminal(code: str, *arguments: str, send: signal.Signals | None = None, typed: bytes = b"") -> Shown:
    """Run ``code`` on a terminal of 80 x 24 until it ends; ``send`` and ``typed`` come once runs are shown."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    before = termios.tcgetattr(theirs)
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(REPOSITORY)}
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN + code + RUN, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
    )
    shown, deadline = b"", time.monotonic() + 60
    while (process.poll() is None or select.select([ours], [], [], 0)[0]) and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            with contextlib.suppress(OSError):
                shown += os.read(ours, 65536)
        if b"complete" in shown:
            if send is not None:
                process.send_signal(send)
            os.write(ours, typed)
            send, typed = None, b""
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)
    text = shown.decode(errors="replace")
    return Shown(process.wait(10), text, after == before and all(code in text for code in CLEAN))


def test_what_libraries_print_goes_to_the_log(root: Root, runs: dict[str, RunName]) -> None:
    code = """
def noise(screen):
    def make():
        print("to stdout"); print("to stderr", file=sys.stderr); warnings.warn("a warning")
        os.write(1, b"to descriptor 1\\n"); os.write(2, b"to descriptor 2\\n")
        ctypes.CDLL(None).perror(b"from C")
        os.system("echo from a process >&2")
    noise = threading.Thread(target=make)
    noise.start()
    leave_after(screen, noise)
on_opening(noise)
"""
    shown = on_terminal(code, str(root.path))
    assert (shown.status, shown.is_clean) == (0, True)
    for words in ("to stdout", "to stderr", "a warning", "to descriptor", "from C", "from a process"):
        assert words not in shown.text
    log = (root.path / ".screen.log").read_text()
    for words in ("to stdout", "to stderr", "a warning", "to descriptor 1", "to descriptor 2", "from C", "a process"):
        assert words in log
    assert "digits-a" in shown.text
    assert "1 run goes on in the background" in shown.text.rpartition(CLEAN[0])[2], "afterwards it is ours again"


@pytest.mark.parametrize("arguments", [(), ("debug",)])
def test_a_failure_leaves_one_sentence_and_a_log(root: Root, runs: dict[str, RunName], arguments: tuple[str]) -> None:
    code = """
def fail(screen):
    secret = "hunter2"
    raise ValueError("out of luck\\nand more")
on_opening(fail)
"""
    shown = on_terminal(code, str(root.path), *arguments)
    assert (shown.status, shown.is_clean) == (1, True)
    after = shown.text.rpartition("\x1b[?1049l")[2]
    log = root.path / ".screen.log"
    assert f"aetui: The screen failed (ValueError: out of luck); runs go on, and {log} says where it was." in after
    assert ("Traceback" in after) == bool(arguments)
    assert "in fail\nValueError: out of luck\nand more\n" in log.read_text()
    assert "hunter2" not in shown.text + log.read_text()


def test_a_failure_without_a_root_is_logged_elsewhere(root: Root, monkeypatch: pytest.MonkeyPatch) -> None:
    aside = root.path.parents[1]
    monkeypatch.setenv("TMPDIR", str(aside))
    assert on_terminal("on_opening(leave_soon)", str(root.path)).status == 0
    assert list(aside.glob("aetui-screen-*")) == [], "nothing is left where nothing happened"
    shown = on_terminal("on_opening(lambda screen: 1 / 0)", str(root.path))
    (log,) = aside.glob("aetui-screen-*.log")
    assert (shown.status, str(log) in shown.text, root.path.exists()) == (1, True, False)
    assert "ZeroDivisionError" in log.read_text()


def test_keys_typed_behind_the_last_one_do_no_harm(root: Root, runs: dict[str, RunName]) -> None:
    shown = on_terminal("", str(root.path), typed=b"qs?nM:T")
    assert (shown.status, shown.is_clean) == (0, True), shown.text[-500:]


def test_a_signal_leaves_the_terminal_clean(root: Root, runs: dict[str, RunName]) -> None:
    shown = on_terminal("", str(root.path), send=signal.SIGTERM)
    assert (shown.status, shown.is_clean) == (143, True)


DRAWS = """
def draw(screen):
    screen.set_interval(0.02, lambda: screen.app._driver.write("x" * 20_000))
on_opening(draw)
"""
WAITS = """
def wait(screen):
    screen.run_worker(lambda: time.sleep(300), thread=True)
    screen.set_timer(0.5, lambda: screen.app._driver.write("x" * 20_000))
on_opening(wait)
"""


@contextlib.contextmanager
def frozen(root: Root, code: str = DRAWS) -> Iterator[tuple["subprocess.Popen[bytes]", int]]:
    """A screen that draws on a terminal from which nobody reads any more, and that terminal's other end."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(REPOSITORY)}
    command = [sys.executable, "-c", "import os, fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY)" + OPEN + code + RUN]
    process = subprocess.Popen(
        [*command, str(root.path)], stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True
    )
    os.close(theirs)
    shown, deadline = b"", time.monotonic() + 60
    while b"x" * 1000 not in shown and time.monotonic() < deadline:
        shown += os.read(ours, 65536)
    time.sleep(3)  # what draws fills the queue of the thread that writes
    try:
        yield process, ours
    finally:
        process.kill()
        process.wait()
        with contextlib.suppress(OSError):
            os.close(ours)


def test_it_leaves_when_its_connection_froze_and_then_dropped(root: Root, runs: dict[str, RunName]) -> None:
    with frozen(root) as (process, ours):
        os.close(ours)
        assert process.wait(30) == 128 + signal.SIGHUP


def test_it_leaves_by_a_signal_though_its_connection_is_frozen(root: Root, runs: dict[str, RunName]) -> None:
    with frozen(root) as (process, ours):
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
        assert termios.tcgetattr(ours)[3] & termios.ECHO, "what is typed is seen again"


def test_it_leaves_by_a_signal_though_a_thread_waits_for_something(root: Root, runs: dict[str, RunName]) -> None:
    with frozen(root, WAITS) as (process, ours):
        os.set_blocking(ours, False)
        process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + 60
        while process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError):  # nothing there, or it has left
                os.read(ours, 65536)
            time.sleep(0.01)
        assert process.poll() == 128 + signal.SIGTERM
