"""``aetui evaluate``: a run's test figures, clean and under noise, from a helper process."""

import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from store.errors import RequestError
from store.names import RunName
from tui.commands.errors import DONE
from tui.commands.helper import ask
from tui.commands.look import find_run
from tui.commands.options import Options
from tui.commands.output import console, print_json, print_table, printable, say
from tui.look import Look, number_text
from tui.pictures.strips import strips_text
from tui.requests.measuring import Evaluation

_WIDTH = 100


def evaluate(
    options: Options, text: str, *, noise: Sequence[str], draws: int, iwae: int, has_pictures: bool = False
) -> int:
    wanted = Evaluation(noise=noise, draws=draws, iwae=iwae)
    database = options.open_database()
    run = find_run(database, text)
    if has_pictures and not noise:
        raise RequestError("--pictures shows what noise does: name some with --noise, like gaussian:0.1,0.3.")
    if has_pictures and run.kind == "classifier":
        raise RequestError(f"{run.name} is a classifier: it makes no pictures.")
    says, arguments = wanted.says(run), wanted.arguments(run, wanted.check(database, run))
    figures = ask(database, wanted.module, arguments, says=says, data_dir=options.data_dir)
    if options.json:
        print_json({"run": str(run.name), **figures})
    else:
        _print_figures(run.name, figures)
        if has_pictures:
            _print_pictures(database.root.run(run.name).noisy)
    return DONE


def _print_figures(name: RunName, figures: Mapping[str, Any]) -> None:
    spread = figures.get("spread", {})
    plain = {key: value for key, value in figures.items() if isinstance(value, int | float)}
    say(f"{name} on the test images")
    print_table(
        ("figure", "value", "spread"),
        [
            (printable(key), number_text(value), number_text(spread[key]) if key in spread else "")
            for key, value in plain.items()
        ],
        right=("value", "spread"),
    )
    if by_class := figures.get("mse_by_class"):
        print()
        print_table(
            ("class", "mse"), [(str(key), number_text(value)) for key, value in by_class.items()], right=("mse",)
        )
    if by_unit := figures.get("kl_by_unit"):
        print()
        print_table(
            ("unit", "kl", "deviation over the data"),
            [
                (str(unit), number_text(kl), number_text(deviation))
                for unit, (kl, deviation) in enumerate(zip(by_unit, figures["unit_std"], strict=True))
            ],
            right=("unit", "kl", "deviation over the data"),
        )
    if confusion := figures.get("confusion"):
        print()
        columns = [str(label) for label in range(len(confusion))]
        rows = [(str(label), *map(str, row)) for label, row in enumerate(confusion)]
        print_table(("true \\ said", *columns), rows, right=columns)


def _print_pictures(file: Path) -> None:
    with np.load(file, allow_pickle=False) as arrays:
        rows = [("clean", arrays["originals"])]
        for noise, inputs, reconstructions in zip(
            arrays["noises"].tolist(), arrays["inputs"], arrays["reconstructions"], strict=True
        ):
            rows += [(noise, inputs), ("reconstructed", reconstructions)]
    width = min(_WIDTH, shutil.get_terminal_size().columns) if sys.stdout.isatty() else _WIDTH
    print()
    console(sys.stdout).print(strips_text(rows, width, Look.of()))
