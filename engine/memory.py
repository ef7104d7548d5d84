"""Running out of memory in training: what of it is a user's to mend. Free of torch."""

from collections.abc import Mapping
from typing import Any

from store.memory import try_smaller

_SIGNS = (
    "DefaultCPUAllocator: can't allocate memory",
    "DefaultCPUAllocator: not enough memory",
    "CUDA out of memory",
    "CUDA error: out of memory",
    "CUBLAS_STATUS_ALLOC_FAILED",
    "CUDNN_STATUS_ALLOC_FAILED",
    "could not create a primitive",  # oneDNN, which compiles one for each shape of a convolution
    "error return without exception set",  # Python, where there was no memory even for the error
)
"""What is said where there is no class of its own for it."""
_NOT_LOADED = "failed to map segment"
"""What the system says of a library, torch's own mostly, that does not fit any more."""


def out_of_memory(error: Exception, device: str, spec: Mapping[str, Any]) -> str | None:
    """The reason of a run that ``error`` ended for lack of memory; None: it has another cause.

    Nothing is made smaller by itself: another batch size gives other numbers.
    """
    if isinstance(error, ImportError) and _NOT_LOADED in str(error):
        return f"out of memory on {device} before its training began: resume it once others here need less"
    names = {each.__name__ for each in type(error).__mro__}
    if not names & {"MemoryError", "OutOfMemoryError"} and not any(sign in str(error) for sign in _SIGNS):
        return None
    return f"out of memory on {device}: {try_smaller(spec)}"
