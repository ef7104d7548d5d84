"""A user's own settings in a TOML file."""

from pathlib import Path
from typing import Any

from store.errors import RequestError


def read_toml(file: Path) -> dict[str, Any] | None:
    """What ``file`` says; None where there is none.

    Raises:
        RequestError: it cannot be read, or is not TOML.
    """
    try:
        text = file.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise RequestError(f"{file} cannot be read: {error}.") from error
    import tomllib  # only who has such a file waits for it

    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise RequestError(f"{file} is not TOML: {error}.") from error
