"""The files of an exported model in their folder: all of them new, or all as they were."""

import json
import os
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from store.artifacts import written_aside
from store.errors import RequestError

DESCRIPTION = "model.json"
_NAMES = {f"{part}.{ending}" for part in ("encoder", "decoder", "classifier") for ending in ("pt2", "onnx")}


def require_writable(folder: Path) -> None:
    """Raises RequestError: ``folder`` is there and cannot be written into, or it cannot be made."""
    try:
        nearest = next(place for place in (folder, *folder.parents) if place.exists())
    except OSError as error:
        raise _refused(folder, error) from error
    if not nearest.is_dir():
        raise RequestError(f"{nearest} is no folder, so no model can be written into {folder}.")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise RequestError(f"Nothing may be written into {nearest}: choose another folder for the model.")


def replace_all(folder: Path, files: Mapping[str, bytes]) -> None:
    """Put ``files`` into ``folder`` in place of the export that is there, if there is one.

    What that one lists in its model.json and ``files`` have not is removed: it would be of other weights.

    Raises:
        RequestError: it cannot be written; what was there is still there.
    """
    outdated = _listed(folder) - files.keys()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in files:
            if (folder / name).is_dir():
                raise IsADirectoryError(None, f"{name} is a folder")
        # Left from the last to the first, and none is renamed once one of them fails.
        with ExitStack() as asides:
            for name, data in files.items():
                _write(asides.enter_context(written_aside(folder / name)), data)
        for name in outdated:
            (folder / name).unlink(missing_ok=True)
    except OSError as error:
        raise _refused(folder, error) from error


def _write(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        # A full disk may tell only now, and must before the first file is renamed.
        os.fsync(file.fileno())


def _listed(folder: Path) -> set[str]:
    """The model files that the description in ``folder`` lists."""
    try:
        return _NAMES & set(json.loads((folder / DESCRIPTION).read_text(encoding="utf-8"))["files"])
    except (OSError, ValueError, KeyError, TypeError):
        return set()


def _refused(folder: Path, error: OSError) -> RequestError:
    return RequestError(f"The model cannot be written into {folder}: {error.strerror or error}.")
