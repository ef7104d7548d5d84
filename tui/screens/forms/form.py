"""What all forms have in common: fields checked as one types, the first problem in one sentence, enter starts."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.suggester import SuggestFromList
from textual.widgets import Input, Static

from store.errors import RequestError
from tui import bindings
from tui.look import printable
from tui.requests.fields import Field, Values, problem
from tui.widgets.choice import Choice
from tui.widgets.key_line import KeyLine

_HEIGHTS = [(0, "-low"), (32, "-high")]
R = TypeVar("R")
Examine = Callable[[R], object]
"""Called in a thread before a form closes; raises RequestError where the storage has something against it."""


class _Line(Input):
    BINDINGS = bindings.FORM_INPUT


class Form(ModalScreen[R | None]):
    """Gives what was asked for, None when it was turned away. A form of its own says what its values mean."""

    BINDINGS = bindings.FORM
    VERTICAL_BREAKPOINTS = _HEIGHTS

    def __init__(self, heading: str, fields: Sequence[Field], examine: Examine[R] | None = None) -> None:
        super().__init__()
        self._heading, self._fields, self._examine = heading, list(fields), examine
        self._is_examining = False

    # What a form of its own says

    def read(self, values: Values) -> R:
        """What ``values`` ask for, found without a look at a file or the storage.

        Raises:
            RequestError: one of them does not fit.
        """
        raise NotImplementedError

    def summary(self, values: Values) -> str:
        """One line that says what will be started; all values are sound."""
        raise NotImplementedError

    def is_shown(self, field: Field, choices: Values) -> bool:
        """Whether ``field`` is asked for under what was chosen."""
        return field.kind in ("", choices.get("kind", ""))

    # How it is drawn

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog form"):
            yield Static(Text(self._heading, style="bold"), classes="dialog-title")
            with VerticalScroll(can_focus=False):
                for field in self._fields:
                    with Horizontal(classes="field", id=_id("row", field)):
                        yield Static(field.key, classes="label", markup=False)
                        yield self._control(field)
                        if not field.choices:
                            yield Static(field.help, classes="note", markup=False)
            yield Static(id="form-problem", markup=False)
            yield KeyLine(id="form-keys")

    def _control(self, field: Field) -> Input | Choice:
        if field.choices:
            return Choice(field.choices, field.default, id=_id("field", field))
        return _Line(
            field.default,
            id=_id("field", field),
            compact=True,
            suggester=SuggestFromList(field.suggestions) if field.suggestions else None,
            select_on_focus=True,
        )

    def on_mount(self) -> None:
        self.check()

    # What was typed

    def values(self) -> dict[str, str]:
        """Key -> text of the fields that are asked for."""
        return {field.key: self._text(field) for field in self.shown_fields()}

    def shown_fields(self) -> list[Field]:
        choices: dict[str, str] = {}
        shown = []
        for field in self._fields:
            if self.is_shown(field, choices):
                shown.append(field)
                if field.choices:
                    choices[field.key] = self._text(field)
        return shown

    def type_into(self, key: str, text: str) -> None:
        """Put ``text`` into the field ``key`` as if it had been typed."""
        field = next(field for field in self.shown_fields() if field.key == key)
        self.query_one(f"#{_id('field', field)}", Input).value = text

    def _text(self, field: Field) -> str:
        control = self.query_one(f"#{_id('field', field)}")
        return control.value if isinstance(control, Input | Choice) else ""

    def on_input_changed(self) -> None:
        self.check()

    def on_choice_changed(self) -> None:
        self.check()

    def on_input_submitted(self) -> None:
        self.action_start()

    def check(self) -> R | None:
        """Mark each field that has a problem, and say the first one in full; what is asked for if there is none."""
        shown, values = self.shown_fields(), self.values()
        first, found = "", None
        for field in self._fields:
            row = self.query_one(f"#{_id('row', field)}")
            row.display = field in shown
            if row.display and not field.choices:
                wrong = problem(self.read, shown, values, field.key)
                first = first or wrong
                row.set_class(bool(wrong), "-wrong")
        if not first:
            try:
                found = self.read(values)
            except RequestError as error:
                first = str(error)
        self._say(first or self.summary(values))
        return found

    def _say(self, sentence: str) -> None:
        self.query_one("#form-problem", Static).update(printable(sentence))

    # Starting

    def action_start(self) -> None:
        if self._is_examining:
            return
        wanted = self.check()
        if wanted is None:
            self.app.bell()
        elif self._examine is None:
            self.dismiss(wanted)
        else:
            self._is_examining = True
            self.run_worker(lambda: self._look_into(wanted), thread=True, exit_on_error=False)

    def _look_into(self, wanted: R) -> None:
        """In a thread: the storage may be busy, and the screen does not wait."""
        assert self._examine is not None
        refusal = ""
        try:
            self._examine(wanted)
        except RequestError as error:
            refusal = str(error)
        except Exception as error:  # a storage that fails is told of by what starts it
            self.log.error(error)
        self.app.call_from_thread(self._end, wanted, refusal)

    def _end(self, wanted: R, refusal: str) -> None:
        self._is_examining = False
        if not self.is_current:  # turned away meanwhile
            return
        if refusal:
            self._say(refusal)
            self.app.bell()
        else:
            self.dismiss(wanted)

    def action_cancel(self) -> None:
        self.dismiss(None)


def _id(what: str, field: Field) -> str:
    return f"{what}-{field.kind}-{field.key}"
