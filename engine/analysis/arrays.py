"""Arrays in a file that nobody sees half of."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from store.artifacts import written_aside


def save_aside(path: Path, **arrays: npt.NDArray[Any]) -> None:
    """Write beside ``path`` and rename, so that no reader sees half a file."""
    with written_aside(path) as aside, aside.open("wb") as file:
        np.savez(file, allow_pickle=False, **arrays)
