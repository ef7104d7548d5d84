"""Arrays in a file that nobody sees half of."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def save_aside(path: Path, **arrays: npt.NDArray[Any]) -> None:
    """Write beside ``path`` and rename, so that no reader sees half a file."""
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            np.savez(file, allow_pickle=False, **arrays)
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)
