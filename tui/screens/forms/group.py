"""The form behind ``%``: what the runs are grouped by."""

from collections.abc import Iterable

from store.errors import RequestError
from tui.bindings import key_of
from tui.requests.fields import Field, Values
from tui.screens.forms.form import Form
from tui.tables.filtering import field_name


class GroupForm(Form[str]):
    """Gives the field, "" for no groups. ``known``: the fields that runs have."""

    def __init__(self, by: str, known: Iterable[str]) -> None:
        self._known = sorted(known)
        field = Field(
            key="by", default=by, help="optimizer, dim, state, tags ...; empty: none", suggestions=tuple(self._known)
        )
        super().__init__("Group the runs", [field])

    def read(self, values: Values) -> str:
        by = values["by"].strip()
        if by and field_name(by) not in self._known:
            raise RequestError(f"No run here has a field {by!r}: take one of {', '.join(self._known)}.")
        return field_name(by)

    def summary(self, values: Values) -> str:
        opens, left, right = map(key_of, ("go.open", "go.left", "go.right"))
        first = "Enter" if opens == "enter" else opens
        return f"{first}, {left} and {right} on a head fold its runs; keys on it are for all of them."
