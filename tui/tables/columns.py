"""Which columns a table of runs has, and how wide they are. Any field that the filter knows can be one."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from rich.cells import cell_len

from store.records import Run
from tui.look import duration_text, number_text, printable
from tui.tables.filtering import field_name, run_field
from tui.tables.sorting import shown_word

ALWAYS = ("number", "state")
USUAL = ("epoch", "value", "latent_dim", "tags", "lr", "optimizer", "time", "note")
"""Where nobody chose any; tags and notes as soon as there are some."""
WRITTEN = ("tags", "note")
_TITLES = {
    "value": "error",
    "latent_dim": "dim",
    "optimizer": "optim",
    "latent_knn_accuracy": "knn",
    "latent_linear_probe_accuracy": "probe",
    "latent_silhouette": "silhouette",
    "latent_trustworthiness": "trust",
}
_WIDTHS = {"epoch": 7, "value": 8, "latent_dim": 4, "lr": 7, "optimizer": 7, "time": 6}
_LONG = {"tags": 9, "note": 12, "reason": 12}  # they share what is left, so much at the least
LONGEST_TITLE = 12
_LEAST, _MOST = 5, 16
_SAMPLE = 40  # runs whose values are looked at


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """``width`` 0: what the others leave."""

    name: str
    title: str
    width: int
    is_right: bool

    @property
    def room(self) -> int:
        """How wide it is at the least."""
        return self.width or _LONG[self.name]


def usual(runs: Sequence[Run]) -> tuple[str, ...]:
    absent = {name for name in WRITTEN if not any(name in run.user_attrs for run in runs)}
    return tuple(name for name in USUAL if name not in absent)


def fields(names: Sequence[str], runs: Sequence[Run]) -> list[Field]:
    """Columns for ``names``, as wide as the values that some of ``runs`` have."""
    sample = runs[:: max(1, len(runs) // _SAMPLE)]
    return [_field(name, sample) for name in names]


def _field(name: str, sample: Sequence[Run]) -> Field:
    title = printable(_TITLES.get(name, name))
    values = [value for run in sample if (value := run_field(name)(run)) is not None]
    is_right = name in ("epoch", "time") or all(_is_number(value) for value in values)
    if name in _LONG:
        return Field(name=name, title=title, width=0, is_right=False)
    width = _WIDTHS.get(name)
    if width is None:
        widest = max((cell_len(shown_field(name, value)) for value in values), default=0)
        width = max(_LEAST, min(_MOST, max(widest, min(len(title), LONGEST_TITLE))))
    return Field(name=name, title=title, width=width, is_right=is_right)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def cell_of(name: str) -> Callable[[Run], str]:
    """What a run's cell in that column shows."""
    if name == "epoch":
        return lambda run: f"{run.epoch}/{run.epochs}"
    get = run_field(name)
    return lambda run: shown_field(name, get(run))


def shown_field(name: str, value: Any) -> str:
    if value is None:
        return ""
    if name == "time":
        return duration_text(value)
    if isinstance(value, float):
        return _short(value, _WIDTHS.get(name, 8))
    return printable("yes" if value is True else shown_word(value))


def _short(value: float, width: int) -> str:
    """With as many digits as there is room for, four at the most."""
    texts = (number_text(value), f"{value:.3g}", f"{value:.2g}")
    return next((text for text in texts if len(text) <= width), texts[-1])


def needed_widths(columns: Sequence[Field], first: str, before: int) -> Mapping[str, int]:
    """How wide a table must be for each of ``columns``, of which the first are the last to go.

    ``before``: what stands in front of them. ``first``: the one that is there whatever else is.
    """
    widths: dict[str, int] = {}
    taken = before
    for column in sorted(columns, key=lambda column: column.name != first):
        taken += column.room + 1
        widths[column.name] = 0 if column.name == first else taken - 1  # no blank behind the last
    return widths


def readable(names: Sequence[str]) -> tuple[str, ...]:
    """``names`` as the fields are called, each once, without those that are there always."""
    return tuple(dict.fromkeys(name for each in names if (name := field_name(each)) not in ALWAYS))
