"""``aetui keys``: every action of the screen with its keys, and a keymap to begin one's own with."""

import json
from collections.abc import Sequence
from dataclasses import dataclass

from textual.binding import Binding, BindingType

from tui.bindings import GROUPS, SCOPES
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import print_json, print_table, printable, say
from tui.keys.keymap import keymap_file, read_keymap, shown


@dataclass(frozen=True, kw_only=True)
class _Action:
    """``keys`` and ``default`` as Textual names them."""

    id: str
    place: str
    keys: tuple[str, ...]
    default: tuple[str, ...]
    meaning: str

    @property
    def is_own(self) -> bool:
        return self.keys != self.default

    def as_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "place": self.place,
            "keys": list(self.keys),
            "default": list(self.default),
            "meaning": self.meaning,
        }


def list_keys(options: Options, *, as_toml: bool) -> int:
    """Raises RequestError: the user's keymap cannot be used."""
    actions = _actions()
    if options.json:
        print_json([action.as_json() for action in actions])
    elif as_toml:
        for line in _toml(actions):
            say(line)
    else:
        rows = [(each.id, shown(",".join(each.keys)), each.place, each.meaning) for each in actions]
        print_table(("id", "keys", "place", "meaning"), rows)
    return DONE


def _actions() -> list[_Action]:
    own = read_keymap()
    found: dict[str, _Action] = {}
    groups: list[tuple[str, Sequence[BindingType]]] = [*GROUPS.items(), *SCOPES.items()]
    for place, bindings in groups:
        for binding in bindings:
            if isinstance(binding, Binding) and binding.id and binding.id not in found:
                found[binding.id] = _Action(
                    id=binding.id,
                    place=place,
                    keys=tuple(own.get(binding.id, binding.key).split(",")),
                    default=tuple(binding.key.split(",")),
                    meaning=binding.tooltip,
                )
    return list(found.values())


def _toml(actions: list[_Action]) -> list[str]:
    """A keymap in which what is as it was is a comment."""
    lines = [f"# The keys of aetui's screen. In {printable(str(keymap_file()))} it is read; what is left out stays."]
    place = ""
    for action in actions:
        if action.place != place:
            place = action.place
            lines += ["", f"# {place}"]
        keys = json.dumps(action.keys[0] if len(action.keys) == 1 else action.keys)
        lines.append(f'{"" if action.is_own else "# "}"{action.id}" = {keys}  # {action.meaning}')
    return lines
