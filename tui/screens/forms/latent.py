"""The form behind ``A``: how a run's codes are looked at."""

from store.errors import RequestError
from store.records import Run
from tui.fields import Field, Values, count
from tui.measuring import METHODS, SPLITS, LatentStudy
from tui.screens.forms.form import Examine, Form


class LatentForm(Form[LatentStudy]):
    def __init__(self, run: Run, examine: Examine[LatentStudy] | None = None) -> None:
        default = LatentStudy()
        fields = [
            Field(key="method", default=default.method, choices=METHODS),
            Field(key="split", default=default.split, choices=SPLITS),
            Field(key="limit", default=str(default.limit), help="images at most; 0: all"),
            Field(key="between", default="", help="3 17; empty: two classes"),
        ]
        super().__init__(f"Latent study of {run.name}", fields, examine)
        self._run = run

    def read(self, values: Values) -> LatentStudy:
        return LatentStudy(
            method=values["method"],
            split=values["split"],
            limit=count(values, "limit", 0),
            between=_two_positions(values["between"]),
        )

    def summary(self, values: Values) -> str:
        return (
            f"Codes of {self._run.name} by {values['method']}, into latent-{values['split']}-{values['method']}.npz "
            "of its folder; in the background."
        )


def _two_positions(text: str) -> tuple[int, int] | None:
    """Raises RequestError: ``text`` is neither empty nor two positions."""
    words = text.split()
    if not words:
        return None
    if len(words) != 2 or not all(word.isascii() and word.isdecimal() for word in words):
        raise RequestError(f"between={text.strip()!r} is no two positions of images: write it like 3 17.")
    return int(words[0]), int(words[1])
