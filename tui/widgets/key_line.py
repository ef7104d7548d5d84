"""The bottom line: the keys that work here and now, as many as fit, in the order of `tui.bindings`.

While a pane has the focus its own keys come first, also those that elsewhere are left to the help.
"""

from typing import Any

from rich.text import Text
from textual.binding import Binding
from textual.widgets import ContentSwitcher

from tui.bindings import LATENT, LOG, ORDER, OWN_KEYS, PANES, shown_key
from tui.widgets.lines import Lines

_OF_PANES = {key.id for key in (*LATENT, *PANES, *LOG) if isinstance(key, Binding)}


class KeyLine(Lines):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._keys: list[Binding] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.refresh_keys())

    def on_resize(self) -> None:
        self._draw()

    def refresh_keys(self) -> None:
        focused = self.screen.focused
        is_in_pane = focused is not None and isinstance(focused.parent, ContentSwitcher)
        keys, seen = [], set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            is_wanted = binding.show or (is_in_pane and binding.id in _OF_PANES)
            if is_wanted and active.enabled and binding.id not in seen:
                seen.add(binding.id)
                keys.append(binding)
        # Textual puts keys of a keymap behind all others, and moves those that are done at once.
        if OWN_KEYS or any(binding.priority for binding in keys):
            keys.sort(key=lambda binding: ORDER.get(str(binding.id), 0))
        # The app's own (help, leave) come last in the chain, and must not be the ones that find no room.
        keys.sort(key=_place_in_a_pane if is_in_pane else lambda binding: not _is_of_the_app(binding))
        if keys != self._keys:
            self._keys = keys
            self._draw()

    def _draw(self) -> None:
        line = Text(" ", no_wrap=True)
        for binding in self._keys:
            key, label = shown_key(binding), binding.description
            if line.cell_len + len(key) + len(label) + 3 > self.size.width:
                continue
            line.append(key, style="bold").append(f" {label}  ", style="dim")
        self.show_text(line)


def _is_of_the_app(binding: Binding) -> bool:
    return str(binding.id).startswith("app.")


def _place_in_a_pane(binding: Binding) -> int:
    is_of_panes = binding.id in _OF_PANES
    places = (_is_of_the_app(binding), is_of_panes and binding.show, binding.id == "go.back", is_of_panes, True)
    return places.index(True)
