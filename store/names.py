"""What users type and what becomes a folder, or a word to filter by: checked once, here."""

import re
from dataclasses import dataclass

from store.errors import RequestError

_ALLOWED = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*")
MAX_NAME_LENGTH, MAX_TAG_LENGTH, MAX_NOTE_LENGTH = 100, 40, 500


def check_name(name: str) -> str:
    """Return ``name`` if it can be a folder of its own: letters, digits, ``. _ -``, no leading dot, no separators.

    Raises:
        RequestError: it cannot.
    """
    if not is_name(name):
        raise RequestError(
            f"The name {_shown(name)} cannot be used: take up to {MAX_NAME_LENGTH} letters, digits and . _ - "
            "(no leading dot, no separators)."
        )
    return name


def is_name(name: str) -> bool:
    """Whether ``name`` can be a folder of its own."""
    return len(name) <= MAX_NAME_LENGTH and _ALLOWED.fullmatch(name) is not None


def check_tag(tag: str) -> str:
    """Return ``tag`` if it is a word that can be filtered by.

    Raises:
        RequestError: it is not.
    """
    if not 1 <= len(tag) <= MAX_TAG_LENGTH or not tag.isprintable() or tag[0] in "-!" or set(tag) & set(' ,;|"'):
        raise RequestError(
            f"The tag {_shown(tag)} cannot be used: take one word of up to {MAX_TAG_LENGTH} printable characters, "
            'no , ; | " in it and no - or ! in front.'
        )
    return tag


def check_note(note: str) -> str:
    """Return ``note`` if it is a line that can be shown.

    Raises:
        RequestError: it is not.
    """
    if len(note) > MAX_NOTE_LENGTH or not note.isprintable():
        raise RequestError(
            f"The note {_shown(note)} cannot be used: take one line of up to {MAX_NOTE_LENGTH} printable characters."
        )
    return note


def _shown(text: str) -> str:
    return ascii(text if len(text) <= 40 else text[:40] + "...")


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
