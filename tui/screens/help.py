"""All keys, with a search."""

import textwrap

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.bindings import GROUPS, HELP, shown_key

_KEY_WIDTH = 12


def help_text(words: str, width: int = 76) -> Text:
    """The keys whose line holds all ``words``, by group, in lines of ``width``."""
    wanted = words.lower().split()
    text = Text()
    for title, bindings in GROUPS.items():
        found = [b for b in bindings if all(word in _line(b).lower() for word in wanted)]
        if found:
            text.append("\n" if text else "").append(f"{title}\n", style="bold underline")
        for binding in found:
            lines = textwrap.wrap(binding.tooltip, max(20, width - _KEY_WIDTH))
            text.append(f"  {shown_key(binding)}".ljust(_KEY_WIDTH), style="bold")
            text.append(("\n" + " " * _KEY_WIDTH).join(lines) + "\n")
    return text or Text("No key does that.", style="dim")


def _line(binding: Binding) -> str:
    return f"{shown_key(binding)} {binding.description} {binding.tooltip}"


class HelpScreen(ModalScreen[None]):
    BINDINGS = HELP

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="help"):
            yield Static(Text("Keys", style="bold"), classes="dialog-title")
            yield Input(placeholder="type to search; up, down; esc closes", id="help-search", compact=True)
            with VerticalScroll(can_focus=False):
                yield Static(id="help-keys")

    def on_resize(self) -> None:
        self._list()

    def on_input_changed(self) -> None:
        self._list()

    def _list(self) -> None:
        width = self.query_one(VerticalScroll).size.width - 2
        self.query_one("#help-keys", Static).update(help_text(self.query_one(Input).value, width))

    def action_scroll(self, lines: int) -> None:
        self.query_one(VerticalScroll).scroll_relative(y=lines, animate=False)
