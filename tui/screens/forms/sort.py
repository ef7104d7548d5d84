"""The form behind ``s``: in which order the runs stand."""

from collections.abc import Iterable

from store.errors import RequestError
from tui.requests.fields import Field, Values
from tui.screens.forms.form import Form
from tui.tables.filtering import field_name
from tui.tables.sorting import Order

_UP, _DOWN = "smallest first", "largest first"


class SortForm(Form[Order]):
    """``known``: the fields that runs have."""

    def __init__(self, order: Order, known: Iterable[str]) -> None:
        self._known = sorted(known)
        fields = [
            Field(key="by", default=order.by, help="number, error, lr, test_mse ...", suggestions=tuple(self._known)),
            Field(key="order", default=_DOWN if order.is_down else _UP, choices=(_UP, _DOWN)),
        ]
        super().__init__("Sort the runs", fields)

    def read(self, values: Values) -> Order:
        by = values["by"].strip()
        if field_name(by) not in self._known:
            raise RequestError(f"No run here has a field {by!r}: take one of {', '.join(self._known)}.")
        return Order(by=by, is_down=values["order"] == _DOWN)

    def summary(self, values: Values) -> str:
        return "Failed runs, and those without a value, come last."
