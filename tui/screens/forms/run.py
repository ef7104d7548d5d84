"""The form behind ``n``: a run's settings."""

from dataclasses import replace

from textual import on

from engine import catalog
from store.records import Run
from tui.requests.fields import Field, Values
from tui.requests.launching import Launch, dataset_field, fields, is_classifier, launch_of
from tui.screens.forms.form import Examine, Form
from tui.widgets.choice import Choice


class RunForm(Form[Launch]):
    """A classifier starts from the encoder of ``origin``, on its data set, unless something else is typed.

    With ``values``, those of another run, it begins with them.
    """

    def __init__(
        self,
        origin: Run | None = None,
        examine: Examine[Launch] | None = None,
        *,
        heading: str = "New run",
        values: Values | None = None,
    ) -> None:
        given = values or {}
        known = [
            replace(field, default=given[field.key])
            if field.key in given and field.kind in ("", given["kind"])
            else field
            for field in fields(origin)
        ]
        super().__init__(heading, known, examine)
        self._origin = origin

    def read(self, values: Values) -> Launch:
        return launch_of(values)

    def is_shown(self, field: Field, choices: Values) -> bool:
        if field.key == "latent_dim" and is_classifier(choices["kind"]):
            return False  # a class layer stands in its place
        return super().is_shown(field, choices)

    def summary(self, values: Values) -> str:
        kind, dataset = catalog.kind(values["kind"]), catalog.dataset(values["dataset"].strip())
        images = f", {dataset.sizes[0]:,} training images" if dataset.sizes[0] else ""
        start = values.get("start_from", "").strip()
        return f"A {kind.title} on {dataset.name}{images}" + (f", with the encoder of {start}." if start else ".")

    @on(Choice.Changed)
    def _choose_kind(self, event: Choice.Changed) -> None:
        if self._origin is not None and event.choice.id == "field--kind":
            self._take_dataset(self._origin.dataset, is_classifier(event.choice.value))

    def _take_dataset(self, of_origin: str, takes: bool) -> None:
        """The encoder's own data set goes with it, as long as nobody typed another."""
        default, typed = dataset_field().default, self.values()["dataset"]
        if takes and typed == default:
            self.type_into("dataset", of_origin)
        elif not takes and typed == of_origin:
            self.type_into("dataset", default)
