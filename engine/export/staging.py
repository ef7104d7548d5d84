"""An export comes into its folder whole or not at all; what others have put there stays."""

import hashlib
import json
import os
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from store.artifacts import written_aside
from store.errors import RequestError
from store.json_file import read_object

MANIFEST = "manifest.json"
_ASIDE = ".export-"


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """Yield an empty folder in ``out`` to fill, made where there is none; afterwards `publish` has emptied it.

    Raises:
        RequestError: nothing can be written there, or the disk is full; ``out`` is as it was then.
    """
    was_there = True
    aside = out / f"{_ASIDE}{os.getpid()}"
    try:
        was_there = out.is_dir()
        out.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(out)
        aside.mkdir()
        yield aside
    except OSError as error:
        raise RequestError(f"The export cannot be written to {str(out)!a}: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(aside, ignore_errors=True)
        if not was_there:
            with suppress(OSError):  # something is in it
                out.rmdir()


def publish(aside: Path, manifest: Mapping[str, Any], *, is_whole: bool) -> dict[str, Any]:
    """Move all of ``aside`` into the folder around it, and write there what it is: ``manifest`` and all files' SHA-256.

    ``is_whole``: files of the export before that this one does not have are removed; else they stay, and what was told
    of them.
    """
    out = aside.parent
    before = read_manifest(out)
    files = {str(file.relative_to(aside)): _hash(file) for file in sorted(aside.rglob("*")) if file.is_file()}
    kept = {} if is_whole else before
    described = {**manifest, **kept, "files": dict(sorted({**kept.get("files", {}), **files}.items()))}
    text = json.dumps(described, indent=1, default=str) + "\n"
    # All is on the disk by now: what is left to do are renames, and who wants it ended waits for them.
    before_mask = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGTERM, signal.SIGINT))
    try:
        for name in files:
            target = out / name
            target.parent.mkdir(parents=True, exist_ok=True)
            os.replace(aside / name, target)
        if is_whole:
            _remove_gone(out, before.get("files", {}), files)
        with written_aside(out / MANIFEST) as file:
            file.write_text(text, encoding="utf-8")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before_mask)
    return described


def read_manifest(out: Path) -> dict[str, Any]:
    """Of the export that lies in ``out``; empty where none does."""
    found = read_object(out / MANIFEST)
    return found if isinstance(found.get("files"), dict) else {}


def _remove_gone(out: Path, before: Mapping[str, str], files: Mapping[str, str]) -> None:
    """Only what an export wrote and nobody has changed since."""
    for name, hashed in before.items():
        gone = out / name
        with suppress(OSError, ValueError):  # the manifest may have been changed too
            if name in files or not gone.resolve().is_relative_to(out.resolve()):
                continue
            if _hash(gone) == hashed:
                gone.unlink()
                gone.parent.rmdir()  # where it was the last one there


def _remove_leftovers(out: Path) -> None:
    """What a killed export left half done."""
    for folder in out.glob(f"{_ASIDE}*"):
        if not _is_alive(folder.name.removeprefix(_ASIDE)):
            shutil.rmtree(folder, ignore_errors=True)


def _is_alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        pass
    return True


def _hash(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
