"""What differs between runs: a row for each setting and result that is not the same in all of them. Pure functions."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from store.records import Run
from tui.look import duration_text, number_text, printable

_LOWER_IS_BETTER = {"error", "mse", "loss"}
_HIGHER_IS_BETTER = {
    *("psnr", "ssim", "accuracy", "elbo", "iwae"),
    *("knn_accuracy", "linear_probe_accuracy", "silhouette", "trustworthiness"),
}
_LATENT = "latent_"
"""What the names of figures of the codes begin with (``store.results.add_latent``)."""
BEST = "*"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """``values``: one for each run, None where it has none. ``best``: which of them are the best, where one can tell.

    ``relative``: how far the second of two runs lies from the first, as a share of that.
    """

    name: str
    values: tuple[Any, ...]
    best: frozenset[int] = frozenset()
    relative: float | None = None


@dataclass(frozen=True, kw_only=True)
class Differences:
    """By section, those with rows alone. ``num_same``: how many rows were left out."""

    sections: Mapping[str, tuple[Difference, ...]]
    num_same: int


def shown(row: Difference, at: int) -> str:
    """The value of the run ``at``, marked where it is the best."""
    value = row.values[at]
    if value is None:
        return "-"
    if row.name == "seconds":
        return duration_text(value)
    word = ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
    text = number_text(value) if isinstance(value, float) else printable(word)
    return text + BEST if at in row.best else text


def shown_change(share: float) -> str:
    """``relative`` of a difference in percent."""
    percent = 100 * share
    return f"{percent:+.0f} %" if abs(percent) >= 100 else f"{percent:+.1f} %"


def differences(runs: Sequence[Run]) -> Differences:
    """Of two or more ``runs``."""
    sections: dict[str, tuple[Difference, ...]] = {}
    num_same = 0
    for title, rows_of in (("settings", _settings), ("results", _results), ("notes", notes_of)):
        rows = [rows_of(run) for run in runs]
        found = []
        for name in dict.fromkeys(name for row in rows for name in row):
            values = tuple(row.get(name) for row in rows)
            if all(value == values[0] for value in values):
                num_same += 1
            else:
                found.append(_difference(name, values, is_result=title == "results"))
        if found:
            sections[title] = tuple(found)
    return Differences(sections=sections, num_same=num_same)


def _settings(run: Run) -> Mapping[str, Any]:
    head = {"kind": run.kind, "dataset": run.dataset, "epochs": run.epochs, "seed": run.seed, "threads": run.threads}
    return {**head, **run.params}


def _results(run: Run) -> Mapping[str, Any]:
    return {
        "state": str(run.state),
        "error": run.value if run.value is not None else run.last_value,
        "epochs done": run.epoch,
        **{f"test {name}": value for name, value in run.test.items()},
        **{name: value for name, value in run.user_attrs.items() if _is_quality(name)},
        "seconds": round(run.duration_s),
        "device": run.device,
    }


def notes_of(run: Run) -> Mapping[str, Any]:
    """The user attributes that say more than settings and results do (which stand there for other tools)."""
    known = {"seed", *run.params, *(f"test_{name}" for name in run.test)}
    return {name: value for name, value in run.user_attrs.items() if name not in known and not _is_quality(name)}


def _is_quality(name: str) -> bool:
    return name.startswith(_LATENT) and name.removeprefix(_LATENT) in _HIGHER_IS_BETTER


def _difference(name: str, values: tuple[Any, ...], *, is_result: bool) -> Difference:
    numbers = [(at, float(value)) for at, value in enumerate(values) if _is_number(value)]
    best: frozenset[int] = frozenset()
    pick = _better(name) if is_result else None
    if pick is not None and len(numbers) > 1:
        top = pick(value for _, value in numbers)
        best = frozenset(at for at, value in numbers if value == top)
    relative = None
    if len(values) == len(numbers) == 2 and numbers[0][1]:
        relative = (numbers[1][1] - numbers[0][1]) / abs(numbers[0][1])
    return Difference(name=name, values=values, best=best, relative=relative)


def _better(name: str) -> Callable[[Iterator[float]], float] | None:
    figure = name.removeprefix("test ").removeprefix(_LATENT).partition("@")[0]
    if figure in _LOWER_IS_BETTER:
        return min
    return max if figure in _HIGHER_IS_BETTER else None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
