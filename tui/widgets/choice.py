"""One of a few words, all in sight on one line; left and right (or space) choose."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.text import Text
from textual import events
from textual.message import Message
from textual.widget import Widget

from tui import bindings


class Choice(Widget, can_focus=True):
    BINDINGS = bindings.CHOICE

    @dataclass
    class Changed(Message):
        choice: "Choice"

    def __init__(self, options: Sequence[str], value: str, **widget_options: Any) -> None:
        super().__init__(**widget_options)
        self.options = list(options)
        self.value = value

    def action_choose(self, steps: int) -> None:
        index = (self.options.index(self.value) + steps) % len(self.options)
        self._choose(self.options[index])

    def on_click(self, event: events.Click) -> None:
        start = 0
        for option in self.options:
            end = start + len(option) + 2
            if start <= event.x < end:
                self._choose(option)
            start = end + 1

    def _choose(self, option: str) -> None:
        if option != self.value:
            self.value = option
            self.refresh()
            self.post_message(self.Changed(self))

    def render(self) -> Text:
        text = Text(no_wrap=True)
        for option in self.options:
            if option == self.value:
                text.append(f"[{option}]", style="bold reverse" if self.has_focus else "bold")
            else:
                text.append(f" {option} ", style="dim")
            text.append(" ")
        return text
