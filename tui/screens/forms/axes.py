"""The form behind ``Y`` in the latent pane: which two of the codes' axes it shows."""

from engine.spec import convert
from store.errors import RequestError
from tui.bindings import key_of
from tui.requests.fields import Field, Values
from tui.screens.forms.form import Form

Axes = tuple[int, int]


class AxesForm(Form[Axes]):
    """Gives two axes, counted from 0, of ``dim``."""

    def __init__(self, dim: int, axes: Axes | None) -> None:
        self._dim = dim
        first, second = axes or (0, 1)
        field = Field(key="axes", default=f"{first + 1} {second + 1}", help=f"across and up, of 1 to {dim}")
        super().__init__("Axes of the latent space", [field])

    def read(self, values: Values) -> Axes:
        words = values["axes"].split()
        if len(words) != 2 or words[0] == words[1]:
            raise RequestError(f"axes={values['axes'].strip()!r} are not two different axes, as in 1 2.")
        first, second = map(self._axis, words)
        return first, second

    def summary(self, values: Values) -> str:
        first, second = self.read(values)
        return f"z{first + 1} x z{second + 1}; {key_of('loss.measure')} goes on to others, and to the principal plane."

    def _axis(self, word: str) -> int:
        number: int = convert("axes", word, int)
        if not 1 <= number <= self._dim:
            raise RequestError(f"axes={number} is out of range: there are {self._dim} axes.")
        return number - 1
