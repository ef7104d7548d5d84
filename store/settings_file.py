"""What users write in TOML: settings, recipes, search spaces."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from store.errors import RequestError
from store.user_paths import read_small, user_path

_MOST_KB = 128
_MOST_DOTS = 1000
"""In a line: tomllib takes time by the square of the parts of a dotted key, minutes for 50,000."""
_DEEPEST = 20
"""Tables in tables: far more than anything here takes, far fewer than Python's stack."""


def read_toml(file: Path) -> dict[str, Any] | None:
    """What ``file`` says; None where there is none.

    Raises:
        RequestError: it cannot be read, or is not TOML.
    """
    try:
        return load_toml(file, str(file))
    except RequestError as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return None
        raise


def load_toml(file: Path, what: str) -> dict[str, Any]:
    """What ``file``, called ``what`` in messages, says.

    Raises:
        RequestError: it is absent, cannot be read, or is not TOML.
    """
    try:
        content = read_small(user_path(file), 1000 * _MOST_KB + 1)
        text = content.decode("utf-8")
    except RequestError:
        raise
    except (OSError, ValueError) as error:
        raise RequestError(f"{what} cannot be read: {error}.") from error
    if len(content) > 1000 * _MOST_KB:
        raise RequestError(f"{what} cannot be read: it is larger than {_MOST_KB} kB.")
    return parse_toml(text.replace("\r\n", "\n"), what)


def parse_toml(text: str, what: str) -> dict[str, Any]:
    """What ``text`` says.

    Raises:
        RequestError: ``text``, called ``what`` in messages, is not TOML.
    """
    if any(line.count(".") > _MOST_DOTS for line in text.splitlines()):
        raise RequestError(f"{what} cannot be read: it is nested too deeply.")
    import tomllib  # only who has such a file waits for it

    try:
        table = tomllib.loads(text)
    except RecursionError as error:
        raise RequestError(f"{what} cannot be read: it is nested too deeply.") from error
    except ValueError as error:  # TOMLDecodeError is one; so is what a number of 5,000 digits raises
        raise RequestError(f"{what} cannot be read: it is not TOML: {error}.") from error
    _check_depth(table, what)
    return table


def _check_depth(table: dict[str, Any], what: str) -> None:
    level: list[Any] = [table]
    for _ in range(_DEEPEST):
        level = [inner for each in level for inner in _members(each)]
        if not level:
            return
    raise RequestError(f"{what} cannot be read: it is nested too deeply.")


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()
