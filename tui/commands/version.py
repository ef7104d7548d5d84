"""``aetui --version``."""

import importlib.metadata
import platform

from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import print_json, say

_BESIDE = ("torch", "optuna", "textual")


def versions() -> dict[str, str | None]:
    """The version of each distribution as its metadata has it, nothing imported; None where it is absent."""
    found: dict[str, str | None] = {}
    for name in ("aetui", *_BESIDE):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = None
    return {**found, "python": platform.python_version()}


def show_version(options: Options) -> int:
    found = versions()
    if options.json:
        print_json(found)
    else:
        beside = ", ".join(f"{name} {version or 'missing'}" for name, version in found.items() if name != "aetui")
        say(f"aetui {found['aetui'] or '(not installed)'} ({beside})")
    return DONE
