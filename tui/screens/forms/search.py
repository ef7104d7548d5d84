"""The form behind ``S``: a search to begin, or the one under the cursor to go on with."""

from engine import catalog
from store.searches import Search
from tui.requests import searching
from tui.requests.fields import Field, Values
from tui.requests.searching import GO_ON, Wanted
from tui.screens.forms.form import Examine, Form


class SearchForm(Form[Wanted]):
    """``before`` is the search of ``experiment``, where that has one that is not on."""

    def __init__(
        self,
        experiment: str | None = None,
        before: Search | None = None,
        examine: Examine[Wanted] | None = None,
    ) -> None:
        super().__init__("Search", searching.fields(before), examine)
        self._experiment, self._before = experiment, before

    def read(self, values: Values) -> Wanted:
        return searching.wanted_of(values, self._experiment, self._before)

    def is_shown(self, field: Field, choices: Values) -> bool:
        return searching.is_asked_for(field, choices) and super().is_shown(field, choices)

    def summary(self, values: Values) -> str:
        if values.get("search") == GO_ON:
            return f"{self._experiment} goes on until {values['trials'].strip()} runs are complete."
        kind, dataset = catalog.kind(values["kind"]), catalog.dataset(values["dataset"].strip())
        space = values["space"].strip() or "the reference's space"
        return f"{values['trials'].strip()} complete runs of a {kind.title} on {dataset.name}, over {space}."
