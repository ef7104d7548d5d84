"""The line below the runs in which tags and notes are written."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.message import Message
from textual.suggester import Suggester
from textual.widgets import Input, Static

from store.names import RunName
from tui import bindings


@dataclass(frozen=True, kw_only=True)
class Writing:
    """What is being written: ``tags`` or ``note`` of ``names``.

    ``before``: the tags of a single run, or the different notes.
    """

    what: str
    names: tuple[RunName, ...]
    before: tuple[str, ...] = ()


class NoteLine(Horizontal):
    @dataclass
    class Written(Message):
        writing: Writing
        text: str

    @dataclass
    class Left(Message):
        """Nothing is to be changed."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._writing: Writing | None = None
        self.tags: Sequence[str] = ()

    def compose(self) -> ComposeResult:
        yield Static(id="note-label", markup=False)
        yield _Line(id="note-text", compact=True, suggester=_Tags(self), select_on_focus=False)

    def open(self, writing: Writing, label: str, text: str, help: str, tags: Iterable[str]) -> None:
        """Let people write; ``tags`` complete the words of tags."""
        self._writing, self.tags = writing, sorted(set(tags)) if writing.what == "tags" else []
        self.query_one("#note-label", Static).update(f" {label}: ")
        line = self.query_one(_Line)
        line.placeholder = help
        line.value = text
        line.cursor_position = len(text)
        self.add_class("-open")
        self.screen.set_focus(line)  # at once, unlike `focus`: what is typed next belongs into it

    def close(self) -> None:
        self._writing = None
        self.remove_class("-open")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if self._writing is not None:
            self.post_message(self.Written(self._writing, event.value))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()

    def leave(self) -> None:
        self.close()
        self.post_message(self.Left())


class _Line(Input):
    BINDINGS = bindings.NOTE_LINE

    def action_leave(self) -> None:
        self.query_ancestor(NoteLine).leave()


class _Tags(Suggester):
    """Completes the last word with a tag that there is."""

    def __init__(self, line: NoteLine) -> None:
        super().__init__(use_cache=False, case_sensitive=True)
        self._line = line

    async def get_suggestion(self, value: str) -> str | None:
        return completed(value, self._line.tags)


def completed(text: str, tags: Iterable[str]) -> str | None:
    words = text.replace(",", " ").split(" ")
    last = words[-1].removeprefix("-")
    found = next((tag for tag in tags if tag.startswith(last) and tag != last and tag not in words), None)
    return text + found[len(last) :] if last and found else None
