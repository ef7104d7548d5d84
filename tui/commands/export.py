"""``aetui export``: figures, tables, data and models, by helper processes."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from store.database import Database
from store.errors import RequestError
from store.user_paths import user_path
from tui.commands.errors import DONE
from tui.commands.helper import ask
from tui.commands.look import find_run
from tui.commands.options import Options
from tui.commands.output import console, is_terminal, note, print_json, printable, say
from tui.helpers.process import lines_of
from tui.requests.exporting import MODULE, Export


class _Shows(Protocol):
    def __call__(self, done: int, total: int, says: str) -> None: ...


def export(options: Options, wanted: Export, model: Path | None) -> int:
    """``model``: where encoder and decoder of the one run go that is named.

    Raises:
        RequestError: something that is named is not there, or cannot be written.
        HelperFailed: a helper process failed.
    """
    database = options.open_database()
    told: dict[str, Any] = {}
    if model is not None:
        told["model"] = _export_model(options, database, wanted.names, model)
    if wanted.formats or wanted.data or wanted.tensorboard:
        told |= _export(options, database, wanted)
    if options.json:
        print_json(told)
        return DONE
    if "model" in told:
        _say_model(told["model"])
    if "figures" in told:
        _say_export(told, wanted)
    return DONE


def _export(options: Options, database: Database, wanted: Export) -> dict[str, Any]:
    told: dict[str, Any] = {}
    with _progress() as show:
        for line in lines_of(database, MODULE, wanted.arguments(), options.data_dir):
            if "manifest" in line:
                told = {"out": str(wanted.out), **line["manifest"]}
            else:
                show(line["done"], line["total"], line["says"])
    return told


def _export_model(options: Options, database: Database, names: Sequence[str], folder: Path) -> dict[str, Any]:
    if len(names) != 1:
        raise RequestError("--model takes the one run whose model it is: `aetui export RUN --model DIR`.")
    run = find_run(database, names[0])
    arguments = [str(run.name), "--out", str(user_path(folder).absolute())]
    says = f"Writing the model of {run.name} and checking it against the original."
    module = "engine.export.model.process"
    answer: dict[str, Any] = ask(database, module, arguments, says=says, data_dir=options.data_dir)
    return answer


class _Beginning:
    """Says once that it has begun, where nothing can be drawn over."""

    def __init__(self) -> None:
        self._is_told = False

    def __call__(self, done: int, total: int, says: str) -> None:
        if not self._is_told:
            note("Exporting.")
            self._is_told = True


@contextmanager
def _progress() -> Iterator[_Shows]:
    if not is_terminal(sys.stderr):
        yield _Beginning()
        return
    columns = (
        TextColumn("exporting"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.description}"),
    )
    with Progress(*columns, console=console(sys.stderr), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, total, says: bars.update(task, completed=done, total=total, description=printable(says))


def _say_export(told: Mapping[str, Any], wanted: Export) -> None:
    out = printable(str(wanted.out))
    if wanted.formats:
        say(f"{len(told['figures'])} figures are in {out}; report.html there shows all of them.")
    if wanted.data:
        say(f"runs, curves and codes are in {out} as {', '.join(wanted.data)}.")
    if wanted.tensorboard is not None:
        say(f"`tensorboard --logdir {printable(str(wanted.tensorboard))}` shows the runs.")
    # What an experiment lacks is what the study lacks, mostly.
    reasons = {(each["figure"], each["reason"], each["command"]): None for each in told["missing"]}
    figures: dict[str, tuple[str, str]] = {}
    for figure, reason, command in reasons:
        figures.setdefault(figure, (reason, command))
    for figure, (reason, command) in figures.items():
        say(f"not yet: {figure}, {printable(reason)}" + (f": `{printable(command)}`" if command else ""))


def _say_model(told: Mapping[str, Any]) -> None:
    for name, file in told["files"].items():
        say(f"{name:<16} {file['bytes'] / 1000:8.0f} kB   largest difference {file['largest_difference']:.1e}")
    if told.get("missing"):
        say(printable(str(told["missing"])))
    say(f"They are in {printable(str(told['folder']))}; model.json there says what goes in and what comes out.")
