"""``aetui latent``: a run's codes in the plane and how well the classes separate, from a helper process."""

import dataclasses
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from store.errors import RequestError
from tui.canvas import scatter_text
from tui.commands.errors import DONE
from tui.commands.helper import ask
from tui.commands.look import find_run
from tui.commands.options import Options
from tui.commands.output import console, is_terminal, print_json, printable, say
from tui.look import Look, number_text

METHODS = ("pca", "tsne", "raw")
SPLITS = ("validation", "test", "train")
_WIDTH, _HEIGHT = 100, 30


def latent(options: Options, text: str, *, method: str, split: str, limit: int, out: Path | None) -> int:
    _check_choice("--method", method, METHODS)
    _check_choice("--split", split, SPLITS)
    database = options.open_database()
    run = find_run(database, text)
    paths = database.root.run(run.name)
    if not (paths.best.is_file() or paths.last.is_file()):
        raise RequestError(f"{run.name} has no checkpoint: no epoch of it was finished.")
    file = (out or paths.folder / f"latent-{split}-{method}.npz").expanduser().absolute()
    if not file.parent.is_dir() or file.is_dir():
        raise RequestError(f"{str(file)!a} cannot be written: name a file in a folder that exists.")
    arguments = [str(run.name), f"--split={split}", f"--method={method}", f"--out={file}"]
    if limit:
        arguments.append(f"--limit={limit}")
    says = f"{run.name}: the {split} images of {run.dataset} are encoded"
    answer = ask(database, "engine.analysis.latent", arguments, says=says, data_dir=options.data_dir)
    figures = {key: value for key, value in answer.items() if isinstance(value, int | float | None)}
    if options.json:
        print_json({"run": str(run.name), "method": method, "split": split, **answer, "file": str(file)})
        return DONE
    _print_scatter(file, f"{run.name} {split} codes, {method}")
    _print_figures(figures)
    say(f"file                   {printable(str(file))}")
    return DONE


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise RequestError(f"{option} {value!r} is not known: take one of {', '.join(choices)}.")


def _print_scatter(file: Path, title: str) -> None:
    with np.load(file, allow_pickle=False) as arrays:
        points, labels = arrays["points"], arrays["labels"]
    points = points.reshape(len(points), -1)
    if points.shape[1] == 1:
        # One dimension: spread over the height, by an even sequence.
        points = np.column_stack([points, np.arange(len(points)) * 0.61803398875 % 1.0])
    look = Look.of()
    if not is_terminal(sys.stdout):
        look = dataclasses.replace(look, has_colour=False)
    width = min(_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _WIDTH
    console(sys.stdout).print(scatter_text(points[:, :2], labels, width, _HEIGHT, look=look, title=title))


def _print_figures(figures: Mapping[str, Any]) -> None:
    for key, value in figures.items():
        say(f"{key.replace('_', ' '):<22} {number_text(value)}")
