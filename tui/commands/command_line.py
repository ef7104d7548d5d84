"""What all commands have in common: the options that stand everywhere, and how what they raise is told."""

import functools
import inspect
import sys
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tui.commands.errors import told
from tui.commands.options import SHARED, Options

_PANEL = "Everywhere, before or after the command"


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
        run = functools.partial(super().main, arguments, "aetui", complete_var, False, windows_expand_args, **extra)

        def call() -> int | None:
            try:
                return run()
            except typer.Abort as abort:  # what Typer makes of Ctrl-C
                raise KeyboardInterrupt from abort

        status = told(call, arguments)
        if not standalone_mode:
            return status
        sys.exit(status)


def _shared_parameters() -> list[inspect.Parameter]:
    return [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=default,
            annotation=Annotated[
                kind, typer.Option(*flags, metavar=metavar, help=text, show_default=False, rich_help_panel=_PANEL)
            ],
        )
        for name, kind, default, flags, metavar, text in SHARED
    ]


def everywhere(command: Callable[..., int | None]) -> Callable[..., int | None]:
    """Give ``command``, whose first parameter is ``options``, the shared options; it gets them as one `Options`."""
    own = list(inspect.signature(command, eval_str=True).parameters.values())[1:]
    context = inspect.Parameter("context", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)

    @functools.wraps(command)
    def with_options(*, context: typer.Context, **given: Any) -> int | None:
        later = {name: given.pop(name) for name, *_ in SHARED}
        context.obj = (context.obj or Options()).given_after(later)
        return command(context.obj, **({"context": context} if wants_context else {}), **given)

    wants_context = any(parameter.name == context.name for parameter in own)
    parameters = [context, *(p.replace(kind=p.KEYWORD_ONLY) for p in own if p.name != context.name)]
    parameters += _shared_parameters()
    # Typer reads both.
    with_options.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    with_options.__annotations__ = {p.name: p.annotation for p in parameters}
    return with_options
