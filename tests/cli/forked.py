"""A process that commands are forked from: what they need of other packages is imported there, once; ours each time.

``python -P FILE FD``: SOCKET FD takes a JSON object with ``arguments``, ``env`` and ``cwd``, and the three descriptors
that are to be the command's own; it answers with the command's process, and once that has ended with its status.
Most of the second that a command takes goes into those imports, and tests call hundreds of commands.
"""

import importlib
import json
import os
import runpy
import socket
import sys
from typing import Any

# Nothing that looks at the environment or starts threads when it is imported.
WARM = (
    *("typer", "pydantic.type_adapter", "pydantic.types", "rich.console", "rich.table", "rich.progress"),
    *("sqlalchemy", "sqlalchemy.dialects.sqlite", "alembic.command", "optuna", "psutil", "pynvml"),
)


def wait_for_a_command(asked: socket.socket) -> dict[str, Any]:
    """Returns in the process that is to be the command; ends this one once nobody asks any more."""
    while True:
        text, descriptors, *_ = socket.recv_fds(asked, 1 << 20, 3)
        if not text:
            sys.exit()
        if not (pid := os.fork()):
            asked.close()
            for place, descriptor in enumerate(descriptors):
                os.dup2(descriptor, place)
            os.closerange(3, max(descriptors) + 1)
            return dict(json.loads(text))
        for descriptor in descriptors:
            os.close(descriptor)
        asked.send(str(pid).encode())
        asked.send(str(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])).encode())


if __name__ == "__main__":
    for name in WARM:
        importlib.import_module(name)
    wanted = wait_for_a_command(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(wanted["env"])
    os.chdir(wanted["cwd"])
    sys.argv = wanted["arguments"]
    sys.path.insert(0, os.path.dirname(sys.argv[0]))  # as Python itself does it
    runpy.run_path(sys.argv[0], run_name="__main__")
