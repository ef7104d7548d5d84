"""How trouble is told: one sentence and an exit status. Imported by ``--help``: nothing heavy."""

import functools
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Any

import typer
from typer.core import TyperGroup

from store.errors import RequestError

DONE, FAILED, WRONG_REQUEST, INTERRUPTED = 0, 1, 2, 130


class CommandLine(TyperGroup):
    """The group of all commands: each returns its exit status, or raises what is told here."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        arguments = list(sys.argv[1:] if args is None else args)
        call = functools.partial(super().main, arguments, "aetui", complete_var, False, windows_expand_args, **extra)
        status = told(call, arguments)
        if not standalone_mode:
            return status
        sys.exit(status)


def told(call: Callable[[], int | None], arguments: Sequence[str]) -> int:
    """The exit status of ``call``; what it raises is told as ``arguments`` ask for."""
    # A terminal that cannot show a character gets a question mark, not a traceback.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")
    try:
        status = call() or DONE
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read has had enough. Python flushes once more on its way out: into nothing.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        status = FAILED
    except (typer.Abort, KeyboardInterrupt):
        status = INTERRUPTED
    except Exception as error:
        status = _tell(error, as_json="--json" in arguments, debug="--debug" in arguments)
    return status


def _tell(error: Exception, *, as_json: bool, debug: bool) -> int:
    if isinstance(error, RequestError):
        status, sentence = WRONG_REQUEST, str(error)
    elif hasattr(error, "format_message"):  # a usage error of Typer's
        status, sentence = WRONG_REQUEST, f"{error.format_message().rstrip('.')} (`{_help_of(error)}` tells more)."
    else:
        status = FAILED
        what = str(error).strip().partition("\n")[0] or "no message"
        sentence = f"{type(error).__name__}: {what}" + ("" if debug else " (--debug shows where)")
    if debug:
        traceback.print_exception(error)
    if as_json:
        from tui.commands.output import print_json

        print_json({"error": sentence, "status": status})
    print(f"aetui: {sentence}", file=sys.stderr)
    return status


def _help_of(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'aetui'} --help"
