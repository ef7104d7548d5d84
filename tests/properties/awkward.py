"""What bad input is drawn from."""

import string
from typing import Any

from hypothesis import strategies as st

ESCAPES = (
    "\x1b[2J",
    "\x1b]0;owned\x07",
    "\x9b31m",
    "\x1bP0;1|17/ab\x1b\\",
    "a\rb",
    "a\nb",
    "\x00",
    "\x7f",
    "\u202etxt.exe",
    "\u2066x\u2069",
    "\ufeff",
    "\u200b",
    "\ud800",
)
"""Control codes, and what turns a line round or hides in it."""

_NUMBERS = ("NaN", "nan", "inf", "-inf", "1e999", "-0", "0x10", "1_000", "1e400", "0.1.2", "²", "١٢")
AWKWARD = (
    *ESCAPES,
    *("", " ", ".", "..", "../..", "../../etc/passwd", "a/b/c", "\\", "a\\b", "-", "--", "-1", "~", "~nobody-here/x"),
    *_NUMBERS,
    *("9" * 400, "9" * 5000, "x" * 300, "y" * 5000, "é" * 130),
    *("💥", "null", "None", "true", "[]", "{}", "%s%n", "${HOME}", "'; DROP TABLE runs"),
    *("=", "==", "a=", "=b", "lr=", "lr==1", "lr=1=2", ",", ":", "gaussian:", "gaussian:x", "gaussian:0.1,,", "cuda:"),
)

words = st.one_of(
    st.sampled_from(AWKWARD),
    st.text(max_size=20),
    st.text(alphabet=string.printable, max_size=12),
    st.integers().map(str),
    st.floats().map(str),
)
"""Anything that can stand in one argument, or in a field of a form."""

_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from((10**30, -(10**400), 2**63, -(2**63) - 1)),
    st.floats(),
    st.sampled_from(AWKWARD),
    st.text(max_size=8),
)
documents: st.SearchStrategy[Any] = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
"""Anything that JSON can hold."""

DEEP = "[" * 20_000
"""Brackets deeper than Python's stack."""


def written_as_toml(table: dict[str, Any]) -> str:
    """``table`` in TOML; what that has no word for (null, half of a surrogate pair) is left out."""
    lines = [f"{_key(key)} = {text}" for key, value in table.items() if (text := _toml(value)) is not None]
    return "\n".join(lines) + "\n"


def _toml(value: Any) -> str | None:
    match value:
        case None:
            return None
        case bool():
            return "true" if value else "false"
        case float():
            return {"inf": "inf", "-inf": "-inf", "nan": "nan"}.get(str(value), repr(value))
        case int():
            return str(value)
        case str():
            return _key(value)
        case list():
            return "[" + ", ".join(text for each in value if (text := _toml(each)) is not None) + "]"
    inner = [f"{_key(key)} = {text}" for key, each in value.items() if (text := _toml(each)) is not None]
    return "{" + ", ".join(inner) + "}"


def _key(text: str) -> str:
    def shown(letter: str) -> str:
        if letter in '"\\' or not letter.isprintable():
            return f"\\U{ord(letter):08x}"
        return letter

    return '"' + "".join(map(shown, text)) + '"'
