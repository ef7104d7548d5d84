"""The form behind ``e``: of what figures are drawn, where they go and how they look."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from engine.figures.formats import FORMATS
from store.errors import RequestError
from store.user_paths import user_path
from tui.look import path_text
from tui.requests.exporting import STYLES, WIDTHS, Export, listed
from tui.requests.fields import Field, Values
from tui.screens.forms.form import Form


class ExportForm(Form[Export]):
    """``choices``: what there is to export, the first one chosen, and the names that it stands for."""

    def __init__(self, choices: Mapping[str, Sequence[str]], out: Path) -> None:
        default = Export(out=out)
        fields = [
            Field(key="what", default=next(iter(choices)), choices=tuple(choices)),
            Field(key="into", default=path_text(out), help="a folder"),
            Field(key="format", default=",".join(default.formats), help=f"of {', '.join(FORMATS)}"),
            Field(key="width", default=str(default.columns), choices=WIDTHS),
            Field(key="style", default=default.style, choices=STYLES),
        ]
        self._choices = choices
        super().__init__("Export", fields, Export.check_folder)

    def read(self, values: Values) -> Export:
        formats = tuple(dict.fromkeys(listed(values["format"])))
        if not formats:
            raise RequestError(f"format={values['format']!r} names no format: take {', '.join(FORMATS)}.")
        return Export(
            names=self._choices[values["what"]],
            out=_folder(values["into"]),
            formats=formats,
            columns=int(values["width"]),
            style=values["style"],
        )

    def summary(self, values: Values) -> str:
        wanted = self.read(values)
        columns = "one column" if wanted.columns == 1 else "two columns"
        return f"Figures of {wanted.of} as {', '.join(wanted.formats)} for {columns} of a page, into {wanted.where}."


def _folder(text: str) -> Path:
    """Raises RequestError: ``text`` is empty, or no path."""
    if not text.strip():
        raise RequestError("into='' names no folder.")
    return user_path(text.strip())
