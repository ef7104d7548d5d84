"""The bottom line: the keys that work here and now, as many as fit, in the order of `tui.bindings`."""

from typing import Any

from rich.text import Text
from textual.binding import Binding

from tui.bindings import ORDER, OWN_KEYS, shown_key
from tui.widgets.lines import Lines


class KeyLine(Lines):
    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._keys: list[Binding] = []

    def on_mount(self) -> None:
        self.screen.bindings_updated_signal.subscribe(self, lambda _screen: self.refresh_keys())

    def on_resize(self) -> None:
        self._draw()

    def refresh_keys(self) -> None:
        keys, seen = [], set()
        for active in self.screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.id not in seen:
                seen.add(binding.id)
                keys.append(binding)
        if OWN_KEYS:  # Textual puts keys of a keymap behind all others
            keys.sort(key=lambda binding: ORDER.get(str(binding.id), 0))
        # The app's own (help, leave) come last in the chain, and must not be the ones that find no room.
        keys.sort(key=lambda binding: not str(binding.id).startswith("app."))
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
