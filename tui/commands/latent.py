"""``aetui latent``: a run's codes in the plane and how well the classes separate, from a helper process."""

import dataclasses
import shutil
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tui.canvas import scatter_text
from tui.commands.errors import DONE
from tui.commands.helper import ask
from tui.commands.look import find_run
from tui.commands.options import Options
from tui.commands.output import console, is_terminal, print_json, printable, say
from tui.look import Look, number_text
from tui.requests.measuring import LatentStudy, plain_figures

_WIDTH, _HEIGHT = 100, 30


def latent(options: Options, text: str, wanted: LatentStudy) -> int:
    database = options.open_database()
    run = find_run(database, text)
    file = wanted.check(database, run)
    says, arguments = wanted.says(run), wanted.arguments(run, file)
    answer = ask(database, wanted.module, arguments, says=says, data_dir=options.data_dir)
    if options.json:
        print_json({"run": str(run.name), "method": wanted.method, "split": wanted.split, **answer, "file": str(file)})
        return DONE
    _print_scatter(file, f"{run.name} {wanted.split} codes, {wanted.method}")
    _print_figures(plain_figures(answer))
    say(f"file                   {printable(str(file))}")
    return DONE


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
