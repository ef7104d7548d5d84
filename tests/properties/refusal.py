"""How a door answers bad input: with what it read, or with one sentence."""

from collections.abc import Callable
from typing import TypeVar

from store.errors import RequestError

T = TypeVar("T")


def read_or_refused(read: Callable[[], T]) -> T | None:
    """What ``read`` returns; None where it refuses. Anything else that it raises is a failure of the test."""
    try:
        return read()
    except RequestError as error:
        sentence = str(error)
        assert sentence.strip(), "a refusal says why"
        assert sentence.rstrip().endswith("."), sentence
        return None
