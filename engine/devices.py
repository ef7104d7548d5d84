"""Which devices this machine has, asked without torch: NVIDIA's through NVML, and the CPU always."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import pynvml

from store.errors import RequestError


@dataclass(frozen=True, kw_only=True)
class Gpu:
    """An NVIDIA GPU that this process may use; ``name`` is torch's (``cuda:0``), memory in bytes, load in percent.

    ``processes`` are the pids of those that compute there and what each holds, as far as the driver tells.
    """

    name: str
    model: str
    memory_used: int
    memory_total: int
    load: int
    temperature: int
    processes: Mapping[int, int] = field(default_factory=dict)


def gpus(nvml: Any = pynvml) -> list[Gpu]:
    """The GPUs that ``CUDA_VISIBLE_DEVICES`` leaves, in torch's order; none without a driver (or one that fails)."""
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return []
    try:
        return [_read(nvml, name, handle) for name, handle in _visible(nvml)]
    except nvml.NVMLError:  # a driver that was just replaced, a card that fell off the bus
        return []
    finally:
        nvml.nvmlShutdown()


def _visible(nvml: Any) -> Iterator[tuple[str, Any]]:
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    count = nvml.nvmlDeviceGetCount()
    chosen = [str(i) for i in range(count)] if visible is None else [part.strip() for part in visible.split(",")]
    for position, entry in enumerate(chosen):
        if entry.isdecimal() and int(entry) < count:
            yield f"cuda:{position}", nvml.nvmlDeviceGetHandleByIndex(int(entry))
        elif entry.startswith("GPU-"):
            yield f"cuda:{position}", nvml.nvmlDeviceGetHandleByUUID(entry)
        else:
            return  # CUDA too stops at the first entry that names nothing


def _read(nvml: Any, name: str, handle: Any) -> Gpu:
    memory = nvml.nvmlDeviceGetMemoryInfo(handle)
    try:
        load = int(nvml.nvmlDeviceGetUtilizationRates(handle).gpu)
        temperature = int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))
    except nvml.NVMLError:  # not every card tells
        load = temperature = 0
    try:
        computing = nvml.nvmlDeviceGetComputeRunningProcesses(handle)
    except nvml.NVMLError:
        computing = []
    return Gpu(
        name=name,
        model=str(nvml.nvmlDeviceGetName(handle)),
        memory_used=int(memory.used),
        memory_total=int(memory.total),
        load=load,
        temperature=temperature,
        processes={int(each.pid): int(each.usedGpuMemory or 0) for each in computing},
    )


def check_device(wanted: str) -> str:
    """``auto``, ``cpu``, ``cuda`` or ``cuda:N`` if this machine has it.

    Raises:
        RequestError: it is none of them, or not here.
    """
    check_device_name(wanted)
    if wanted in ("auto", "cpu"):
        return wanted
    here = [gpu.name for gpu in gpus()]
    if not here:
        raise RequestError(
            f"The device {wanted!r} is not here: no NVIDIA GPU answers on this machine; take cpu or auto."
        )
    if wanted != "cuda" and wanted not in here:
        raise RequestError(f"The device {wanted!r} is not here: this machine has {', '.join(here)}.")
    return wanted


def check_device_name(wanted: str) -> None:
    """Raises RequestError: ``wanted`` is neither ``auto``, ``cpu``, ``cuda`` nor ``cuda:N``, on whatever machine."""
    name, _, index = wanted.partition(":")
    if wanted not in ("auto", "cpu") and (name != "cuda" or (":" in wanted and not index.isdecimal())):
        raise RequestError(f"There is no device {wanted!r}: take auto, cpu, cuda or cuda:N.")


MAX_DEFAULT_THREADS = 4
"""More threads than this make small convolutions no faster."""
CPU_WORKERS = 2


def default_threads() -> int:
    """Threads of a run whose user named none: what each worker's run may have of the cores.

    With more threads than cores all wait for each other: two runs of two threads on two cores took 28 s, of one 5 s.
    """
    return max(1, min(MAX_DEFAULT_THREADS, len(os.sched_getaffinity(0)) // CPU_WORKERS))


def worker_devices(wanted: str, slots: int | None) -> list[str]:
    """The device of each slot: ``slots`` of them, else one a GPU, else two on the CPU (one on a single core).

    Two workers of one thread train more images a second than one of two threads (``aetui bench`` shows it).
    """
    if wanted == "auto":
        names = [gpu.name for gpu in gpus()] or ["cpu"]
    elif wanted == "cuda":
        names = [gpu.name for gpu in gpus()]
    else:
        names = [wanted]
    count = slots or (len(names) if names != ["cpu"] else min(CPU_WORKERS, os.cpu_count() or 1))
    return [names[slot % len(names)] for slot in range(count)]
