"""The codes that a run kept of an epoch, read back: ``latents/EPOCH.npz``."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from engine.arrays_file import UnreadableArrays, read_arrays


@dataclass(frozen=True, kw_only=True, eq=False)
class KeptCodes:
    """``codes`` float [N, D], ``labels`` int [N] (-1: none), ``indices`` int [N] in the validation images."""

    epoch: int
    codes: npt.NDArray[np.floating]
    labels: npt.NDArray[np.integer]
    indices: npt.NDArray[np.integer]


def read_codes(path: Path) -> KeptCodes:
    """Raises UnreadableArrays: the file is absent, damaged, or does not hold the codes of an epoch."""
    arrays = read_arrays(path, ("codes", "labels", "indices"))
    codes, labels, indices = arrays["codes"], arrays["labels"], arrays["indices"]
    is_sound = codes.dtype.kind in "fiu" and codes.ndim >= 2 and codes.size > 0
    if not is_sound or not all(each.shape == codes.shape[:1] and each.dtype.kind in "iu" for each in (labels, indices)):
        raise UnreadableArrays(
            f"{path} cannot be read: its codes, labels and indices, of shapes {codes.shape}, {labels.shape} and "
            f"{indices.shape}, are not those of an epoch."
        )
    if codes.dtype.kind != "f":
        codes = codes.astype(np.float64)
    return KeptCodes(epoch=int(path.stem), codes=codes.reshape(len(codes), -1), labels=labels, indices=indices)
