"""What a Slurm job runs: a `Slot`, told by signals. submitit pickles it into a folder: no address is part of it."""

import os
import signal
from dataclasses import dataclass
from types import FrameType

from engine.placing.order import Order
from engine.placing.slot import Slot, Standing

_TOLD_TO_GO = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR2)
"""``scancel`` and preemption; the local executor's cancelling; and, as submitit asks of Slurm, the end of its time."""


@dataclass(frozen=True, kw_only=True)
class SlotJob:
    name: str
    order: Order

    def __call__(self) -> Standing:
        place = f"job {os.environ.get('SLURM_JOB_ID') or os.environ.get('SUBMITIT_LOCAL_JOB_ID')}"
        slot = Slot(self.name, self.order, place, lambda standing: print(standing, flush=True))

        def leave(_signal: int, _frame: FrameType | None) -> None:
            slot.leave()

        for number in _TOLD_TO_GO:  # submitit's own handlers pass the first by, and fail the job at the last
            signal.signal(number, leave)
        return slot.work()
