"""A question with a few answers; each is a key and a line that says what it does."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text
from textual import events
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Static

from tui.look import Look


@dataclass(frozen=True)
class Answer:
    key: str
    value: str
    label: str


class Question(ModalScreen[str | None]):
    """Gives the value of the answer, None when it was turned away. Enter takes the last answer unless one moves."""

    def __init__(self, title: str, answers: Sequence[Answer], look: Look, details: str = "") -> None:
        super().__init__()
        self._title = title
        self._details = details
        self._answers = list(answers)
        self._look = look
        self._cursor = len(self._answers) - 1

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="question"):
            yield Static(Text(self._title, style="bold"), classes="dialog-title" if not self._details else "")
            if self._details:
                yield Static(Text(self._details, style="dim"), classes="dialog-details")
            yield Static(id="answers")

    def on_mount(self) -> None:
        self._draw()

    def on_key(self, event: events.Key) -> None:
        event.stop()
        key = event.character or event.key
        chosen = next((answer for answer in self._answers if answer.key == key), None)
        if chosen is not None:
            self.dismiss(chosen.value)
        elif event.key in ("up", "k", "shift+tab", "down", "j", "tab"):
            step = -1 if event.key in ("up", "k", "shift+tab") else 1
            self._cursor = (self._cursor + step) % len(self._answers)
            self._draw()
        elif event.key == "enter":
            self.dismiss(self._answers[self._cursor].value)
        elif event.key == "escape" or key == "q":
            self.dismiss(None)

    def _draw(self) -> None:
        text = Text()
        for index, answer in enumerate(self._answers):
            is_cursor = index == self._cursor
            text.append(f"{self._look.pick('▸', '>') if is_cursor else ' '} ")
            text.append(f"{answer.key}", style="bold").append(
                f"  {answer.label}\n", style="reverse" if is_cursor else ""
            )
        text.append(f"\n  up, down and enter, or the letter; esc: {NOTHING}", style="dim")
        self.query_one("#answers", Static).update(text)


NOTHING = "nothing happens"
