"""JSON that anybody may have written: in a small file of a root, in a line of metrics, in the storage."""

import json
import math
import re
from pathlib import Path
from typing import Any

_LONG = re.compile(r"\d{309}")


def loads(text: str | bytes) -> Any:
    """What ``text`` holds; a whole number that is too large for a float is infinite.

    Raises:
        ValueError: it is no JSON, or nested deeper than can be read.
    """
    if isinstance(text, bytes):
        text = text.decode("utf-8")
    try:
        # A function called for every number takes its time: only where it is needed.
        return json.loads(text, parse_int=_whole) if _LONG.search(text) else json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_object(path: Path) -> dict[str, Any]:
    """What ``path`` holds; empty where it is absent, damaged, or something else than an object of JSON."""
    try:
        found = loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _whole(digits: str) -> float:
    number = float(digits)
    return number if math.isinf(number) else int(digits)
