"""What a form asks for: fields with their defaults, and what is wrong with what was typed."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engine.spec import convert
from store.errors import RequestError

Values = Mapping[str, str]
"""Key -> text as typed."""


@dataclass(frozen=True, kw_only=True)
class Field:
    """``choices``: one of them instead of text. ``kind``: a field of that kind alone, "" for all.

    ``suggestions`` complete what is typed.
    """

    key: str
    default: str
    help: str = ""
    choices: tuple[str, ...] = ()
    kind: str = ""
    suggestions: tuple[str, ...] = ()


def problem(read: Callable[[Values], object], fields: Sequence[Field], values: Values, key: str) -> str:
    """The sentence that says what is wrong with the field ``key`` beside sound neighbours; "" where nothing is.

    ``fields`` are those of the form that are shown; what is chosen is sound by itself.
    """
    sound = {field.key: values[field.key] if field.choices else field.default for field in fields}
    try:
        read({**sound, key: values[key]})
    except RequestError as error:
        return str(error)
    return ""


def whole_number(values: Values, key: str) -> int:
    """Raises RequestError: it is none."""
    number: int = convert(key, values[key].strip(), int)
    return number


def count(values: Values, key: str, least: int = 1) -> int:
    """Raises RequestError: it is no whole number, or below ``least``."""
    number = whole_number(values, key)
    if number < least:
        raise RequestError(f"{key}={number} is out of range: it must be {least} or more.")
    return number


def pairs(values: Values, key: str) -> dict[str, str]:
    """The words ``name=value`` of a field.

    Raises:
        RequestError: a word is none.
    """
    found = {}
    for word in values[key].split():
        name, separator, value = word.partition("=")
        if not separator or not name:
            raise RequestError(f"{key}: {word!r} is not key=value.")
        found[name] = value
    return found


def device(text: str) -> str:
    """Raises RequestError: it names no device."""
    name, _, number = text.partition(":")
    if text in ("auto", "cpu", "cuda") or (name == "cuda" and number.isdecimal()):
        return text
    raise RequestError(f"device={text!r} is not known: take auto, cpu, cuda or cuda:N.")
