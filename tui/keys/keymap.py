"""The user's own keys, for all roots: ``keymap.toml`` in the configuration folder (``AETUI_KEYMAP``: another file).

```toml
"run.stop" = "ctrl+x"        # an id of `aetui keys`, and a key
"move.down" = ["down", "i"]  # or several
```
"""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from textual.binding import Binding
from textual.keys import Keys, key_to_character

from store.errors import RequestError
from store.paths import find_config_dir
from store.settings_file import read_toml
from store.user_paths import user_path
from tui.bindings import SCOPES

KEYMAP_VARIABLE = "AETUI_KEYMAP"

_TAKEN = {
    "ctrl+a": "GNU screen takes it for itself",
    "ctrl+b": "tmux takes it for itself",
    "ctrl+c": "it tells how to leave",
    "ctrl+h": "terminals send it as backspace",
    "ctrl+i": "terminals send it as tab",
    "ctrl+m": "terminals send it as enter",
    "ctrl+q": "terminals take it for flow control",
    "ctrl+s": "terminals take it for flow control",
    "ctrl+z": "the shell takes it for itself",
}
_MODIFIERS = {"ctrl", "shift", "alt"}
_NAMES = {key.value for key in Keys if key.value.replace("_", "").isalnum()}
_NAMED = {"slash": "/", "backslash": "\\", "at": "@", "minus": "-", "plus": "+", "underscore": "_"}
"""Keys that Textual names otherwise than Unicode does."""

Keymap = Mapping[str, str]
"""Id of a binding -> its keys, as Textual names them, a comma between two."""


def keymap_file() -> Path:
    """Where the keymap is looked for."""
    named = os.environ.get(KEYMAP_VARIABLE)
    return user_path(named) if named else find_config_dir() / "keymap.toml"


def read_keymap() -> Keymap:
    """What the user's file says; empty without a file.

    Raises:
        RequestError: it cannot be read, or says something that cannot be.
    """
    file = keymap_file()
    found = read_toml(file)
    if found is None:
        if os.environ.get(KEYMAP_VARIABLE):
            raise RequestError(f"{file}, which {KEYMAP_VARIABLE} names, is not there.")
        return {}
    keymap = {id: _keys(file, id, value) for id, value in _flat(found)}
    _check_places(file, keymap)
    return keymap


def _flat(table: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """``run.stop`` without quotes is a table in a table to TOML."""
    for name, value in table.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _keys(file: Path, id: str, value: object) -> str:
    if id not in default_keys():
        raise RequestError(f"{file}: there is no action {id!a}; `aetui keys` lists them.")
    keys = [value] if value == "," else value.split(",") if isinstance(value, str) else value
    if not isinstance(keys, list) or not keys or not all(isinstance(key, str) and key.strip() for key in keys):
        raise RequestError(f"{file}: {id} is to be a key in quotes, or a list of such.")
    return ",".join(_key(file, id, key.strip()) for key in keys)


def _key(file: Path, id: str, key: str) -> str:
    """The name that Textual has for ``key``."""
    *modifiers, last = key.split("+") if key != "+" else [key]
    if len(last) == 1:
        last = "comma" if last == "," else next(iter(Binding.make_bindings([Binding(last, "")]))).key
    name = "+".join([*modifiers, last])
    is_letter = len(last) == 1
    is_known = (is_letter and last.isprintable()) or last in _NAMES or last in _NAMED or key_to_character(last)
    is_sent = set(modifiers) <= _MODIFIERS and len(set(modifiers)) == len(modifiers) and modifiers != ["shift"]
    if not is_known or not (is_sent or (modifiers == ["shift"] and not is_letter)):
        raise RequestError(f"{file}: {id}: there is no key {key!a}; keys are written x, X, ?, f5, ctrl+x, shift+up.")
    if why := _TAKEN.get(name):
        raise RequestError(f"{file}: {id} cannot have {name}: {why}.")
    return name


def default_keys() -> dict[str, str]:
    """Every id and its keys, as they are without a keymap."""
    return {binding.id: binding.key for binding in _all() if binding.id}


def _all() -> Iterator[Binding]:
    for scope in SCOPES.values():
        for binding in scope:
            if isinstance(binding, Binding):
                yield binding


def _check_places(file: Path, keymap: Keymap) -> None:
    """Two actions of one place must not have one key, unless theirs is the same by nature (pause and resume)."""
    defaults = default_keys()
    shared = _sharing(defaults)
    for scope in SCOPES.values():
        owners: dict[str, str] = {}
        ids = dict.fromkeys(binding.id for binding in scope if isinstance(binding, Binding) and binding.id)
        for id in sorted(ids, key=lambda id: id in keymap):  # those of the file last: they are to blame
            for key in dict.fromkeys(keymap.get(id, defaults[id]).split(",")):
                owner = owners.setdefault(key, id)
                if owner != id and {owner, id} & keymap.keys() and owner not in shared.get(id, ()):
                    raise RequestError(
                        f"{file}: {id} cannot have {shown(key)}: {owner} has it in the same place; give that another."
                    )


def _sharing(defaults: Mapping[str, str]) -> dict[str, set[str]]:
    """For each id those that have a key with it in one place, as they are without a keymap."""
    sharing: dict[str, set[str]] = {}
    for scope in SCOPES.values():
        of_key: dict[str, set[str]] = {}
        for binding in scope:
            if isinstance(binding, Binding) and binding.id:
                for key in defaults[binding.id].split(","):
                    of_key.setdefault(key, set()).add(binding.id)
        for ids in of_key.values():
            for id in ids:
                sharing.setdefault(id, set()).update(ids - {id})
    return sharing


def whole(keymap: Keymap) -> dict[str, str]:
    """``keymap``, and the keys of all that shared one with an action of it.

    Textual takes a key that was left away from all who had it: pause elsewhere would leave resume without any.
    """
    defaults = default_keys()
    sharing = _sharing(defaults)
    found = dict(keymap)
    waiting = list(keymap)
    while waiting:
        for id in sharing.get(waiting.pop(), ()):
            if id not in found:
                found[id] = defaults[id]
                waiting.append(id)
    return found


def shown(keys: str) -> str:
    """How the user's own ``keys`` are written for people."""
    return " ".join("+".join(map(_shown_part, key.split("+"))) for key in keys.split(","))


def _shown_part(part: str) -> str:
    if part == "escape":
        return "esc"
    character = _NAMED.get(part) or (key_to_character(part) if part not in _NAMES else None)
    return character if character and character.isprintable() else part
