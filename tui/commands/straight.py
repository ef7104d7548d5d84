"""The way to the screen, which does not lead through Typer. Imported by ``--help``: nothing heavy."""

import os
import sys
from typing import Any

import typer

from tui.commands.errors import told
from tui.commands.options import read_alone


class CommandsOrScreen(typer.Typer):
    """Where no command is named, opens the screen at once."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        arguments = list(sys.argv[1:] if not args or args[0] is None else args[0])
        is_completing = any(name.endswith("_COMPLETE") for name in os.environ)
        alone = None if options or is_completing else read_alone(arguments)
        if alone is None:
            return super().__call__(*args, **options)
        from tui.commands.screen import open_screen

        sys.exit(told(lambda: open_screen(alone), arguments))
