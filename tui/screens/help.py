"""What the keys do: those that work here and now first, with a search; any of them can be done from here."""

import textwrap
from collections.abc import Container, Iterator
from dataclasses import dataclass, replace

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import Input, OptionList, Static
from textual.widgets.option_list import Option

from tui.bindings import GROUPS, HELP, key_of, shown_key
from tui.keys.doing import working
from tui.keys.why_not import Place, why_not
from tui.screens.home import HomeScreen
from tui.widgets.table import RowTable

ELSEWHERE = "not here, or not now"
_KEY_WIDTH = 12


@dataclass(frozen=True)
class HelpGroup:
    title: str
    bindings: tuple[Binding, ...]
    works: bool


def help_groups(working: Container[str], words: str, first: str = "") -> list[HelpGroup]:
    """What holds all ``words``: what is ``working``, by group, that of the title ``first`` first, then all the rest."""
    wanted = words.lower().split()
    found = {
        title: [binding for binding in bindings if all(word in _line(binding).lower() for word in wanted)]
        for title, bindings in sorted(GROUPS.items(), key=lambda group: group[0] != first)
    }
    groups = [HelpGroup(title, tuple(b for b in group if b.id in working), True) for title, group in found.items()]
    rest = HelpGroup(ELSEWHERE, tuple(b for group in found.values() for b in group if b.id not in working), False)
    return [group for group in (*groups, rest) if group.bindings]


def _line(binding: Binding) -> str:
    return f"{shown_key(binding)} {binding.description} {binding.tooltip}"


class HelpScreen(ModalScreen[Binding | None]):
    """Left with what is to be done on the screen ``below``."""

    BINDINGS = HELP

    def __init__(self, below: Screen[object]) -> None:
        super().__init__()
        self._below = below
        self._working = working(below)
        self._place = Place(name=_name_of(below))
        if isinstance(below, HomeScreen):
            self._place = replace(self._place, pane=below.pane, has_run=below.runs.current is not None)
        is_in_pane = isinstance(below, HomeScreen) and not isinstance(below.focused, RowTable)
        self._first = "panes" if is_in_pane else self._place.name
        self._shown: dict[str, Binding] = {}

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog", id="help"):
            yield Static(Text("Keys", style="bold"), classes="dialog-title")
            up, down, close = map(key_of, ("help.up", "help.down", "help.close"))
            hint = f"type to search; {up}, {down}; enter does it; {close} closes"
            search = Input(placeholder=hint, id="help-search", compact=True)
            search.cursor_blink = False  # a redraw that nobody asked for
            yield search
            keys = OptionList(id="help-keys", compact=True)
            keys.can_focus = False  # what is typed goes on being searched for
            yield keys
            yield Static(id="help-says")

    def on_resize(self) -> None:
        self._list()

    def on_input_changed(self) -> None:
        self._list()

    @property
    def _keys(self) -> OptionList:
        return self.query_one("#help-keys", OptionList)

    @property
    def chosen(self) -> str | None:
        """The id under the cursor."""
        option = self._keys.highlighted_option
        return option.id if option else None

    def _list(self) -> None:
        groups = help_groups(self._working, self.query_one(Input).value, self._first)
        self._shown = {str(binding.id): binding for group in groups for binding in group.bindings}
        keys = self._keys
        kept = self.chosen
        keys.set_options(self._options(groups))
        if kept in self._shown:
            keys.highlighted = keys.get_option_index(kept)
        else:
            keys.action_first()
        self._say()

    def _options(self, groups: list[HelpGroup]) -> Iterator[Option]:
        width = self._keys.size.width - 2
        for number, group in enumerate(groups):
            yield Option(Text(("\n" if number else "") + group.title, style="bold underline"), disabled=True)
            for binding in group.bindings:
                yield Option(_prompt(binding, group.works, width), id=binding.id)

    def _say(self, *, is_loud: bool = False) -> None:
        """Under the list: why the line under the cursor cannot be done."""
        binding = self._shown.get(self.chosen or "")
        says = Text()
        if binding is None:
            says = Text("No key does that.", style="dim")
        elif binding.id not in self._working:
            says = Text(why_not(binding, self._place), style="bold" if is_loud else "dim")
        self.query_one("#help-says", Static).update(says)

    def on_option_list_option_highlighted(self) -> None:
        self._say()

    def on_option_list_option_selected(self) -> None:
        self._choose()

    def on_input_submitted(self) -> None:
        self._choose()

    def _choose(self) -> None:
        binding = self._shown.get(self.chosen or "")
        if binding is None or binding.id not in self._working:
            self._say(is_loud=True)
        else:
            self.dismiss(binding)

    def action_close(self) -> None:
        self.dismiss(None)

    def action_move(self, rows: int) -> None:
        keys = self._keys
        (keys.action_cursor_down if rows > 0 else keys.action_cursor_up)()

    def action_page(self, pages: int) -> None:
        keys = self._keys
        (keys.action_page_down if pages > 0 else keys.action_page_up)()


def _prompt(binding: Binding, works: bool, width: int) -> Text:
    lines = textwrap.wrap(binding.tooltip, max(20, width - _KEY_WIDTH))
    text = Text(f"  {shown_key(binding)}".ljust(_KEY_WIDTH), style="bold" if works else "dim")
    return text.append(("\n" + " " * _KEY_WIDTH).join(lines), style="not bold" if works else "")


def _name_of(screen: Screen[object]) -> str:
    """The title of the group of keys that is that screen's own."""
    own = {binding.id for bindings in screen._bindings.key_to_bindings.values() for binding in bindings}
    return next((title for title, group in GROUPS.items() if group and group[0].id in own), "")
