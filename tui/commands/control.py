"""``stop``, ``kill``, ``pause``, ``resume``, ``rm``, ``restore``: all runs are checked before the first changes."""

import sys
from collections.abc import Callable, Sequence

import typer

import engine.jobs
from store import control, listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import Run, RunState
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import is_terminal, note, print_json, say


def stop(options: Options, runs: Sequence[str]) -> int:
    database = options.open_database()
    found = _find(database, runs, control.check_stoppable)
    return _apply(options, database, found, control.stop, _told_of_stop)


def kill(options: Options, runs: Sequence[str]) -> int:
    database = options.open_database()
    found = _find(database, runs, control.check_killable)
    return _apply(options, database, found, engine.jobs.kill, lambda run: f"{run.name} is killed.")


def pause(options: Options, runs: Sequence[str]) -> int:
    database = options.open_database()
    found = _find(database, runs, control.check_pausable)
    return _apply(options, database, found, control.pause, _told_of_pause)


def resume(options: Options, runs: Sequence[str]) -> int:
    database = options.open_database()
    found = _find(database, runs, lambda run: engine.jobs.check_resumable(database, run))
    went_on = [listing.run(database, engine.jobs.resume(database, run.name)) for run in found]
    engine.jobs.ensure_workers(database)
    if options.json:
        print_json([run.as_json() for run in went_on])
        return DONE
    for before, run in zip(found, went_on, strict=True):
        if run.name == before.name:
            say(f"{run.name} goes on.")
        else:
            say(f"{run.name} is new and goes on from {before.name}.")
    return DONE


def remove(options: Options, runs: Sequence[str], *, yes: bool) -> int:
    database = options.open_database()
    found = _find(database, runs, control.check_removable)
    if not yes:
        names = ", ".join(str(run.name) for run in found)
        if options.json or not (sys.stdin.isatty() and is_terminal(sys.stderr)):
            raise RequestError(f"Nobody can be asked here: `aetui rm --yes` deletes {names} without a question.")
        if not typer.confirm(f"Delete {names}?", err=True):
            note("Nothing is deleted.")
            return DONE
    return _apply(
        options, database, found, control.remove, lambda run: f"{run.name} is deleted; `aetui restore` brings it back."
    )


def restore(options: Options, runs: Sequence[str]) -> int:
    database = options.open_database()
    found = [listing.run(database, name) for name in _names(runs)]
    for run in found:
        control.check_restorable(run)
    return _apply(options, database, found, control.restore, lambda run: f"{run.name} is back.")


def _names(texts: Sequence[str]) -> list[RunName]:
    """Each once."""
    return list(dict.fromkeys(RunName.parse(text) for text in texts))


def _find(database: Database, texts: Sequence[str], check: Callable[[Run], None]) -> list[Run]:
    """The runs of those names, all checked.

    Raises:
        RequestError: a name is no run's, or ``check`` refuses one.
    """
    found = [control.present(database, name) for name in _names(texts)]
    for run in found:
        check(run)
    return found


def _apply(
    options: Options,
    database: Database,
    runs: Sequence[Run],
    change: Callable[[Database, RunName], None],
    told: Callable[[Run], str],
) -> int:
    for run in runs:
        change(database, run.name)
    changed = [listing.run(database, run.name) for run in runs]
    if options.json:
        print_json([run.as_json() for run in changed])
    else:
        for run in changed:
            say(told(run))
    return DONE


def _told_of_stop(run: Run) -> str:
    if run.state.is_finished:
        return f"{run.name} is {run.state}."
    return f"{run.name} finishes its epoch and stops; `aetui resume {run.name}` goes on later."


def _told_of_pause(run: Run) -> str:
    return f"{run.name} is {'held' if run.state is RunState.HELD else 'paused'}; `aetui resume {run.name}` goes on."
