"""The hand-picked configurations that a search tries first, from the TOML file beside this module."""

from importlib import resources
from pathlib import Path
from typing import Any

from engine.space import Parameter, Space
from store.errors import RequestError
from store.settings_file import load_toml, parse_toml

_FILE = "hand_picked.toml"


def hand_picked(space: Space) -> tuple[dict[str, Any], ...]:
    """Ours, in the order in which they are tried, checked against ``space``."""
    text = resources.files(__package__).joinpath(_FILE).read_text(encoding="utf-8")
    return read(text, space, _FILE)


def load(path: Path, space: Space) -> tuple[dict[str, Any], ...]:
    """A user's own, from a file of the same form.

    Raises:
        RequestError: it cannot be read, or does not fit ``space``.
    """
    return _checked(load_toml(path, f"The file of configurations {str(path)!a}"), space, path.name)


def read(text: str, space: Space, where: str) -> tuple[dict[str, Any], ...]:
    """The tables ``[[configuration]]`` of a TOML ``text``; ``where`` names it in messages.

    Raises:
        RequestError: it is no TOML, or a configuration lacks a setting of ``space``, has another, lies outside, or
            comes twice.
    """
    return _checked(parse_toml(text, where), space, where)


def _checked(table: dict[str, Any], space: Space, where: str) -> tuple[dict[str, Any], ...]:
    configurations = table.get("configuration")
    if set(table) - {"configuration"} or not isinstance(configurations, list) or not configurations:
        raise RequestError(f"{where} must hold tables [[configuration]] and nothing else.")
    found: list[dict[str, Any]] = []
    for number, configuration in enumerate(configurations, 1):
        what = f"Configuration {number} of {where}"
        if not isinstance(configuration, dict):
            raise RequestError(f"{what} must be a table of settings.")
        _check(configuration, space, what)
        if configuration in found:
            raise RequestError(f"{what} is the same as configuration {found.index(configuration) + 1}.")
        found.append(configuration)
    return tuple(found)


def _check(configuration: dict[str, Any], space: Space, what: str) -> None:
    wanted = {parameter.name: parameter for parameter in space.parameters if parameter.applies(configuration)}
    if unknown := set(configuration) - set(wanted):
        raise RequestError(f"{what} has {', '.join(sorted(unknown))}, which the search does not vary.")
    for name, parameter in wanted.items():
        if name not in configuration:
            raise RequestError(f"{what} lacks {name}.")
        if not _is_inside(parameter, configuration[name]):
            raise RequestError(f"{what} has {name}={configuration[name]!r}, which lies outside the search space.")


def _is_inside(parameter: Parameter, value: object) -> bool:
    if parameter.choices:
        return value in parameter.choices
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    assert parameter.low is not None
    assert parameter.high is not None
    return parameter.low <= value <= parameter.high and (not parameter.is_int or float(value).is_integer())
