"""What a run must remember to be run again: configuration, versions, git commit, host, device."""

import functools
import importlib.metadata
import platform
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from store.clock import host

_PACKAGES = ("aetui", "torch", "torchvision", "numpy", "optuna", "scikit-learn", "safetensors", "mlxtend")


def describe(spec: Mapping[str, Any], device: str, data_dir: Path) -> dict[str, Any]:
    """The contents of a run's ``config.json``."""
    return {
        "spec": dict(spec),
        "device": device,
        "data_dir": str(data_dir),
        "host": host(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "versions": versions(),
        "git_commit": git_commit(),
    }


def versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


@functools.cache
def git_commit() -> str | None:
    """The commit of the code that runs, with ``+changes`` where the work tree differs; None outside a checkout."""
    here = Path(__file__).parent
    commit = _git(here, "rev-parse", "HEAD")
    if not commit:
        return None
    return commit + ("+changes" if _git(here, "status", "--porcelain", "--untracked-files=no", "--", "..") else "")


def _git(folder: Path, *arguments: str) -> str:
    try:
        answer = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=5, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return answer.stdout.strip() if answer.returncode == 0 else ""
