"""What a terminal is asked about pictures, and what it is sent."""

import os
import pty
import re
import select
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tui.pictures.graphics import answered, in_tmux
from tui.pictures.kitty import Kitty

REPOSITORY = Path(__file__).parents[2]
KITTY = {"TERM": "xterm-kitty"}


@pytest.mark.parametrize(
    ("answer", "environ", "protocol"),
    [
        ("\x1b_Gi=31;OK\x1b\\\x1b[?62;c", KITTY, "kitty"),
        ("\x1b[?62;c", KITTY, ""),
        ("", KITTY, ""),
        ("\x1b_Gi=31;OK\x1b\\\x1b[?65;1;9c", {"TERM_PROGRAM": "WezTerm"}, ""),
        ("\x1b[?14;22c", {"TERM": "foot"}, ""),
    ],
)
def test_what_an_answer_means(answer: str, environ: dict[str, str], protocol: str) -> None:
    assert answered(answer, environ).protocol == protocol


@pytest.mark.parametrize(
    ("says", "environ", "protocol", "has_hint"),
    [
        ("xterm-kitty|0|RGB", {}, "", True),
        ("xterm-256color|off|", {"KITTY_WINDOW_ID": "1"}, "", True),
        ("xterm-ghostty|1|", {}, "kitty", False),
        ("xterm-kitty|all|", {}, "kitty", False),
        ("xterm-256color|0|RGB", {}, "", False),
        ("", {}, "", False),
    ],
)
def test_within_tmux(says: str, environ: dict[str, str], protocol: str, has_hint: bool) -> None:
    found = in_tmux(environ, says)
    assert (found.protocol, found.is_in_tmux, "allow-passthrough on" in found.hint) == (
        protocol,
        protocol == "kitty",
        has_hint,
    )


def look(environ: dict[str, str], answer: bytes) -> tuple[bytes, bytes, float]:
    """What a process writes that asks its terminal, what it found, how long it took; the terminal says ``answer``."""
    code = (
        "import sys, time; sys.path.insert(0, sys.argv[1]); from tui.pictures import graphics; "
        f"graphics._WAIT_S = {20.0 if answer else 0.5}; "  # an answer may be late here, and is still one
        "began = time.monotonic(); found = graphics.find_graphics(); took = time.monotonic() - began; "
        "print(f'<{found.protocol}> {took:.3f}', flush=True)"
    )
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(
            sys.executable, [sys.executable, "-c", code, str(REPOSITORY)], {"PATH": os.environ["PATH"], **environ}
        )
    written, give_up = b"", time.monotonic() + 30
    while not (found := re.search(rb"<(\w*)> ([\d.]+)\r\n", written)):
        assert time.monotonic() < give_up, written
        if select.select([terminal], [], [], 0.1)[0]:
            written += os.read(terminal, 1024)
        if answer and written.endswith(b"\x1b[c"):
            os.write(terminal, answer)
            answer = b""
    os.close(terminal)
    os.waitpid(pid, 0)
    return written[: found.start()], found[1], float(found[2])


def test_only_a_terminal_that_may_draw_is_asked() -> None:
    asked, found, _ = look(KITTY, b"\x1b_Gi=31;OK\x1b\\\x1b[?62;c")
    assert asked.count(b"\x1b_G") == 1
    assert found == b"kitty"
    asked, found, took = look(KITTY, b"")
    assert (found, took < 20) == (b"", True), "one that does not answer is not waited for"
    for environ in ({"TERM": "xterm-256color"}, {**KITTY, "NO_COLOR": "1"}, {**KITTY, "STY": "1.screen"}):
        assert look(environ, b"")[:2] == (b"", b"")


def test_within_tmux_escapes_are_wrapped() -> None:
    plain: list[str] = []
    wrapped: list[str] = []
    pixels = np.random.default_rng(0).integers(0, 255, (90, 90, 3), dtype=np.uint8)  # more than one chunk
    for written, is_in_tmux in ((plain, False), (wrapped, True)):
        kitty = Kitty(written.append, is_in_tmux=is_in_tmux)
        kitty._next = 7
        kitty.show(pixels, 10, 5)
        assert len(kitty.show(pixels, 10, 5)) == 5
        kitty.forget()
        kitty.forget()
    assert len(plain) > 3
    assert [escape.count("m=1") for escape in plain[:-2]] == [1] * (len(plain) - 2)
    assert plain[-1] == "\x1b_Ga=d,d=I,i=7,q=2\x1b\\"
    for before, after in zip(plain, wrapped, strict=True):
        assert after == "\x1bPtmux;" + before.replace("\x1b", "\x1b\x1b") + "\x1b\\"
