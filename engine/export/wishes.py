"""How an export is to look, checked before anything heavy is imported."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from engine.export.data.tables import check_formats, check_package
from engine.figures.formats import FORMATS
from store.errors import RequestError

Say = Callable[[int, int, str], None]
"""Told how much is done, of how much, and what comes now."""

_STYLES = ("light", "dark")
_DPI = (50, 1200)


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """Without ``formats`` there are no figures; ``columns`` of a journal's page are their width."""

    formats: tuple[str, ...]
    data_formats: tuple[str, ...]
    columns: int = 2
    dpi: int = 200
    is_dark: bool = False
    tensorboard: Path | None = None
    """Where event files go, if any are wanted."""

    @classmethod
    def checked(
        cls,
        *,
        formats: Sequence[str],
        data_formats: Sequence[str],
        columns: int,
        dpi: int,
        style: str,
        tensorboard: Path | None = None,
    ) -> Self:
        """Raises RequestError: one of them cannot be."""
        for format in formats:
            if format not in FORMATS:
                raise RequestError(f"There is no format {format!a} for figures: take {', '.join(FORMATS)}.")
        check_formats(data_formats)
        if tensorboard is not None:
            check_package("tensorboard", "An export to TensorBoard")
        if columns not in (1, 2):
            raise RequestError(f"--width {columns} is no width: take 1 or 2 columns of a page.")
        if not _DPI[0] <= dpi <= _DPI[1]:
            raise RequestError(f"--dpi {dpi} is out of range: it goes from {_DPI[0]} to {_DPI[1]}.")
        if style not in _STYLES:
            raise RequestError(f"There is no style {style!a}: take {' or '.join(_STYLES)}.")
        return cls(
            formats=tuple(dict.fromkeys(formats)),
            data_formats=tuple(dict.fromkeys(data_formats)),
            columns=columns,
            dpi=dpi,
            is_dark=style == "dark",
            tensorboard=tensorboard,
        )
