"""The language of the filter line: which rows it lets through, and how what is typed may go on. Pure functions.

Words, all of which a row must hold (in any order, whatever their case); ``|`` between alternatives; ``!`` before what
must not be. ``field:word`` looks in one field, ``=`` ``!=`` ``<`` ``<=`` ``>`` ``>=`` compare it, ``has:field`` asks
whether it is there at all; ``"two words"`` are one. What names no field is looked for as it stands.
"""

import functools
import itertools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from store.records import Experiment, Run

_TERM = re.compile(r'(!?)((?:[^\s|"]|"[^"]*"?)+)')
_COMPARISON = re.compile(r"([A-Za-z_][\w.@]*)(:|!=|<=|>=|=|<|>)(.*)", re.DOTALL)
_LONGEST_CHOICE = 40
_MOST_TEXTS = 100_000

Row = TypeVar("Row")
Test = Callable[[Row], bool]
Text = Callable[[Row], str]
"""All that a row says, in lower case."""
Fields = Callable[[str], Callable[[Row], Any]]
"""How to get the value of a field that is called so; None: a row has none."""


def compiled(words: str, fields: Fields[Row], text: Text[Row]) -> Test[Row]:
    """The test that lets rows through which ``words`` describe; without a word, all."""
    alternatives = [tests for part in words.split("|") if (tests := _tests(part, fields, text))]
    if not alternatives:
        return lambda row: True
    if len(alternatives) == 1:
        return _all_of(alternatives[0])
    either = [_all_of(tests) for tests in alternatives]
    return lambda row: any(test(row) for test in either)


def _all_of(tests: list[Test[Row]]) -> Test[Row]:
    if len(tests) == 1:
        return tests[0]

    def test_all(row: Row) -> bool:
        for test in tests:  # noqa: SIM110 - all() makes a generator for every row
            if not test(row):
                return False
        return True

    return test_all


def _tests(part: str, fields: Fields[Row], text: Text[Row]) -> list[Test[Row]]:
    return [_term(word, bool(negation), fields, text) for negation, word in _TERM.findall(part) if word]


def _term(word: str, is_not: bool, fields: Fields[Row], text: Text[Row]) -> Test[Row]:
    test = _atom(word, fields, text)
    return (lambda row: not test(row)) if is_not else test


def _atom(word: str, fields: Fields[Row], text: Text[Row]) -> Test[Row]:
    plain = word.replace('"', "").lower()
    found = _COMPARISON.fullmatch(word)
    if found is None:
        return lambda row: plain in text(row)
    name, operator_, wanted = found[1].lower(), found[2], found[3].replace('"', "").lower()
    if name == "has" and operator_ == ":":
        has = fields(wanted)
        return lambda row: has(row) not in (None, "", ())
    if not wanted:
        return lambda row: True  # still being typed
    get, compare = fields(name), _comparison(operator_, wanted)

    def test(row: Row) -> bool:
        value = get(row)
        if value is None:
            return operator_ == "!=" or (operator_ == ":" and plain in text(row))
        if isinstance(value, tuple):
            return all(map(compare, value)) if operator_ == "!=" else any(map(compare, value))
        return compare(value)

    return test


_ORDERS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "=": operator.eq,
    "!=": operator.ne,
}


def _comparison(sign: str, wanted: str) -> Callable[[Any], bool]:
    number = _number(wanted)
    order = _ORDERS.get(sign)

    @functools.lru_cache(maxsize=1000)  # words are few among 50,000 runs, as numbers are not
    def compare_word(value: str) -> bool:
        text = value.lower()
        if sign == ":":
            return wanted in text
        mine = _number(text)
        if order is not None and mine is not None and number is not None:
            return order(mine, number)
        return sign in ("=", "!=") and (text == wanted) == (sign == "=")

    def compare(value: Any) -> bool:
        if order is not None and number is not None and isinstance(value, int | float) and not isinstance(value, bool):
            return order(value, number)
        return compare_word(str(value))

    return compare


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def experiments_like(words: str) -> Test[Experiment]:
    return compiled(words, _experiment_field, _experiment_text)


def _experiment_text(found: Experiment) -> str:
    return f"{found.experiment} {found.kind} {found.dataset}".lower()


def _experiment_field(name: str) -> Callable[[Experiment], Any]:
    match name:
        case "experiment" | "name":
            return operator.attrgetter("experiment")
        case "kind" | "dataset" | "best":
            return operator.attrgetter(name)
        case "runs":
            return operator.attrgetter("num_runs")
        case "state":
            return lambda found: " ".join(str(state) for state, count in found.states.items() if count)
    return lambda found: None


_RUN_FIELDS = ("kind", "dataset", "state", "epoch", "epochs", "seed", "threads", "attempt", "device", "host", "reason")
_ALIASES = {
    "val": "value",
    "error": "value",
    "dim": "latent_dim",
    "optim": "optimizer",
    "run": "number",
    "tag": "tags",
}


def field_name(name: str) -> str:
    """The field of a run that is called ``name`` for short."""
    return _ALIASES.get(name.lower(), name.lower())


def run_text(run: Run) -> str:
    """All that is known of a run, in lower case."""
    described = run.user_attrs
    if not run.params.keys() <= described.keys():
        described = {**run.params, **described}
    return f"{run.name} {run.state} {run.kind} {run.dataset} {run.reason or ''} {described}".lower()


@functools.lru_cache(maxsize=256)
def run_field(name: str) -> Callable[[Run], Any]:
    """How to get the field of a run that is called ``name``, also for short; None where a run has none."""
    name = field_name(name)
    match name:
        case "value":
            return lambda run: run.last_value if run.value is None else run.value
        case "number":
            return lambda run: run.name.number
        case "experiment":
            return lambda run: run.name.experiment
        case "time":
            return lambda run: run.duration_s or None
        case "locked":
            return lambda run: True if run.locked else None
        case "tags":
            return lambda run: run.tags or run.user_attrs.get("tag")
        case _ if name in _RUN_FIELDS:
            return operator.attrgetter(name)
    figure = name.removeprefix("test_")

    def get(run: Run) -> Any:
        if name in run.params:
            return run.params[name]
        if name in run.user_attrs:
            return run.user_attrs[name]
        return run.test.get(figure)

    return get


class RunFilter:
    """Which runs ``words`` let through. Asked again of runs of which few have changed, it remembers the others."""

    def __init__(self) -> None:
        self.words = ""
        self._texts: dict[int, tuple[Run, str]] = {}
        self._asked: Sequence[Run] = ()
        self._verdicts: list[bool] = []
        self._test: Test[Run] = lambda run: True

    def look_for(self, words: str) -> None:
        if words == self.words:
            return
        self.words, self._asked = words, ()
        self._test = compiled(words, run_field, self._text)
        if len(self._texts) > _MOST_TEXTS:
            self._texts = {}

    def let_through(self, runs: Sequence[Run]) -> Sequence[Run]:
        if not self.words:
            return runs
        if len(runs) == len(self._asked):
            known = zip(runs, self._asked, self._verdicts, strict=True)
            self._verdicts = [verdict if run is before else self._test(run) for run, before, verdict in known]
        else:
            self._verdicts = list(map(self._test, runs))
        self._asked = runs
        return list(itertools.compress(runs, self._verdicts))

    def prepare(self, runs: Iterable[Run]) -> None:
        """Make the texts of ``runs`` in which plain words are looked for."""
        for run in runs:
            self._text(run)

    def _text(self, run: Run) -> str:
        known = self._texts.get(run.trial_id)
        if known is not None and known[0] is run:
            return known[1]
        text = run_text(run)
        self._texts[run.trial_id] = run, text
        return text


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
    values = [*choices, "tag"] if name == "has" else choices.get(field_name(name), ())
    if not begun or operator not in (":", "=", "!="):
        return None
    value = next((value for value in sorted(values) if value.lower().startswith(begun.lower())), None)
    return None if value is None or value == begun else text[: -len(begun)] + value


def choices_of_runs(runs: Iterable[Run]) -> dict[str, set[str]]:
    """The fields that ``runs`` have, and the values of those that are words."""
    names = (*_RUN_FIELDS, "value", "number", "time", "locked", "tags", "note")
    found: dict[str, set[str]] = {name: set() for name in names}
    for run in runs:
        found["tags"].update(run.tags)
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
