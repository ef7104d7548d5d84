"""A unit of systemd's that starts the workers of a root after a boot, for what waits then.

It is the supervisor in the foreground: it fills this host's slots for as long as anything waits or runs, and leaves.
A user's own unit, started without a login where ``loginctl enable-linger`` was said.
"""

import os
import re
import sys
from pathlib import Path

from engine.notices import NOTIFY_VARIABLE, notify_file
from engine.settings import settings_environment
from store.address import ARTIFACTS_VARIABLE, STORAGE_FILE_VARIABLE, STORAGE_VARIABLE, Addresses
from store.backend import shown, storage_url
from store.errors import RequestError
from store.paths import DATA_VARIABLE, Root, find_data_dir
from store.user_paths import user_path

_CUDA_VARIABLE, _CONFIG_VARIABLE = "CUDA_VISIBLE_DEVICES", "XDG_CONFIG_HOME"
_LONGEST_NAME = 120
_NO_TEXT = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def storage_file(named: str | None) -> Path | None:
    """The file in which the storage's address stands, ``named`` being what ``--storage`` said; None: in none.

    Raises:
        RequestError: it is no path.
    """
    said = named or os.environ.get(STORAGE_VARIABLE)
    if said:
        return user_path(said.removeprefix("@")).absolute() if said.startswith("@") else None
    file = os.environ.get(STORAGE_FILE_VARIABLE)
    return user_path(file).absolute() if file else None


def unit_file(root: Root) -> Path:
    """Where systemd looks for the unit of ``root``."""
    name = re.sub(r"[^A-Za-z0-9]+", "-", str(root.path)).strip("-")[-_LONGEST_NAME:]
    config = Path(os.environ.get(_CONFIG_VARIABLE) or "~/.config").expanduser()
    return config / "systemd" / "user" / f"aetui-{name}.service"


def unit(root: Root, addresses: Addresses, storage_file: Path | None) -> str:
    """The unit's text; the storage's address stands in ``storage_file`` where that is not None.

    Raises:
        RequestError: the address holds a password and is in no file, or a path cannot stand in a unit.
    """
    environment = _environment(root, addresses, storage_file)
    arguments = ["-P", "-m", "engine.supervisor", "--root", str(root.path)]
    for text in (sys.executable, *arguments, *environment.values()):
        if _NO_TEXT.search(text):
            raise RequestError(f"{text!a} cannot stand in a unit of systemd's: it holds a character that is no text.")
    # A $ begins a variable, but not in the program's own path.
    words = [sys.executable, *(word.replace("$", "$$") for word in arguments)]
    lines = [
        "# Printed by `aetui doctor --systemd-unit`.",
        "[Unit]",
        f"Description=Workers of {_escaped(str(root.path))} for the runs that wait",
        "",
        "[Service]",
        f"ExecStart={' '.join(map(_quoted, words))}",
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in environment.items()),
        "Restart=on-failure",
        "RestartSec=30",
        "",
        "[Install]",
        "WantedBy=default.target",
    ]
    return "\n".join(lines) + "\n"


def _environment(root: Root, addresses: Addresses, storage_file: Path | None) -> dict[str, str]:
    """What this process was told by variables, but for the shell's own: systemd knows none of it."""
    found = settings_environment()
    if os.environ.get(NOTIFY_VARIABLE):
        found[NOTIFY_VARIABLE] = str(notify_file().absolute())
    if os.environ.get(DATA_VARIABLE):
        found[DATA_VARIABLE] = str(find_data_dir())
    found |= {name: os.environ[name] for name in (_CUDA_VARIABLE, _CONFIG_VARIABLE) if name in os.environ}
    if addresses.artifacts:
        found[ARTIFACTS_VARIABLE] = addresses.artifacts
    if storage_file is not None:
        found[STORAGE_FILE_VARIABLE] = str(storage_file)
    elif addresses.storage:
        url = storage_url(root, addresses.storage)
        if shown(url) != url.render_as_string(hide_password=False):
            raise RequestError(
                "The storage address holds a password, which belongs into no unit: put it into a file of your own and "
                f"name that by {STORAGE_FILE_VARIABLE}."
            )
        found[STORAGE_VARIABLE] = addresses.storage
    return found


def _quoted(text: str) -> str:
    return '"' + _escaped(text).replace("\\", "\\\\").replace('"', '\\"') + '"'


def _escaped(text: str) -> str:
    return text.replace("%", "%%")
