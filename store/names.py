"""Names that users type and that become folders: checked once, here."""

import re
from dataclasses import dataclass

from store.errors import RequestError

_ALLOWED = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
MAX_NAME_LENGTH = 100


def check_name(name: str) -> str:
    """Return ``name`` if it can be a folder of its own: letters, digits, ``. _ -``, no leading dot, no separators.

    Raises:
        RequestError: it cannot.
    """
    if len(name) > MAX_NAME_LENGTH or not _ALLOWED.fullmatch(name):
        shown = ascii(name if len(name) <= 40 else name[:40] + "...")
        raise RequestError(
            f"The name {shown} cannot be used: take up to {MAX_NAME_LENGTH} letters, digits and . _ - "
            "(no leading dot, no separators)."
        )
    return name


@dataclass(frozen=True, order=True, slots=True)
class RunName:
    """``EXPERIMENT/NUMBER``, the name of a run everywhere: on the screen, in the command line, in exports."""

    experiment: str
    number: int

    def __str__(self) -> str:
        return f"{self.experiment}/{self.number}"

    @classmethod
    def parse(cls, text: str) -> "RunName":
        """Read ``EXPERIMENT/NUMBER``.

        Raises:
            RequestError: ``text`` is not of that form.
        """
        experiment, separator, number = text.rpartition("/")
        # isdecimal alone lets other scripts' digits through.
        if not separator or not (number.isascii() and number.isdecimal()) or len(number) > 9:
            raise RequestError(f"{text!a} is not a run: write EXPERIMENT/NUMBER, as `aetui ls` shows it.")
        return cls(check_name(experiment), int(number))
