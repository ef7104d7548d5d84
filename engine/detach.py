"""Starting a process that outlives us: its own session, no terminal, its output in a file."""

import functools
import os
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path


def start_detached(command: Sequence[str], log: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    """Start ``command`` as the leader of a session of its own, so that no closing terminal takes it along.

    Where systemd ends a user's processes at logout, it runs in a unit of the user's own instead.
    """
    log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    prefix = ["systemd-run", "--user", "--scope", "--quiet", "--collect"] if logout_kills() else []
    with log.open("ab") as output:
        return subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            cwd="/",  # an unmounted working folder must not hold it, nor a module there shadow ours
            env={**os.environ, **environment},
        )


@functools.cache
def logout_kills() -> bool:
    """Whether systemd-logind ends this user's processes at logout and ``systemd-run --user`` is there against it."""
    if not (os.path.isdir("/run/systemd/system") and shutil.which("systemd-run") and shutil.which("busctl")):
        return False
    manager = ("org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager")
    query = ["busctl", "get-property", *manager, "KillUserProcesses"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=2, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return False
    return answer.stdout.strip() == "b true"
