"""What ``settings.toml`` says: workers a device, what a run takes where nothing is said, when a GPU is passed by.

```toml
[slots]                      # workers at once, by device
cpu = 2
"cuda:0" = 1

[defaults]                   # of `aetui run`, `aetui search` and the forms
dataset = "mnist"            # a name of `aetui data`, or a path that begins with / or ~
epochs = 20
seed = 0
device = "auto"
threads = 1

[placing]
gpu_free_gb = 2              # a GPU on which others leave less gets no worker
```

It lies in the user's configuration folder (``AETUI_SETTINGS`` names another file), for all roots. What was chosen on
the queue screen of a root goes before it, and what stands on a command line before both.
"""

import dataclasses
import functools
import logging
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from engine import catalog
from engine.devices import check_device_name
from engine.spec import RunSpec
from store.errors import RequestError
from store.paths import find_config_dir
from store.settings_file import read_toml
from store.user_paths import user_path

SETTINGS_VARIABLE = "AETUI_SETTINGS"
MOST_SLOTS = 1024
_DEVICE = re.compile(r"cpu|cuda:(0|[1-9][0-9]{0,3})")
_MOST_GB = 10_000
_MOST = 2**63

log = logging.getLogger("aetui")


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a run takes of what nobody said; ``threads`` None: its share of the cores."""

    dataset: str = catalog.DEFAULT_DATASET
    epochs: int = 10
    seed: int = 0
    device: str = "auto"
    threads: int | None = None


@dataclass(frozen=True, kw_only=True)
class Settings:
    """``says`` tells in one line what the file says; "" where there is none, or nothing in it."""

    slots: Mapping[str, int] = field(default_factory=dict)
    defaults: Defaults = Defaults()
    gpu_free_gb: float = 2.0
    says: str = ""


def settings_file() -> Path:
    """Where the settings are looked for."""
    named = os.environ.get(SETTINGS_VARIABLE)
    return user_path(named) if named else find_config_dir() / "settings.toml"


def settings_environment() -> dict[str, str]:
    """What a process that works from another folder needs to find the same file."""
    return {SETTINGS_VARIABLE: str(settings_file().absolute())} if os.environ.get(SETTINGS_VARIABLE) else {}


def read_settings() -> Settings:
    """What the file says; what is built in where there is none.

    Raises:
        RequestError: it cannot be read, or says something that has no meaning.
    """
    file = settings_file()
    found = read_toml(file)
    return Settings() if found is None else _checked(file, found)


def usual_settings() -> Settings:
    """As `read_settings`, for what must go on: what is built in where the file cannot be used, which is logged once."""
    try:
        return read_settings()
    except RequestError as error:
        _warn(str(error))
        return Settings()


@functools.cache
def _warn(sentence: str) -> None:
    log.warning("%s What is built in is taken instead.", sentence)


def _checked(file: Path, found: Mapping[str, Any]) -> Settings:
    for name, table in found.items():
        if name not in ("slots", "defaults", "placing"):
            raise RequestError(f"{file}: {name!a} means nothing; it takes slots, defaults, placing.")
        if not isinstance(table, dict):
            raise RequestError(f"{file}: {name} is to be a table, as [{name}].")
    placing = found.get("placing", {})
    _check_keys(file, "placing", placing, ("gpu_free_gb",))
    free = placing.get("gpu_free_gb", Settings.gpu_free_gb)
    if type(free) not in (int, float) or not 0 <= free <= _MOST_GB:
        raise RequestError(f"{file}: gpu_free_gb is to be a number of GB from 0 to {_MOST_GB}.")
    slots = _slots(file, found.get("slots", {}))
    defaults = _defaults(file, found.get("defaults", {}))
    told = [(name, ", ".join(f"{key}={value}" for key, value in table.items())) for name, table in found.items()]
    says = "; ".join(f"{name} {values}" for name, values in told if values)
    return Settings(slots=slots, defaults=defaults, gpu_free_gb=float(free), says=says)


def _slots(file: Path, given: Mapping[str, Any]) -> dict[str, int]:
    for device, count in given.items():
        if not _DEVICE.fullmatch(device):
            raise RequestError(f'{file}: {device!a} in [slots] is no device; write cpu, or "cuda:0" and the like.')
        if type(count) is not int or not 0 <= count <= MOST_SLOTS:
            raise RequestError(f"{file}: {device} in [slots] is to be a whole number from 0 to {MOST_SLOTS}.")
    return dict(given)


_MEANINGS: Mapping[str, tuple[type, str]] = {
    "dataset": (str, "a name or a path in quotes"),
    "epochs": (int, "a whole number"),
    "seed": (int, "a whole number"),
    "device": (str, "auto, cpu, cuda or cuda:N in quotes"),
    "threads": (int, "a whole number"),
}


def _defaults(file: Path, given: Mapping[str, Any]) -> Defaults:
    _check_keys(file, "defaults", given, _MEANINGS)
    for key, value in given.items():
        kind, says = _MEANINGS[key]
        if type(value) is not kind or (isinstance(value, int) and abs(value) >= _MOST):
            raise RequestError(f"{file}: {key} is to be {says}.")
    defaults = dataclasses.replace(Defaults(), **given)
    known = [dataset.name for dataset in catalog.datasets()]
    # A relative path would name another file in every folder.
    if defaults.dataset not in known and not defaults.dataset.startswith(("/", "~")):
        raise RequestError(
            f"{file}: there is no data set {defaults.dataset!a}; take one of {', '.join(known)}, or a path that begins "
            "with / or ~."
        )
    try:
        check_device_name(defaults.device)
        numbers = {key: value for key, value in given.items() if _MEANINGS[key][0] is int}
        RunSpec(kind="cae", dataset=defaults.dataset, **({"epochs": defaults.epochs} | numbers))
    except RequestError as error:
        raise RequestError(f"{file}: {error}") from error
    return defaults


def _check_keys(file: Path, name: str, given: Mapping[str, Any], known: Mapping[str, Any] | tuple[str, ...]) -> None:
    for key in given:
        if key not in known:
            raise RequestError(f"{file}: {key!a} in [{name}] means nothing; it takes {', '.join(known)}.")
