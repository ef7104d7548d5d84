"""An export as a user asks for it, on the command line or in the form."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

MODULE = "engine.export.process"
FIGURE_FORMATS = ("png", "pdf", "svg")
DATA_FORMATS = ("csv", "json", "parquet")


@dataclass(frozen=True, kw_only=True)
class Export:
    """``names`` of experiments, runs or recipes; none: everything. Without ``formats`` no figures are drawn."""

    names: Sequence[str] = ()
    out: Path
    formats: Sequence[str] = field(default=("png",))
    data: Sequence[str] = ()
    tensorboard: Path | None = None
    columns: int = 2
    dpi: int = 200
    style: str = "light"

    def arguments(self) -> list[str]:
        """For `MODULE`."""
        words = ["--out", str(self.out.expanduser().absolute())]
        words += [word for format in self.formats for word in ("--format", format)]
        words += [word for format in self.data for word in ("--data", format)]
        if self.tensorboard is not None:
            words += ["--tensorboard", str(self.tensorboard.expanduser().absolute())]
        words += ["--width", str(self.columns), "--dpi", str(self.dpi), "--style", self.style]
        return [*words, "--", *self.names]


def listed(text: str | None) -> tuple[str, ...]:
    """The words between commas."""
    return tuple(word.strip() for word in (text or "").split(",") if word.strip())
