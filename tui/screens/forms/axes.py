"""The form behind ``Y`` in the latent pane: which two of the codes' axes it shows."""

from store.errors import RequestError
from tui.fields import Field, Values, whole_number
from tui.screens.forms.form import Form

Axes = tuple[int, int]


class AxesForm(Form[Axes]):
    """Gives two axes, counted from 0, of ``dim``."""

    def __init__(self, dim: int, axes: Axes | None) -> None:
        self._dim = dim
        first, second = axes or (0, 1)
        fields = [
            Field(key="across", default=str(first + 1), help=f"1 to {dim}"),
            Field(key="up", default=str(second + 1), help=f"1 to {dim}"),
        ]
        super().__init__("Axes of the latent space", fields)

    def read(self, values: Values) -> Axes:
        first, second = self._axis(values, "across"), self._axis(values, "up")
        if first == second:
            raise RequestError("across and up are the same axis: take two.")
        return first, second

    def summary(self, values: Values) -> str:
        first, second = self.read(values)
        return f"z{first + 1} x z{second + 1}; m goes on to others, and to the principal plane."

    def _axis(self, values: Values, key: str) -> int:
        number = whole_number(values, key)
        if not 1 <= number <= self._dim:
            raise RequestError(f"{key}={number} is out of range: there are {self._dim} axes.")
        return number - 1
