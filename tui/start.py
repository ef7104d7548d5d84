"""What ``aetui`` starts with: the screen at once where nothing else is asked for, else the command line."""

import os
import sys

from store.paths import keep_private
from tui.commands.errors import told
from tui.commands.options import read_alone


def main() -> None:
    """Ends the process with the exit status."""
    keep_private()
    arguments = sys.argv[1:]
    is_completing = any(name.endswith("_COMPLETE") for name in os.environ)
    alone = None if is_completing else read_alone(arguments)
    if alone is None:
        from tui.cli import app  # Typer: 50 ms, which the screen's first frame does not wait for

        app()
    else:
        from tui.commands.screen import open_screen

        sys.exit(told(lambda: open_screen(alone), arguments))
