"""The library of the C files beside this one, made anew in every process: half a second, while torch is imported.

Nothing is kept on the disk: there is no cache that another user, another processor or another version could spoil.
"""

import ctypes
import functools
import logging
import os
import shutil
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path

OFF_VARIABLE = "AETUI_KERNELS"
"""``torch`` in it: nothing is compiled."""
_COMPILERS = ("cc", "gcc", "clang")
# What would let the compiler reckon NaN away, as -ffast-math does, stays out: a run that diverges must be seen to.
_FLAGS = ("-std=gnu11", "-O3", "-march=native", "-fno-math-errno", "-fno-trapping-math", "-fPIC", "-shared")
_ENOUGH_S = 60.0
_LIBRARY = "kernels.so"

_POINTER, _LONG, _INT, _FLOAT = ctypes.c_void_p, ctypes.c_int64, ctypes.c_int, ctypes.c_float
_SIGNATURES = {
    "norm_silu_forward": [_POINTER, _LONG, _LONG, _POINTER, _POINTER, _FLOAT, _FLOAT, *[_POINTER] * 4, _INT],
    "norm_silu_backward": [_POINTER, _POINTER, _LONG, _LONG, *[_POINTER] * 4, _INT],
    "convolve_up": [_POINTER, _POINTER, *[_LONG] * 7, _POINTER, _INT],
    "convolve_one": [_POINTER, _POINTER, *[_LONG] * 4, _POINTER, _INT],
}

log = logging.getLogger("aetui")
_one_at_a_time = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Compiled:
    """What came of it: ``library``, or None and in ``trouble`` what the compiler said (nothing where there is none)."""

    library: ctypes.CDLL | None = None
    trouble: str = ""


@dataclass(frozen=True, kw_only=True)
class _Work:
    folder: "tempfile.TemporaryDirectory[str]"
    process: "subprocess.Popen[bytes]"


def find_compiler() -> str | None:
    """The path of a C compiler; None: there is none, or the user wants none."""
    if os.environ.get(OFF_VARIABLE) == "torch":
        return None
    names = (os.environ.get("CC", ""), *_COMPILERS)
    return next((path for name in names if name and (path := shutil.which(name))), None)


def begin() -> None:
    """Let the compiler begin, in a process of its own, for what is wanted soon."""
    _begun()


def compiled() -> Compiled:
    """Waits for the compiler; the same answer for the life of the process, to all its threads."""
    with _one_at_a_time:
        return _compiled()


@functools.cache
def _compiled() -> Compiled:
    work = _begun()
    if not isinstance(work, _Work):
        return work
    with work.folder as folder:
        try:
            complaints = work.process.communicate(timeout=_ENOUGH_S)[1].decode(errors="replace").strip()
            if work.process.returncode:
                raise OSError(complaints.splitlines()[0] if complaints else f"status {work.process.returncode}")
            library = ctypes.CDLL(str(Path(folder, _LIBRARY)))
        except (OSError, subprocess.TimeoutExpired) as error:
            work.process.kill()
            return Compiled(trouble=str(error))
    for name, arguments in _SIGNATURES.items():
        getattr(library, name).argtypes = arguments
    return Compiled(library=library)


def kernels(device: str) -> str:
    """What trains on ``device``, as a run's ``config.json`` has it: the numbers of the two differ by rounding."""
    if device != "cpu":
        return "torch"
    if compiled().trouble:
        log.warning("the C compiler failed (%s): torch's own layers are used, which are slower", compiled().trouble)
    return "torch" if compiled().library is None else "compiled"


@functools.cache
def _begun() -> _Work | Compiled:
    compiler = find_compiler()
    if compiler is None:
        return Compiled()
    # Clang's OpenMP is a package of its own, and elsewhere than on Linux cc mostly is Clang.
    is_gcc = sys.platform == "linux" and "clang" not in Path(compiler).resolve().name
    flags = [*_FLAGS, *(["-fopenmp"] if is_gcc else [])]
    sources = sorted(str(path) for path in Path(__file__).parent.glob("*.c"))
    try:
        folder = tempfile.TemporaryDirectory(prefix="aetui-")
        command = [compiler, *flags, *sources, "-o", str(Path(folder.name, _LIBRARY)), "-lm"]
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    except OSError as error:
        return Compiled(trouble=str(error))
    return _Work(folder=folder, process=process)
