"""Whether the terminal draws real pictures. It is asked before the screen opens: after that Textual reads its answers.

Only one that is known to draw some is sent anything. ``tui.pictures.kitty`` speaks kitty's protocol; sixels are made by
textual-image (the extra ``images``).
"""

import contextlib
import importlib.util
import os
import re
import select
import subprocess
import sys
import termios
import time
import tty
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

_WAIT_S = 0.5
"""For the answer of a terminal that should give one: a slow line's way there and back."""
_TMUX_S = 2.0
_QUESTION = "\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\\x1b[c"
"""Does it draw a picture of one pixel? And what is it, which every terminal answers, after that."""
_LAST_ANSWER = re.compile(r"\x1b\[\?([\d;]*)c")

_KITTY_TERMS = ("xterm-kitty", "xterm-ghostty")
_KITTY_VARIABLES = ("KITTY_WINDOW_ID", "GHOSTTY_RESOURCES_DIR")
_SIXEL_TERMS = ("foot", "mlterm", "wezterm", "contour", "yaft")
_SIXEL_VARIABLES = ("WEZTERM_PANE", "KONSOLE_VERSION", "WT_SESSION", "XTERM_VERSION")
_PROGRAMS = ("ghostty", "WezTerm", "iTerm.app", "mintty", "contour", "rio")


@dataclass(frozen=True, kw_only=True)
class Graphics:
    """``hint``: what to do for pictures, where only a setting is in their way."""

    protocol: Literal["", "kitty", "sixel"] = ""
    is_in_tmux: bool = False
    hint: str = ""


def find_graphics(environ: Mapping[str, str] = os.environ) -> Graphics:
    """What this terminal draws; to be called with nothing else reading from it."""
    if environ.get("NO_COLOR") or not (sys.stdin.isatty() and sys.stdout.isatty()):
        return Graphics()
    if environ.get("TMUX"):
        found = in_tmux(environ, _tmux_says())
    elif environ.get("STY") or not (may_be_kitty(environ) or may_draw_sixels(environ)):
        return Graphics()
    else:
        found = answered(_ask(), environ)
    if found.protocol == "sixel":
        import textual_image.widget  # noqa: F401  # it too asks the terminal, for the size of its cells
    return found


def may_be_kitty(environ: Mapping[str, str]) -> bool:
    """Whether it is one of those that put pictures where a text has placeholders for them: kitty and Ghostty."""
    return environ.get("TERM", "").startswith(_KITTY_TERMS) or any(environ.get(name) for name in _KITTY_VARIABLES)


def may_draw_sixels(environ: Mapping[str, str]) -> bool:
    return (
        environ.get("TERM", "").startswith(_SIXEL_TERMS)
        or environ.get("TERM_PROGRAM") in _PROGRAMS
        or environ.get("LC_TERMINAL") == "iTerm2"
        or any(environ.get(name) for name in _SIXEL_VARIABLES)
    )


def in_tmux(environ: Mapping[str, str], says: str) -> Graphics:
    """tmux lets pictures through if it was told so, and has sixels of its own from 3.4 on.

    ``says``: its client's name, its ``allow-passthrough``, and what it knows of the client, with bars between.
    """
    client, passing, features = says.split("|") if says.count("|") == 2 else ("", "", "")
    if not (client.startswith(_KITTY_TERMS) or any(environ.get(name) for name in _KITTY_VARIABLES)):
        return Graphics(protocol="sixel") if "sixel" in features.split(",") and _has_extra() else Graphics()
    if passing in ("1", "on", "all"):  # a number, up to tmux 3.3
        return Graphics(protocol="kitty", is_in_tmux=True)
    return Graphics(hint="Pictures through tmux: set -g allow-passthrough on, in ~/.tmux.conf")


def answered(answer: str, environ: Mapping[str, str]) -> Graphics:
    """What a terminal draws that says ``answer`` to the question."""
    found = _LAST_ANSWER.search(answer)
    if "\x1b_Gi=31;OK" in answer and may_be_kitty(environ):  # others take pictures, but know no placeholders
        return Graphics(protocol="kitty")
    if found and "4" in found[1].split(";") and _has_extra():
        return Graphics(protocol="sixel")
    return Graphics()


def _has_extra() -> bool:
    return importlib.util.find_spec("textual_image") is not None


def _ask() -> str:
    answer, give_up = "", time.monotonic() + _WAIT_S
    with _unechoed() as terminal:
        os.write(sys.stdout.fileno(), _QUESTION.encode())
        while not _LAST_ANSWER.search(answer) and (left := give_up - time.monotonic()) > 0:
            if select.select([terminal], [], [], left)[0]:
                answer += os.read(terminal, 1024).decode(errors="replace")
    return answer


@contextlib.contextmanager
def _unechoed() -> Iterator[int]:
    terminal = sys.stdin.fileno()
    before = termios.tcgetattr(terminal)
    tty.setcbreak(terminal)
    try:
        yield terminal
    finally:
        termios.tcsetattr(terminal, termios.TCSANOW, before)


def _tmux_says() -> str:
    command = ["tmux", "display-message", "-p", "#{client_termname}|#{allow-passthrough}|#{client_termfeatures}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=_TMUX_S)
    except (OSError, subprocess.SubprocessError):
        return ""
    return done.stdout.strip()
