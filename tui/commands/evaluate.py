"""``aetui evaluate``: a run's test figures, clean and under noise, from a helper process."""

from collections.abc import Mapping, Sequence
from typing import Any

from engine.noise import Noise
from store.errors import RequestError
from store.names import RunName
from store.records import RunState
from tui.commands.errors import DONE
from tui.commands.helper import ask
from tui.commands.look import find_run
from tui.commands.options import Options
from tui.commands.output import print_json, print_table, printable, say
from tui.look import number_text


def evaluate(options: Options, text: str, *, noise: Sequence[str], draws: int, iwae: int) -> int:
    for each in noise:
        Noise.parse(each)
    database = options.open_database()
    run = find_run(database, text)
    if run.state is not RunState.COMPLETE:
        raise RequestError(f"{run.name} is {run.state}: only a complete run has test figures.")
    if iwae and run.kind != "vae":
        raise RequestError(f"{run.name} is a {run.kind}: only a vae has an importance-weighted likelihood.")
    if not database.root.run(run.name).best.is_file():
        raise RequestError(f"{run.name} has no checkpoint of its best epoch any more.")
    arguments = [str(run.name), *(f"--noise={each}" for each in noise), f"--draws={draws}"]
    if iwae:
        arguments.append(f"--iwae={iwae}")
    says = f"{run.name} is measured on the test images of {run.dataset}"
    figures = ask(database, "engine.analysis.evaluate", arguments, says=says, data_dir=options.data_dir)
    if options.json:
        print_json({"run": str(run.name), **figures})
    else:
        _print_figures(run.name, figures)
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
