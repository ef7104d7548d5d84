"""What is done to runs that exist: stop, kill, pause, resume, delete, bring back, tag."""

from typing import Annotated

import typer

from tui.commands.command_line import everywhere
from tui.commands.options import Options

app = typer.Typer()

RunArguments = Annotated[list[str], typer.Argument(metavar="RUN...", help="EXPERIMENT/NUMBER", show_default=False)]


@app.command()
@everywhere
def stop(options: Options, runs: RunArguments) -> int | None:
    """Let runs finish their epoch and end, their checkpoints kept."""
    from tui.commands.control import stop

    return stop(options, runs)


@app.command()
@everywhere
def kill(options: Options, runs: RunArguments) -> int | None:
    """End running runs at once, as failed."""
    from tui.commands.control import kill

    return kill(options, runs)


@app.command()
@everywhere
def pause(options: Options, runs: RunArguments) -> int | None:
    """Take runs off their workers, or hold waiting ones back, until they are resumed."""
    from tui.commands.control import pause

    return pause(options, runs)


@app.command()
@everywhere
def resume(options: Options, runs: RunArguments) -> int | None:
    """Let paused and held runs go on; stopped and failed ones go on as a new run from their checkpoint."""
    from tui.commands.control import resume

    return resume(options, runs)


@app.command()
@everywhere
def rm(
    options: Options,
    runs: RunArguments,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
) -> int | None:
    """Delete runs: their folders go to the trash, and `restore` brings them back."""
    from tui.commands.control import remove

    return remove(options, runs, yes=yes)


@app.command()
@everywhere
def restore(options: Options, runs: RunArguments) -> int | None:
    """Bring deleted runs back."""
    from tui.commands.control import restore

    return restore(options, runs)


@app.command()
@everywhere
def tag(
    options: Options,
    runs: RunArguments,
    add: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A word to find them by; repeatable.")] = None,
    remove: Annotated[list[str] | None, typer.Option(metavar="TAG", help="A tag to take off; repeatable.")] = None,
    note: Annotated[str | None, typer.Option(metavar="TEXT", help='One line beside them; "" takes it away.')] = None,
) -> int | None:
    """Give runs tags and a note, or show those that they have."""
    from tui.commands.tag import tag

    return tag(options, runs, add=add or (), remove=remove or (), note=note)
