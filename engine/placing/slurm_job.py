"""What a Slurm job runs: a `Slot`, told by signals. submitit pickles it into a folder: no address is part of it.

What submitit pickles in turn at the job's end is never read: how the slot stands lies beside it as JSON.
"""

import json
import os
import signal
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import FrameType

from engine.placing.order import Order
from engine.placing.slot import Slot, Standing
from store.artifacts import written_aside
from store.json_file import read_object

_TOLD_TO_GO = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
"""``scancel`` and preemption; the local executor's cancelling; and, as submitit asks of Slurm, the end of its time."""


@dataclass(frozen=True, kw_only=True)
class SlotJob:
    name: str
    order: Order
    folder: Path

    def __call__(self) -> None:
        place = f"job {os.environ.get('SLURM_JOB_ID') or os.environ.get('SUBMITIT_LOCAL_JOB_ID')}"
        slot = Slot(self.name, self.order, place, self._tell)

        def leave(_signal: int, _frame: FrameType | None) -> None:
            slot.leave()

        for number in _TOLD_TO_GO:  # submitit's own handlers pass the first by, and fail the job at the last
            signal.signal(number, leave)
        slot.work()

    def _tell(self, standing: Standing) -> None:
        # Where it cannot be told, on a full disk say, the worker works all the same.
        with suppress(OSError), written_aside(_standing_file(self.folder, self.name)) as aside:
            aside.write_text(json.dumps(asdict(standing)), encoding="utf-8")


def read_standing(folder: Path, name: str) -> Standing | None:
    """How the slot ``name`` stood when its job last told; None where it has not, or something else lies there."""
    try:
        return Standing(**read_object(_standing_file(folder, name)))
    except TypeError:
        return None


def _standing_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
