"""How trouble is told: one sentence and an exit status. On the way to the screen: no Typer, nothing heavy."""

import os
import sys
import traceback
from collections.abc import Callable, Sequence

from store.errors import RequestError
from store.printable import one_line, printable

DONE, FAILED, WRONG_REQUEST, INTERRUPTED = 0, 1, 2, 130
_LONGEST = 1000


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
    except KeyboardInterrupt:
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
    sentence = one_line(sentence, _LONGEST)
    if debug:
        print(printable("".join(traceback.format_exception(error)), kept="\n\t"), end="", file=sys.stderr)
    if as_json:
        from tui.commands.output import print_json

        print_json({"error": sentence, "status": status})
    print(f"aetui: {sentence}", file=sys.stderr)
    return status


def _help_of(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"{context.command_path if context else 'aetui'} --help"
