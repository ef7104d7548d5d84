"""A search space: which settings a search varies, read from TOML, checked against the kind it is for. Free of torch."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from engine.spec import RunSpec
from store.errors import RequestError
from store.settings_file import load_toml

_FIELDS = {"low", "high", "log", "step", "type", "choices", "when"}


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One setting to vary: between ``low`` and ``high``, or one of ``choices``.

    ``log`` draws evenly in the logarithm; ``is_int`` draws whole numbers; ``when`` names another parameter and the
    value it must have for this one to be drawn at all.
    """

    name: str
    low: float | None = None
    high: float | None = None
    log: bool = False
    step: float | None = None
    is_int: bool = False
    choices: tuple[Any, ...] = ()
    when: tuple[str, Any] | None = None

    @classmethod
    def read(cls, name: str, table: Any) -> Self:
        """Raises RequestError: ``table`` is no description of a parameter."""

        def require(condition: bool, what: str) -> None:
            if not condition:
                raise RequestError(f"The search space's {name!r} {what}.")

        require(isinstance(table, Mapping), "must be a table: low and high, or choices")
        unknown = set(table) - _FIELDS
        require(
            not unknown, f"has {', '.join(sorted(unknown))}, which is not known: it takes {', '.join(sorted(_FIELDS))}"
        )
        when = table.get("when")
        is_condition = isinstance(when, Mapping) and len(when) == 1 and all(map(_is_choice, when.values()))
        require(when is None or is_condition, "needs one NAME = VALUE under when")
        condition = next(iter(when.items())) if when else None
        if "choices" in table:
            require(
                not {"low", "high", "log", "step", "type"} & set(table), "has choices, so no low, high, log, step, type"
            )
            choices = table["choices"]
            require(isinstance(choices, list) and bool(choices), "needs a list of at least one choice")
            require(all(map(_is_choice, choices)), "takes texts and numbers as choices")
            return cls(name=name, choices=tuple(choices), when=condition)
        require({"low", "high"} <= set(table), "needs low and high, or choices")
        low, high, log, step = table["low"], table["high"], table.get("log", False), table.get("step")
        numbers = [number for number in (low, high, step) if number is not None]
        require(all(type(number) in (int, float) for number in numbers), "needs numbers as low, high and step")
        require(low < high, f"is empty: low={low} is not below high={high}")
        require(type(log) is bool, "takes true or false as log")
        require(not log or (low > 0 and step is None), "cannot be log with a low of 0 or less, or with a step")
        require(step is None or step > 0, "needs a step above 0")
        kind = table.get("type", "int" if all(type(number) is int for number in numbers) else "float")
        require(kind in ("int", "float"), "takes int or float as type")
        if kind == "int":
            require(all(map(_is_whole, numbers)), "is of whole numbers, but a bound is not")
        return cls(name=name, low=low, high=high, log=log, step=step, is_int=kind == "int", when=condition)

    @property
    def ends(self) -> tuple[Any, ...]:
        """Values that between them tell whether a run can be made of this parameter."""
        if self.choices:
            return self.choices
        assert self.low is not None
        assert self.high is not None
        return (int(self.low), int(self.high)) if self.is_int else (self.low, self.high)

    def applies(self, chosen: Mapping[str, Any]) -> bool:
        """Whether it is to be drawn, given the parameters before it."""
        return self.when is None or chosen.get(self.when[0]) == self.when[1]


@dataclass(frozen=True, kw_only=True)
class Space:
    """Parameters in the order they are drawn."""

    parameters: tuple[Parameter, ...]

    @classmethod
    def read(cls, table: Mapping[str, Any]) -> Self:
        """Raises RequestError: it describes no space."""
        if not table:
            raise RequestError("The search space is empty: name at least one setting, as [lr] with low and high.")
        parameters = tuple(Parameter.read(name, described) for name, described in table.items())
        before: set[str] = set()
        for parameter in parameters:
            if parameter.when is not None and parameter.when[0] not in before:
                raise RequestError(
                    f"The search space's {parameter.name!r} depends on {parameter.when[0]!r}: put that before it."
                )
            before.add(parameter.name)
        return cls(parameters=parameters)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a TOML file, a table a setting.

        Raises:
            RequestError: it cannot be read, or describes no space.
        """
        return cls.read(load_toml(path, f"The search space {str(path)!a}"))

    @classmethod
    def from_json(cls, data: Sequence[Mapping[str, Any]]) -> Self:
        """What `as_json` wrote."""
        return cls(
            parameters=tuple(
                Parameter(
                    **{
                        **entry,
                        "choices": tuple(entry["choices"]),
                        "when": tuple(entry["when"]) if entry["when"] else None,
                    }
                )
                for entry in data
            )
        )

    def as_json(self) -> list[dict[str, Any]]:
        return [asdict(parameter) for parameter in self.parameters]

    def check(self, spec: RunSpec) -> None:
        """Raises RequestError: a parameter is no setting of ``spec``'s kind, or reaches values it does not take."""
        for parameter in self.parameters:
            for value in parameter.ends:
                spec.with_settings({parameter.name: value})


def _is_choice(value: object) -> bool:
    return isinstance(value, str | int | float)


def _is_whole(number: float) -> bool:
    return isinstance(number, int) or number.is_integer()


def reference_space() -> Space:
    """The space of the reference study: optimizer, learning rate, weight decay, fully connected layer, latent space."""
    return Space.read(
        {
            "optimizer": {"choices": ["sgd", "adam", "adagrad"]},
            "lr": {"low": 1e-5, "high": 1e-2, "log": True},
            "weight_decay": {"low": 1e-5, "high": 1e-3, "log": True},
            "hidden": {"low": 100, "high": 300},
            "latent_dim": {"low": 2, "high": 6},
        }
    )
