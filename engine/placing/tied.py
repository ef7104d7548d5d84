"""A module run as ``python -m`` would, for as long as somebody holds the other end of our standard input.

``python -P -m engine.placing.tied engine.worker --root DIR --id NAME@DEVICE``: a worker whose actor or job is gone must
not train on beside the next one. A pipe tells of that however its holder died, and whichever of its threads began us.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE_S = 10.0
"""For a worker to give its run back: it stops between two steps."""


def main() -> None:
    threading.Thread(target=_leave_with_our_holder, name="tied", daemon=True).start()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _leave_with_our_holder() -> None:
    while os.read(sys.stdin.fileno(), 64):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE_S)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
