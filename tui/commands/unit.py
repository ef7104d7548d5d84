"""``aetui doctor --systemd-unit``: what starts workers after a boot, and the commands that install it."""

import shlex

from engine.systemd_unit import storage_file, unit, unit_file
from store.errors import RequestError
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import note, print_json


def print_unit(options: Options, *, is_alone: bool) -> int:
    """Raises RequestError: something else is asked for too, nothing could wait there, or it cannot be written down."""
    if not is_alone:
        raise RequestError("--systemd-unit only prints and --upgrade-storage changes the storage: give one of them.")
    root = options.find_root()
    if options.is_fresh():
        raise RequestError(f"Nothing can wait in {root.path}: no run was ever made there.")
    text = unit(root, options.addresses, storage_file(options.named_storage))
    file = unit_file(root)
    commands = [f"systemctl --user enable --now {file.name}", "loginctl enable-linger"]
    if options.json:
        print_json({"unit": text, "file": str(file), "commands": commands})
        return DONE
    print(text, end="")
    note(f"Save it as {shlex.quote(str(file))}; then it starts workers now and after every boot:")
    for command in commands:
        note(f"  {command}")
    return DONE
