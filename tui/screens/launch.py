"""The form behind ``n``: a run's settings, checked as one types."""

from dataclasses import dataclass

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from engine import catalog
from engine.spec import RunSpec
from store.errors import RequestError
from tui import bindings
from tui.launching import Field, fields, problem, spec_of
from tui.widgets.choice import Choice
from tui.widgets.key_line import KeyLine


@dataclass(frozen=True)
class Launch:
    """What is to be started; ``experiment`` None: KIND-DATASET."""

    spec: RunSpec
    experiment: str | None


class LaunchScreen(ModalScreen[Launch | None]):
    BINDINGS = bindings.FORM

    def __init__(self) -> None:
        super().__init__()
        self._fields = fields()
        self._touched = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="launch"):
            yield Static(Text("New run", style="bold"), classes="dialog-title")
            with VerticalScroll(can_focus=False):
                for field in self._fields:
                    with Horizontal(classes="field", id=f"row-{field.kind}-{field.key}"):
                        yield Static(field.key, classes="label")
                        yield self._control(field)
                        if not field.choices:
                            yield Static(field.help, classes="note", markup=False)
            yield Static(id="form-problem", markup=False)
            yield KeyLine(id="form-keys")

    def _control(self, field: Field) -> Input | Choice:
        id = f"field-{field.kind}-{field.key}"
        if field.choices:
            return Choice(field.choices, field.default, id=id)
        names = [dataset.name for dataset in catalog.datasets()] if field.key == "dataset" else None
        return Input(
            field.default,
            id=id,
            compact=True,
            suggester=SuggestFromList(names) if names else None,
            select_on_focus=True,
        )

    def on_mount(self) -> None:
        self._check()

    def values(self) -> dict[str, str]:
        """Key -> text of the fields that the chosen kind has."""
        kind = self.query_one("#field--kind", Choice).value
        found = {}
        for field in self._fields:
            if field.kind in ("", kind):
                control = self.query_one(f"#field-{field.kind}-{field.key}")
                found[field.key] = control.value if isinstance(control, Input | Choice) else ""
        return found

    def on_input_changed(self) -> None:
        self._check()

    def on_choice_changed(self) -> None:
        self._check()

    def on_input_submitted(self) -> None:
        self.action_start()

    def _check(self) -> RunSpec | None:
        """Show each field's own problem beside it, and the first one in full; the spec if there is none."""
        values = self.values()
        first = ""
        for field in self._fields:
            row = self.query_one(f"#row-{field.kind}-{field.key}")
            row.display = field.kind in ("", values["kind"])
            if not row.display or field.choices:
                continue
            wrong = problem(values, field.key)
            first = first or wrong
            row.set_class(bool(wrong), "-wrong")
        spec = None
        if not first:
            try:
                spec = spec_of(values)
            except RequestError as error:
                first = str(error)
        self.query_one("#form-problem", Static).update(first or self._summary(values))
        return spec

    def _summary(self, values: dict[str, str]) -> str:
        kind, dataset = catalog.kind(values["kind"]), catalog.dataset(values["dataset"].strip())
        images = f", {dataset.sizes[0]:,} training images" if dataset.sizes[0] else ""
        return f"A {kind.title} on {dataset.name}{images}."

    def action_start(self) -> None:
        spec = self._check()
        if spec is None:
            self.app.bell()
            return
        self.dismiss(Launch(spec, self.values()["name"].strip() or None))

    def action_cancel(self) -> None:
        self.dismiss(None)
