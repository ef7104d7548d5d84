"""``aetui`` alone: the screen, where there is a terminal to draw it on."""

import gc
import os
import sys

from store.errors import RequestError
from store.names import RunName
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.first_look import FirstLook

_INSTEAD = "`aetui demo`, `aetui ls`, `aetui show RUN` and `aetui --help` work without one"


def open_screen(options: Options, focus: RunName | None = None) -> int:
    """Raises RequestError: there is no terminal, it cannot be drawn on, or JSON was asked for."""
    if options.json:
        raise RequestError("The screen has no JSON: `aetui ls --json` and `aetui show RUN --json` have it.")
    if not _is_at_terminal():
        raise RequestError(f"The screen needs a terminal: {_INSTEAD}.")
    if not _can_place_cursor():
        raise RequestError(f"The screen needs a terminal that can place its cursor, and TERM says dumb: {_INSTEAD}.")
    gc.disable()  # until the screen is up: nothing made so early becomes rubbish, and looking for it takes a tenth
    root = options.find_root()
    first_look = FirstLook(root, options.addresses, focus)
    from tui.app import run  # textual: 250 ms, only once it is certain that it is wanted

    run(
        root,
        options.addresses,
        data_dir=options.data_dir,
        mouse=not options.no_mouse,
        focus=focus,
        first_look=first_look,
        debug=options.debug,
    )
    return DONE


def can_open() -> bool:
    return _is_at_terminal() and _can_place_cursor()


def _is_at_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _can_place_cursor() -> bool:
    return os.environ.get("TERM", "dumb") != "dumb"
