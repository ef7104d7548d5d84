"""An export as a user asks for it, on the command line or in the form."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine.figures.formats import FORMATS
from store.errors import RequestError
from store.user_paths import user_path
from tui.look import path_text, printable

MODULE = "engine.export.process"
STYLES = ("light", "dark")
WIDTHS = ("1", "2")


@dataclass(frozen=True, kw_only=True)
class Export:
    """``names`` of experiments, runs or recipes; none: everything. Without ``formats`` no figures are drawn.

    Raises:
        RequestError: figures cannot have such a format.
    """

    names: Sequence[str] = ()
    out: Path
    formats: Sequence[str] = field(default=("png",))
    data: Sequence[str] = ()
    tensorboard: Path | None = None
    columns: int = 2
    dpi: int = 200
    style: str = "light"

    def __post_init__(self) -> None:
        for format in self.formats:
            if format not in FORMATS:
                raise RequestError(f"There is no format {format!a} for figures: take {', '.join(FORMATS)}.")

    def arguments(self) -> list[str]:
        """For `MODULE`."""
        words = ["--out", str(user_path(self.out).absolute())]
        words += [word for format in self.formats for word in ("--format", format)]
        words += [word for format in self.data for word in ("--data", format)]
        if self.tensorboard is not None:
            words += ["--tensorboard", str(user_path(self.tensorboard).absolute())]
        words += ["--width", str(self.columns), "--dpi", str(self.dpi), "--style", self.style]
        return [*words, "--", *self.names]

    def check_folder(self) -> None:
        """Raises RequestError: by all that can be seen beforehand, nothing can be written there."""
        out = user_path(self.out).absolute()
        there = next(folder for folder in (out, *out.parents) if os.path.exists(folder))
        if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
            why = "may not be written to" if there.is_dir() else "is no folder"
            raise RequestError(f"The export cannot be written to {str(out)!a}: {str(there)!a} {why}.")

    @property
    def of(self) -> str:
        """What it is of, in words; where there are several names, those of runs."""
        if not self.names:
            return "everything"
        return self.names[0] if len(self.names) == 1 else f"{len(self.names)} runs"

    @property
    def where(self) -> str:
        """Its folder as it is shown."""
        return printable(path_text(user_path(self.out).absolute()))


def told(manifest: Mapping[str, Any], where: str) -> str:
    """How many figures are there, and how many are not yet, with the first reason; in one line."""
    number = len(manifest["figures"])
    says = f"{number or 'No'} figure{' is' if number == 1 else 's are'} in {where}"
    missing = manifest["missing"]
    if not missing:
        return f"{says}."
    figures, reason = {each["figure"] for each in missing}, printable(missing[0]["reason"]).rstrip(".")
    return f"{says}; {len(figures)} not yet, {missing[0]['figure']} because {reason}."


def listed(text: str | None) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())
