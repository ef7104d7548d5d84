"""What the machine does: read from the system and from a driver, and shown."""

import os
import time
from dataclasses import replace
from types import SimpleNamespace

import psutil
import pytest

from engine.devices import Gpu, gpus
from store import clock, schema
from store.database import Database
from store.names import RunName
from store.paths import Root
from store.records import Worker
from tests.tui.conftest import Until
from tests.tui.test_screen import SMALL, current, home, screen, sees, shown
from tui.look import Look
from tui.machine import Machine, Meter, Use, gpu_text, machine_lines
from tui.messages import LoadChanged


class Driver:
    """NVML of a machine with two cards, the second of which tells neither load nor processes."""

    NVML_TEMPERATURE_GPU = 0

    class NVMLError(Exception):
        pass

    def __init__(self, broken: str = "") -> None:
        self.broken, self.is_open = broken, False

    def nvmlInit(self) -> None:
        if self.broken == "nvmlInit":
            raise self.NVMLError
        self.is_open = True

    def nvmlShutdown(self) -> None:
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        return index

    def nvmlDeviceGetName(self, handle: int) -> str:
        return f"Card {handle}"

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> object:
        if self.broken == "nvmlDeviceGetMemoryInfo":
            raise self.NVMLError
        return SimpleNamespace(used=12_000_000_000, total=24_000_000_000)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> object:
        if handle:
            raise self.NVMLError
        return SimpleNamespace(gpu=87)

    def nvmlDeviceGetTemperature(self, handle: int, sensor: int) -> int:
        return 66

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[object]:
        if handle:
            raise self.NVMLError
        return [SimpleNamespace(pid=os.getpid(), usedGpuMemory=700_000_000), SimpleNamespace(pid=1, usedGpuMemory=None)]


def test_gpus_are_read_from_the_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    driver = Driver()
    first, second = gpus(driver)
    assert (first.name, first.model, first.load, first.temperature) == ("cuda:0", "Card 0", 87, 66)
    assert first.processes == {os.getpid(): 700_000_000, 1: 0}
    assert (second.name, second.load, second.processes) == ("cuda:1", 0, {})
    assert not driver.is_open
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    (only,) = gpus(Driver())
    assert (only.name, only.model) == ("cuda:0", "Card 1")


@pytest.mark.parametrize("broken", ["nvmlInit", "nvmlDeviceGetMemoryInfo"])
def test_a_driver_that_fails_is_no_gpu(broken: str) -> None:
    driver = Driver(broken)
    assert gpus(driver) == []
    assert not driver.is_open


def worker(pid: int, host: str | None = None, device: str = "cpu") -> Worker:
    return Worker(
        worker_id=f"{pid}",
        host=host or clock.host(),
        pid=pid,
        device=device,
        started_at=0.0,
        heartbeat_age_s=12.0,
        alive=True,
        run=RunName("digits-a", 3),
        log=None,
    )


def test_what_workers_take_is_measured(root: Root) -> None:
    meter = Meter(root, lambda: gpus(Driver()))
    workers = [worker(os.getpid(), device="cuda:0"), worker(2**22 + 1), worker(1, host="elsewhere")]
    assert meter.read(workers).uses[0].cpu_percent is None, "a load is that since the reading before"
    until = time.process_time() + 0.2
    while time.process_time() < until:
        pass
    machine = meter.read(workers)
    ours, gone, remote = machine.uses
    assert ours.cpu_percent is not None
    assert ours.cpu_percent > 0
    assert ours.memory == pytest.approx(psutil.Process().memory_info().rss, rel=0.2)
    assert ours.gpu_memory == 700_000_000
    assert (gone.is_here, gone.cpu_percent, gone.memory) == (True, None, None)
    assert (remote.is_here, remote.memory) == (False, None)
    assert 0 < machine.disk_free <= machine.disk_total
    assert 0 < machine.memory_used < machine.memory_total


MACHINE = Machine(
    host="here",
    cpu_percent=50,
    num_cpus=2,
    memory_used=4_000_000_000,
    memory_total=16_000_000_000,
    disk_free=40_000_000_000,
    disk_total=100_000_000_000,
)


def text_of(machine: Machine, look: Look = Look(), width: int = 80) -> str:  # noqa: B008
    return "\n".join(line.plain for line in machine_lines(machine, look, width))


def test_the_machine_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    text = text_of(MACHINE)
    assert "cpu      ████████░░░░░░░░   50%   2 cores" in text
    assert "4.0 of 16 GB" in text
    assert "40.0 of 100 GB free" in text
    assert "none" in text
    assert "cuda" not in text
    assert "nearly full" not in text
    assert "nearly full: make room" in text_of(replace(MACHINE, disk_free=4_000_000_000))
    use = Use(worker=worker(77, device="cuda:0"), cpu_percent=99, memory=612_000_000, gpu_memory=700_000_000)
    far = Use(worker=worker(5, host="else\x1bwhere"), is_here=False)
    full = replace(MACHINE, gpus=tuple(gpus(Driver())), uses=(use, far))
    text = text_of(full)
    for words in ("cuda:0   ██████████████░░   87%   Card 0", "12.0 of 24 GB   66 °C", "workers elsewhere", "12s ago"):
        assert words in text
    assert "77   cuda:0  digits-a/3  99%  612 MB  700 MB" in text
    assert "else?where" in text
    assert max(map(len, text_of(full, width=40).split("\n"))) <= 40
    assert text_of(full, Look(is_unicode=False)).isascii()


def test_gpus_in_the_top_line() -> None:
    assert gpu_text([]) == ""
    card = Gpu(name="cuda:0", model="Card", memory_used=12 * 10**9, memory_total=24 * 10**9, load=87, temperature=66)
    assert gpu_text([card]) == "gpu 85% 12/24 GB 65C"
    assert gpu_text([card, replace(card, load=0)]) == "2 gpus 45% 24/48 GB 65C"


async def test_the_machine_is_shown_as_long_as_it_is_looked_at(
    database: Database, root: Root, runs: dict[str, RunName], until: Until
) -> None:
    with database.engine.begin() as connection:
        copied = connection.execute(schema.workers.select()).mappings().one()
        far = {**copied, "worker_id": "far", "host": "elsewhere.example", "pid": 5, "device": "cuda:1"}
        connection.execute(schema.workers.insert().values(**far))
    async with screen(root, SMALL) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("M")
        await until(sees(pilot, clock.host(), "memory", "GB free", f"{os.getpid()}", "digits-a/3", "elsewhere.example"))
        for size in ((10, 3), (120, 36)):
            await pilot.resize_terminal(*size)
        await pilot.press("escape")
        await until(lambda: pilot.app.screen is home(pilot))
        assert "GB free" not in shown(pilot)


async def test_the_top_line_tells_of_gpus(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        home(pilot).post_message(LoadChanged(50, 4.0, 16.0, "gpu 85% 12/24 GB 65C"))
        await until(sees(pilot, "mem 4.0/16 GB · gpu 85% 12/24 GB 65C"))
