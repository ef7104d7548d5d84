"""What ``aetui`` starts with: the screen at once where nothing else is asked for, else the command line."""

import itertools
import os
import sys

from store.address import STORAGE_VARIABLE, TARGET_VARIABLE
from store.paths import keep_private
from tui.commands.errors import told
from tui.commands.options import read_alone

_ADDRESSES = {"--storage": STORAGE_VARIABLE, "--to": TARGET_VARIABLE}


def main() -> None:
    """Ends the process with the exit status."""
    keep_private()
    arguments = sys.argv[1:]
    _hide_password(arguments)
    is_completing = any(name.endswith("_COMPLETE") for name in os.environ)
    alone = None if is_completing else read_alone(arguments)
    if alone is None:
        from tui.cli import app  # Typer: 50 ms, which the screen's first frame does not wait for

        app()
    else:
        from tui.commands.screen import open_screen

        sys.exit(told(lambda: open_screen(alone), arguments))


def _hide_password(arguments: list[str]) -> None:
    """Begin anew without storage addresses that may hold a password: command lines are in everybody's process list."""
    hidden, others = dict[str, str](), list[str]()
    left = iter(arguments)
    for argument in left:
        flag, has_value, value = argument.partition("=")
        typed = [argument] if has_value or flag not in _ADDRESSES else [argument, *itertools.islice(left, 1)]
        address = value if has_value else typed[-1]
        if flag in _ADDRESSES and "://" in address and {"@", "?"} & set(address):
            hidden[_ADDRESSES[flag]] = address
        else:
            others += typed
    if not hidden:
        return
    begun_by, ours = sys.orig_argv[: -len(arguments)], sys.orig_argv[-len(arguments) :]
    if ours != arguments:  # within another program, whose command line has nothing of it
        return
    os.execve(sys.executable, [*begun_by, *others], os.environ | hidden)
