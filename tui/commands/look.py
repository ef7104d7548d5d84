"""``ls``, ``show`` and ``logs``: look, and change nothing."""

import sys
import time
from pathlib import Path

from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName, check_name
from store.records import Run, RunState
from tui.commands.errors import DONE
from tui.commands.fetching import Fetching
from tui.commands.options import Options
from tui.commands.output import note, print_json, print_table, printable, say
from tui.look import duration_text, number_text

_POLL_S = 0.5


def list_experiments(options: Options) -> int:
    # A fresh root holds no experiments; that is no error.
    found = [] if options.is_fresh() else listing.experiments(options.open_database())
    if options.json:
        print_json([experiment.as_json() for experiment in found])
        return DONE
    if not found:
        note("There are no experiments yet: `aetui run cae` begins one.")
        return DONE
    print_table(
        ("experiment", "kind", "data set", "runs", "states", "best"),
        [
            (
                experiment.experiment,
                experiment.kind,
                experiment.dataset,
                str(experiment.num_runs),
                ", ".join(f"{count} {state}" for state, count in experiment.states.items()),
                number_text(experiment.best),
            )
            for experiment in found
        ],
        right=("runs", "best"),
    )
    return DONE


def list_runs(options: Options, experiment: str) -> int:
    database = options.open_database()
    listing.experiment(database, check_name(experiment))
    found = listing.runs(database, experiment)
    if options.json:
        print_json([run.as_json() for run in found])
        return DONE
    print_table(
        ("run", "state", "epoch", "value", "test mse", "seed", "time", "device", "host"),
        [
            (
                str(run.name),
                str(run.state),
                f"{run.epoch}/{run.epochs}",
                number_text(run.value if run.value is not None else run.last_value),
                number_text(run.test.get("mse")),
                str(run.seed),
                duration_text(run.duration_s),
                run.device,
                run.host or "-",
            )
            for run in found
        ],
        right=("epoch", "value", "test mse", "seed", "time"),
    )
    return DONE


def show_run(options: Options, text: str) -> int:
    database = options.open_database()
    run = find_run(database, text)
    if options.json:
        print_json(run.as_json())
        return DONE
    from tui.commands.pictures import print_pictures  # numpy, plotext: not for JSON

    say(f"{run.name}: {run.kind} on {printable(run.dataset)}, {run.state}, epoch {run.epoch} of {run.epochs}")
    if run.reason:
        say(f"reason    {printable(run.reason)}")
    if run.tags:
        say(f"tags      {printable(', '.join(run.tags))}")
    if run.note:
        say(f"note      {printable(run.note)}")
    say(f"value     {number_text(run.value)} (validation error of the best epoch; last {number_text(run.last_value)})")
    if run.test:
        say(f"test      {figures_text(run)}")
    say(f"settings  {', '.join(f'{key}={printable(str(value))}' for key, value in run.params.items())}")
    say(f"numbers   seed {run.seed}, threads {run.threads}, device {run.device}, attempt {run.attempt}")
    say(f"time      {duration_text(run.duration_s)} on {run.host or '-'}")
    say(f"folder    {printable(run.directory)}")
    Fetching(database).fetch([run])
    print_pictures(run, database.root.run(run.name))
    return DONE


def show_log(options: Options, text: str, *, follow: bool) -> int:
    if follow and options.json:
        raise RequestError(
            "`aetui logs --follow` has no end to make one JSON document of: leave out --json or --follow."
        )
    database = options.open_database()
    run = find_run(database, text)
    path, fetching = database.root.run(run.name).log, Fetching(database)
    fetching.look(run)
    if options.json:
        print_json({"run": str(run.name), "log": path.read_text(errors="replace") if path.is_file() else ""})
        return DONE
    if not path.is_file() and not follow:
        note(f"{run.name} has no log yet: it is {run.state}.")
        return DONE
    offset = 0
    while True:
        # The state first: what a run writes before it ends is then certain to be read.
        has_ended = run.state.is_finished or run.deleted or run.state in (RunState.PAUSED, RunState.HELD)
        fetching.look(run)
        offset = _print_from(path, offset)
        if has_ended or not follow:
            return DONE
        time.sleep(_POLL_S)
        run = listing.run(database, run.name)


def find_run(database: Database, text: str) -> Run:
    """The run of that name.

    Raises:
        RequestError: there is none, or it is deleted.
    """
    run = listing.run(database, RunName.parse(text))
    if run.deleted:
        raise RequestError(f"{run.name} is deleted: `aetui restore {run.name}` brings it back.")
    return run


def figures_text(run: Run) -> str:
    """``mse 0.0173, psnr 17.6``."""
    return ", ".join(f"{key} {number_text(value)}" for key, value in run.test.items())


def _print_from(path: Path, offset: int) -> int:
    """Print the whole lines behind ``offset`` (of a file begun anew: all); returns where they end."""
    if not path.is_file():
        return offset
    with path.open("rb") as file:
        if file.seek(0, 2) < offset:
            offset = 0
        file.seek(offset)
        new = file.read()
    whole = new[: new.rfind(b"\n") + 1]
    for line in whole.decode(errors="replace").splitlines():
        say(printable(line))
    sys.stdout.flush()
    return offset + len(whole)
