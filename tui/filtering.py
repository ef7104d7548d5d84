"""The language of the filter line: which rows it lets through, and how what is typed may go on. Pure functions.

Words, all of which a row must hold (in any order, whatever their case); ``|`` between alternatives; ``!`` before what
must not be. ``field:word`` looks in one field, ``=`` ``!=`` ``<`` ``<=`` ``>`` ``>=`` compare it, ``has:field`` asks
whether it is there at all; ``"two words"`` are one. What names no field is looked for as it stands.
"""

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from store.records import Experiment, Run

_TERM = re.compile(r'(!?)((?:[^\s|"]|"[^"]*"?)+)')
_COMPARISON = re.compile(r"([A-Za-z_][\w.]*)(:|!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_LONGEST_CHOICE = 40


class Row(Protocol):
    """What is filtered: its whole text, and the value of a field (None: it has none)."""

    def text(self) -> str: ...

    def field(self, name: str) -> Any: ...


Test = Callable[[Row], bool]


@functools.lru_cache(maxsize=64)
def compiled(words: str) -> Test:
    """The test that lets rows through which ``words`` describe; without a word, all."""
    alternatives = [tests for part in words.split("|") if (tests := _tests(part))]
    if not alternatives:
        return lambda row: True
    return lambda row: any(all(test(row) for test in tests) for tests in alternatives)


def _tests(part: str) -> list[Test]:
    return [_term(word, is_not=bool(negation)) for negation, word in _TERM.findall(part) if word]


def _term(word: str, *, is_not: bool) -> Test:
    test = _atom(word)
    return (lambda row: not test(row)) if is_not else test


def _atom(word: str) -> Test:
    plain = word.replace('"', "").lower()
    found = _COMPARISON.fullmatch(word)
    if found is None:
        return lambda row: plain in row.text().lower()
    name, operator, wanted = found[1].lower(), found[2], found[3].replace('"', "").lower()
    if name == "has" and operator == ":":
        return lambda row: row.field(wanted) not in (None, "")
    if not wanted:
        return lambda row: True  # still being typed
    compare = _comparison(operator, wanted)

    def test(row: Row) -> bool:
        value = row.field(name)
        if value is None:
            return operator == "!=" or (operator == ":" and plain in row.text().lower())
        return compare(value)

    return test


def _comparison(operator: str, wanted: str) -> Callable[[Any], bool]:
    number = _number(wanted)

    def compare(value: Any) -> bool:
        text = str(value).lower()
        mine = _number(text)
        match operator:
            case ":":
                return wanted in text
            case "=" | "!=":
                is_same = mine == number if mine is not None and number is not None else text == wanted
                return is_same == (operator == "=")
        if mine is None or number is None:
            return False
        return {"<": mine < number, "<=": mine <= number, ">": mine > number, ">=": mine >= number}[operator]

    return compare


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


@dataclass(frozen=True, slots=True)
class ExperimentRow:
    experiment: Experiment

    def text(self) -> str:
        return f"{self.experiment.experiment} {self.experiment.kind} {self.experiment.dataset}"

    def field(self, name: str) -> Any:
        found = self.experiment
        match name:
            case "experiment" | "name":
                return found.experiment
            case "kind" | "dataset" | "best":
                return getattr(found, name)
            case "runs":
                return found.num_runs
            case "state":
                return " ".join(str(state) for state, count in found.states.items() if count)
        return None


_RUN_FIELDS = ("kind", "dataset", "state", "epoch", "epochs", "seed", "threads", "attempt", "device", "host", "reason")
_ALIASES = {"val": "value", "error": "value", "dim": "latent_dim", "optim": "optimizer", "run": "number"}


def field_name(name: str) -> str:
    """The field of a run that is called ``name`` for short."""
    return _ALIASES.get(name.lower(), name.lower())


@dataclass(frozen=True, slots=True)
class RunRow:
    run: Run

    def text(self) -> str:
        run = self.run
        settings = " ".join(f"{key}={value}" for key, value in run.params.items())
        notes = " ".join(f"{key}={value}" for key, value in run.user_attrs.items())
        return f"{run.name} {run.state} {run.kind} {run.dataset} {settings} {notes} {run.reason or ''}"

    def field(self, name: str) -> Any:
        run, name = self.run, field_name(name)
        match name:
            case "value":
                return run.value if run.value is not None else run.last_value
            case "number":
                return run.name.number
            case "experiment":
                return run.name.experiment
            case "time":
                return run.duration_s or None
            case "locked":
                return True if run.locked else None
            case _ if name in _RUN_FIELDS:
                return getattr(run, name)
        for found in (run.params, run.user_attrs):
            if name in found:
                return found[name]
        return run.test.get(name.removeprefix("test_"))


def completion(text: str, choices: Mapping[str, Iterable[str]]) -> str | None:
    """How ``text`` may go on: the last word as a field, or as one of the field's values; None where nothing fits.

    ``choices``: field -> the values it is known to have.
    """
    last = re.split(r"[\s|]", text)[-1].removeprefix("!")
    if not last:
        return None
    name, operator, begun = last, "", ""
    if found := _COMPARISON.fullmatch(last):
        name, operator, begun = found[1], found[2], found[3]
    if not operator:
        fields = sorted([*choices, "has"])
        field = next((field for field in fields if field.startswith(last.lower()) and field != last.lower()), None)
        return None if field is None else text[: -len(last)] + field
    values = choices if name == "has" else choices.get(field_name(name), ())
    if not begun or operator not in (":", "=", "!="):
        return None
    value = next((value for value in sorted(values) if value.lower().startswith(begun.lower())), None)
    return None if value is None or value == begun else text[: -len(begun)] + value


def choices_of_runs(runs: Iterable[Run]) -> dict[str, set[str]]:
    """The fields that ``runs`` have, and the values of those that are words."""
    found: dict[str, set[str]] = {name: set() for name in (*_RUN_FIELDS, "value", "number", "time", "locked")}
    for run in runs:
        described = {"kind": run.kind, "dataset": run.dataset, "state": str(run.state), "device": run.device}
        for name, value in {**described, **run.params, **run.user_attrs}.items():
            values = found.setdefault(name, set())
            if isinstance(value, str) and len(value) <= _LONGEST_CHOICE and " " not in value:
                values.add(value)
        for name in run.test:
            found.setdefault(f"test_{name}", set())
    return found


def choices_of_experiments(experiments: Iterable[Experiment]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {name: set() for name in ("experiment", "kind", "dataset", "state", "runs", "best")}
    for experiment in experiments:
        found["experiment"].add(experiment.experiment)
        found["kind"].add(experiment.kind)
        found["dataset"].add(experiment.dataset)
        found["state"] |= {str(state) for state, count in experiment.states.items() if count}
    return found
