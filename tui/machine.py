"""What this machine does just now, read where it may take its time; and how it is told. Imports no Textual."""

import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import psutil
from rich.text import Text

from engine.devices import Gpu, gpus
from engine.gpu_room import NO_WORKER, Crowded, crowded
from engine.settings import usual_settings
from store import clock
from store.file_system import nearest
from store.paths import Root
from store.records import Worker
from tui.look import Look, duration_text, printable

SCARCE_DISK = 0.05
"""The free part of a disk below which one is warned."""

_BAR = 16


@dataclass(frozen=True, kw_only=True)
class Use:
    """A worker and what its process takes; None where it cannot be known: on another host, or just now gone."""

    worker: Worker
    is_here: bool = True
    cpu_percent: int | None = None
    memory: int | None = None
    gpu_memory: int | None = None


@dataclass(frozen=True, kw_only=True)
class Machine:
    """Memory and disk in bytes."""

    host: str
    cpu_percent: int
    num_cpus: int
    memory_used: int
    memory_total: int
    disk_free: int
    disk_total: int
    gpus: tuple[Gpu, ...] = ()
    uses: tuple[Use, ...] = ()
    crowded: tuple[Crowded, ...] = ()


class Meter:
    """Loads are those since the last `read`, so whoever reads first learns little."""

    def __init__(self, root: Root, gpus: Callable[[], Sequence[Gpu]] = gpus) -> None:
        self._root, self._gpus = root, gpus
        self._processes: dict[int, psutil.Process] = {}

    def read(self, workers: Sequence[Worker]) -> Machine:
        memory = psutil.virtual_memory()
        disk = shutil.disk_usage(nearest(self._root.path))
        cards = tuple(self._gpus())
        here = {worker.pid for worker in workers if worker.host == clock.host()}
        self._processes = {pid: process for pid, process in self._processes.items() if pid in here}
        return Machine(
            host=clock.host(),
            cpu_percent=round(psutil.cpu_percent()),
            num_cpus=os.cpu_count() or 1,
            memory_used=memory.total - memory.available,
            memory_total=memory.total,
            disk_free=disk.free,
            disk_total=disk.total,
            gpus=cards,
            uses=tuple(self._use(worker, cards) for worker in workers),
            crowded=tuple(crowded(cards, here, usual_settings().gpu_free_gb)),
        )

    def _use(self, worker: Worker, cards: Sequence[Gpu]) -> Use:
        if worker.host != clock.host():
            return Use(worker=worker, is_here=False)
        on_gpu = [card.processes[worker.pid] for card in cards if worker.pid in card.processes]
        try:
            is_known = worker.pid in self._processes
            process = self._processes.setdefault(worker.pid, psutil.Process(worker.pid))
            cpu, memory = round(process.cpu_percent()), int(process.memory_info().rss)
        except psutil.Error:
            return Use(worker=worker)
        return Use(
            worker=worker,
            cpu_percent=cpu if is_known else None,
            memory=memory,
            gpu_memory=sum(on_gpu) if on_gpu else None,
        )


def gpu_text(cards: Sequence[Gpu]) -> str:
    """For the top line, coarse enough to rest; "" without a GPU."""
    if not cards:
        return ""
    used, total = sum(card.memory_used for card in cards), sum(card.memory_total for card in cards)
    name = "gpu" if len(cards) == 1 else f"{len(cards)} gpus"
    load = 5 * round(sum(card.load for card in cards) / len(cards) / 5)
    hottest = 5 * round(max(card.temperature for card in cards) / 5)
    return f"{name} {load}% {used / 1e9:.0f}/{total / 1e9:.0f} GB {hottest}C"


class LoadMeter:
    """Read from time to time; each figure is the mean since the one before."""

    def __init__(self) -> None:
        self._is_begun = False
        self._told: tuple[int, float, float, str] | None = None

    def read(self) -> tuple[int, float, float, str] | None:
        """Processor in percent, memory used and in all in GB, the GPUs; coarse. None where it is as it was.

        The first call only begins: its figure would be the load since a call that never was.
        """
        percent = psutil.cpu_percent()
        if not self._is_begun:
            self._is_begun = True
            return None
        memory = psutil.virtual_memory()
        used, total = round((memory.total - memory.available) / 1e9, 1), round(memory.total / 1e9, 1)
        load = 5 * round(percent / 5), used, total, gpu_text(gpus())
        if load == self._told:
            return None
        self._told = load
        return load


def machine_lines(machine: Machine, look: Look, width: int) -> list[Text]:
    """The machine, its GPUs, what its workers take, and the workers of other hosts."""
    lines = [
        _line("cpu", machine.cpu_percent / 100, f"{machine.cpu_percent:3}%   {machine.num_cpus} cores", look),
        _line("memory", *_of(machine.memory_used, machine.memory_total), look),
        _disk(machine, look),
    ]
    for card in machine.gpus:
        lines.append(_line(card.name, card.load / 100, f"{card.load:3}%   {printable(card.model)}", look))
        share, says = _of(card.memory_used, card.memory_total)
        lines.append(_line("", share, f"{says}   {card.temperature} {look.pick('°C', 'C')}", look))
        told = [f"{each.says}: {NO_WORKER}" for each in machine.crowded if each.device == card.name]
        lines += [Text(f"  {sentence}", style="bold", no_wrap=True) for sentence in told]
    here = [use for use in machine.uses if use.is_here]
    elsewhere = [use for use in machine.uses if not use.is_here]
    lines += [Text(), Text("workers here", style="bold")]
    lines += _table(("pid", "device", "run", "cpu", "memory", "gpu memory"), map(_cells_here, here), look, width)
    if elsewhere:
        lines += [Text(), Text("workers elsewhere", style="bold")]
        lines += _table(("host", "device", "run", "heard"), map(_cells_elsewhere, elsewhere), look, width)
    for line in lines:
        line.truncate(width, overflow="ellipsis" if look.is_unicode else "crop")
    return lines


def _line(name: str, share: float, says: str, look: Look) -> Text:
    filled = round(max(0.0, min(share, 1.0)) * _BAR)
    line = Text(f"{name:<9}", no_wrap=True)
    line.append(look.pick("█", "#") * filled).append(look.pick("░", ".") * (_BAR - filled), style="dim")
    return line.append(f"  {says}")


def _of(used: int, total: int) -> tuple[float, str]:
    return used / max(total, 1), f"{used / 1e9:.1f} of {total / 1e9:.0f} GB"


def _disk(machine: Machine, look: Look) -> Text:
    free = machine.disk_free / max(machine.disk_total, 1)
    line = _line("disk", 1 - free, f"{machine.disk_free / 1e9:.1f} of {machine.disk_total / 1e9:.0f} GB free", look)
    if free < SCARCE_DISK:
        line.append("   nearly full: make room", style="bold")
    return line


def _cells_here(use: Use) -> tuple[str, ...]:
    worker = use.worker
    return (
        str(worker.pid),
        worker.device,
        str(worker.run or "idle"),
        "-" if use.cpu_percent is None else f"{use.cpu_percent}%",
        _megabytes(use.memory),
        _megabytes(use.gpu_memory),
    )


def _cells_elsewhere(use: Use) -> tuple[str, ...]:
    worker = use.worker
    heard = f"{duration_text(worker.heartbeat_age_s)} ago" + ("" if worker.alive else ", lost")
    return worker.host, worker.device, str(worker.run or "idle"), heard


def _megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1e6:.0f} MB"


def _table(titles: Sequence[str], rows: Iterator[tuple[str, ...]], look: Look, width: int) -> list[Text]:
    """The column "run" gives way where all do not fit."""
    cells = [tuple(map(printable, row)) for row in rows]
    if not cells:
        return [Text("  none", style="dim")]
    widths = [max(len(row[i]) for row in (titles, *cells)) for i in range(len(titles))]
    run = titles.index("run")
    widths[run] = max(8, min(widths[run], width - sum(widths) + widths[run] - 2 * len(titles)))
    lines = [Text("  " + "  ".join(t.ljust(w) for t, w in zip(titles, widths, strict=True)), style="dim")]
    for row in cells:
        shown = [
            cell if len(cell) <= w else cell[: w - 1] + look.pick("…", "~") for cell, w in zip(row, widths, strict=True)
        ]
        lines.append(Text("  " + "  ".join(cell.ljust(w) for cell, w in zip(shown, widths, strict=True)).rstrip()))
    return lines
