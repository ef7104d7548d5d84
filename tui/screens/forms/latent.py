"""The form behind ``A``: how the codes of runs are looked at."""

from collections.abc import Sequence

from store.errors import RequestError
from store.records import Run
from tui.requests.fields import Field, Values, count
from tui.requests.measuring import METHODS, SPLITS, LatentStudy
from tui.screens.forms.form import Examine, Form


class LatentForm(Form[LatentStudy]):
    def __init__(self, runs: Sequence[Run], examine: Examine[LatentStudy] | None = None) -> None:
        default = LatentStudy()
        fields = [
            Field(key="method", default=default.method, choices=METHODS),
            Field(key="split", default=default.split, choices=SPLITS),
            Field(key="limit", default=str(default.limit), help="images at most; 0: all"),
            Field(key="between", default="", help="3 17; empty: two classes"),
        ]
        self._named = str(runs[0].name) if len(runs) == 1 else f"{len(runs)} runs"
        self._folder = "its folder" if len(runs) == 1 else "their folders"
        super().__init__(f"Latent study of {self._named}", fields, examine)

    def read(self, values: Values) -> LatentStudy:
        return LatentStudy(
            method=values["method"],
            split=values["split"],
            limit=count(values, "limit", 0),
            between=_two_positions(values["between"]),
        )

    def summary(self, values: Values) -> str:
        return (
            f"Codes of {self._named} by {values['method']}, into latent-{values['split']}-{values['method']}.npz "
            f"of {self._folder}; in the background."
        )


def _two_positions(text: str) -> tuple[int, int] | None:
    """Raises RequestError: ``text`` is neither empty nor two positions."""
    words = text.split()
    if not words:
        return None
    if len(words) != 2 or not all(word.isascii() and word.isdecimal() for word in words):
        raise RequestError(f"between={text.strip()!r} is no two positions of images: write it like 3 17.")
    return int(words[0]), int(words[1])
