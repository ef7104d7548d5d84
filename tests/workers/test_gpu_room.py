"""A GPU whose memory others hold gets no worker, and that is told; the driver is one of the tests' own."""

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

import engine.supervisor
from engine import jobs
from engine.devices import Gpu
from engine.gpu_room import crowded
from engine.settings import SETTINGS_VARIABLE
from engine.supervisor import Supervisor
from store import workers
from store.database import Database
from tests.live import small_spec
from tests.nvml import GB, Card, Driver
from tui.commands.doctor import doctor
from tui.commands.options import Options
from tui.look import Look
from tui.machine import Meter, machine_lines
from tui.queue import read_queue

OTHERS, ELSEWHERE = 10**7, 10**7 + 1
"""Processes that are none of ours."""


def card(held: dict[int, int], *, reserved: int = 0) -> Gpu:
    used = sum(held.values()) + reserved
    return Gpu(
        name="cuda:0", model="", memory_used=used, memory_total=80 * GB, load=0, temperature=0, processes=dict(held)
    )


@pytest.mark.parametrize(
    ("held", "reserved", "free_gb", "is_crowded"),
    [
        ({}, GB, 2, False),
        ({OTHERS: 70 * GB}, 0, 2, False),
        ({OTHERS: 70 * GB}, 0, 12, True),
        ({OTHERS: 79 * GB}, 0, 2, True),
        ({OTHERS: 79 * GB}, 0, 0, False),
        ({os.getpid(): 79 * GB}, 0, 2, False),
        ({os.getpid(): 40 * GB, OTHERS: 39 * GB}, 0, 2, False),
        ({os.getpid(): 0}, 79 * GB, 2, True),  # the driver does not tell whose it is
    ],
)
def test_a_gpu_is_crowded_once_others_leave_too_little(
    held: dict[int, int], reserved: int, free_gb: float, is_crowded: bool
) -> None:
    assert bool(crowded([card(held, reserved=reserved)], {os.getpid()}, free_gb)) is is_crowded


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch, database: Database) -> list[str]:
    """The devices on which the supervisor starts workers, which live on and do nothing."""
    devices: list[str] = []

    def start(database: Database, worker_id: str, *, is_by_hand: bool) -> "subprocess.Popen[bytes]":
        devices.append(worker_id.partition("@")[2])
        return subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)

    monkeypatch.setattr(engine.supervisor, "start_worker", start)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for _ in range(4):
        jobs.enqueue(database, small_spec())
    return devices


def ended(supervisor: Supervisor) -> None:
    for child in supervisor.children.values():
        child.communicate(timeout=10)


def test_a_crowded_gpu_is_passed_by_until_there_is_room(
    database: Database, started: list[str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    driver = Driver([Card(held={OTHERS: 79 * GB}), Card(held={OTHERS: 40 * GB})])
    driver.install(monkeypatch)
    caplog.set_level(logging.INFO, "aetui.supervisor")
    supervisor = Supervisor(database, "auto")
    for _ in range(3):
        assert supervisor.step(), "runs still wait"
    assert started == ["cuda:1"]
    told = "cuda:0: 79 of 80 GB used by others, less than 2 GB left: no worker is placed on it"
    assert [line for line in caplog.messages if "cuda:0" in line] == [told]
    driver.cards[0].held = {OTHERS: 10 * GB}
    for _ in range(3):
        supervisor.step()
    assert started == ["cuda:1", "cuda:0"]
    assert [line for line in caplog.messages if line.startswith("cuda:0")] == [
        told,
        "cuda:0 has room for workers again",
    ]
    ended(supervisor)


def test_what_our_own_workers_hold_does_not_count(
    database: Database, started: list[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "settings.toml").write_text('[slots]\n"cuda:0" = 2\n')
    monkeypatch.setenv(SETTINGS_VARIABLE, str(tmp_path / "settings.toml"))
    Driver([Card(held={os.getpid(): 79 * GB})]).install(monkeypatch)
    workers.register(database, "ours@cuda:0", "cuda:0", None)  # this very process
    supervisor = Supervisor(database, "auto")
    supervisor.step()
    assert started == ["cuda:0"]
    ended(supervisor)


def test_only_the_gpus_that_are_to_be_seen_count(
    database: Database, started: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Driver([Card(held={OTHERS: 79 * GB}), Card()]).install(monkeypatch)
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    supervisor = Supervisor(database, "auto")
    supervisor.step()
    assert started == ["cuda:0"], "the second card is the first that is seen"
    ended(supervisor)


def test_the_machine_the_queue_and_the_doctor_tell_of_it(
    database: Database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    (tmp_path / "settings.toml").write_text("[placing]\ngpu_free_gb = 12\n")
    monkeypatch.setenv(SETTINGS_VARIABLE, str(tmp_path / "settings.toml"))
    Driver([Card(held={OTHERS: 40 * GB, ELSEWHERE: 30 * GB}), Card()]).install(monkeypatch)
    sentence = "cuda:0: 70 of 80 GB used by others: no worker is placed on it"
    machine = Meter(database.root).read([])
    assert sentence in "\n".join(line.plain for line in machine_lines(machine, Look(), 80))
    assert read_queue(database, []).crowded == (sentence,)
    monkeypatch.setattr("tui.commands.doctor._TORCH_PROBE", "print('2', '12', True, sep='|')")
    doctor(Options(root=database.root.path))
    out = capsys.readouterr().out
    assert f"note    devices    {sentence}\n" in out
    assert f"ok      settings   {tmp_path / 'settings.toml'}: placing gpu_free_gb=12\n" in out
