"""``run`` and ``worker`` with real worker processes."""

import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil
import pytest

from store.paths import Root
from tests.cli.command_line import COMMAND, ENDLESS, TINY, CommandLine, interrupt_twice
from tests.live import epochs_of, processes_of, wait_for, weights


def wait_for_epoch(aetui: CommandLine, run: str, epoch: int = 1) -> None:
    metrics = aetui.root / run / "metrics.jsonl"
    wait_for(lambda: metrics.is_file() and len(epochs_of(metrics)) >= epoch, f"epoch {epoch} of {run}")


@pytest.fixture(scope="module")
def begun(make_command_line: Callable[[], CommandLine]) -> CommandLine:
    """A root with the complete run ``cae-digits/0``; tests add to it, as they may not to what all others look at.

    Those that need nothing but a worker come first, one after the other: it is the same one, which has torch already.
    """
    aetui = make_command_line()
    said = aetui("run", "cae", *TINY, "--epochs", "2")
    assert said.status == 0
    assert "cae-digits/0 is complete after epoch 2 of 2" in said.out
    assert "test mse" in said.out
    assert "epoch 1/2" in said.err
    assert "epoch 2/2" in said.err
    return aetui


def test_a_followed_run_ends_with_its_figures(begun: CommandLine) -> None:
    again = begun("run", "cae", *TINY, "--epochs", "2", "--json")
    assert again.json()["run"] == "cae-digits/1"
    assert again.json()["test"] == begun("show", "cae-digits/0", "--json").json()["test"]


def test_progress_at_a_terminal_is_a_bar(begun: CommandLine) -> None:
    said = begun.at_terminal("run", "cae", *TINY, "--epochs", "2", "--name", "bar")
    assert said.status == 0
    assert "2/2" in said.out
    assert "\x1b[" in said.out
    assert "test mse" in said.out


def test_a_run_that_diverges_has_failed_with_its_reason(begun: CommandLine) -> None:
    # Every step multiplies the weights by about -1000.
    wild = [f"--set={setting}" for setting in ("optimizer=sgd", "lr=100", "weight_decay=10", "schedule=constant")]
    said = begun("run", "cae", *TINY, *wild, "--set=batch_size=10", "--epochs", "5", "--name", "wild", "--json")
    assert said.status == 1
    assert said.json()["state"] == "failed"
    assert "loss became" in said.json()["reason"]


def test_own_images_by_a_relative_path(begun: CommandLine, tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (60, 12, 10), dtype=np.uint8)
    np.savez(tmp_path / "own.npz", images=pixels)
    said = begun("run", "cae", "--dataset", str(tmp_path / "own.npz"), "--epochs", "1", "--set", "width=2", "--json")
    assert said.status == 0
    assert said.json()["run"] == "cae-own/0"


def test_detached_it_trains_on_without_us(begun: CommandLine) -> None:
    said = begun("run", "cae", *TINY, "--epochs", "1", "--detach", "--name", "detached", "--json")
    assert said.status == 0
    assert said.json()["state"] == "waiting"
    begun.wait_until("detached/0", "complete")


def test_a_run_goes_on_from_another(begun: CommandLine) -> None:
    run = begun("run", "cae", "--from", "cae-digits/0", "--epochs", "3", "--name", "more", "--json").json()
    assert (run["run"], run["epoch"], run["params"]["width"]) == ("more/0", 3, 2)
    lines = epochs_of(begun.root / "more" / "0" / "metrics.jsonl")
    assert lines[-1] == 3


def test_a_classifier_takes_over_the_encoder_of_another_kind(begun: CommandLine) -> None:
    frozen = ("--set", "freeze=convolutions", "--set", "train_limit=100", "--epochs", "1", "--threads", "1")
    said = begun("run", "classifier", "--from", "cae-digits/0", *frozen, "--json")
    assert said.status == 0
    run = said.json()
    assert (run["run"], run["params"]["width"], run["params"]["freeze"]) == ("classifier-digits/0", 2, "convolutions")
    assert 0 <= run["test"]["accuracy"] <= 1
    convolutions = "model.encoder.convolutions."
    ours = weights(begun.root / "classifier-digits" / "0" / "best.safetensors")
    theirs = weights(begun.root / "cae-digits" / "0" / "best.safetensors")
    kept = [key for key in ours if key.startswith(convolutions)]
    assert kept
    assert all(ours[key] == theirs[key] for key in kept)


def test_queued_only_it_waits_for_a_worker(aetui: CommandLine) -> None:
    for _ in range(2):
        assert aetui("run", "cae", *TINY, "--epochs", "1", "--queue-only", "--seed", "3").status == 0
    assert not processes_of(Root(aetui.root))
    assert aetui("workers", "--json").json() == []
    said = aetui("worker", "--json", env={"AETUI_IDLE_S": "2"})
    assert said.status == 0
    (worker,) = said.json()
    assert worker["exit_status"] == 0
    assert [run["state"] for run in aetui("ls", "cae-digits", "--json").json()] == ["complete", "complete"]
    assert "trains cae-digits/0" in said.err


def test_a_detached_worker_is_listed_while_it_lives(aetui: CommandLine) -> None:
    aetui("run", "cae", *ENDLESS, "--queue-only")
    (worker,) = aetui("worker", "--detach", "--device", "cpu", "--json").json()
    wait_for_epoch(aetui, "cae-digits/0")
    (listed,) = aetui("workers", "--json").json()
    assert (listed["worker"], listed["pid"], listed["run"]) == (worker["worker"], worker["pid"], "cae-digits/0")
    assert "cae-digits/0" in aetui("workers").out


def test_first_ctrl_c_stops_and_resume_goes_on(aetui: CommandLine) -> None:
    process = aetui.start("run", "cae", *ENDLESS, "--json")
    wait_for_epoch(aetui, "cae-digits/0")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    stopped = json.loads(out)
    assert stopped["state"] == "stopped"
    assert stopped["value"] is not None
    assert "aetui resume cae-digits/0" in err
    (resumed,) = aetui("resume", "cae-digits/0", "--json").json()
    assert resumed["run"] == "cae-digits/1"
    wait_for_epoch(aetui, "cae-digits/1", stopped["epoch"] + 1)
    assert aetui("kill", "cae-digits/1").status == 0
    assert aetui("show", "cae-digits/1", "--json").json()["reason"] == "killed by the user"


def test_second_ctrl_c_kills(aetui: CommandLine) -> None:
    # An epoch so long that the first Ctrl-C cannot have been obeyed before the second comes.
    slow = ("--dataset", "mnist-5k", "--set", "width=64", "--set", "batch_size=8", "--threads", "1")
    process = aetui.start("run", "cae", *slow)
    wait_for((aetui.root / "cae-mnist-5k" / "0" / "metrics.jsonl").is_file, "the first lines of cae-mnist-5k/0")
    interrupt_twice(process)
    killed = aetui("show", "cae-mnist-5k/0", "--json").json()
    assert (killed["state"], killed["reason"]) == ("failed", "killed by the user")


def test_a_dropped_connection_ends_the_command_and_not_the_run(aetui: CommandLine) -> None:
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        [COMMAND, "--root", str(aetui.root), "run", "cae", *TINY, "--epochs", "40", "--set", "patience=0"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=aetui.environment,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(theirs)
    wait_for_epoch(aetui, "cae-digits/0")
    assert process.poll() is None
    os.close(ours)  # as sshd does when its client is gone
    # Of the signal, or of what it writes at this moment: the terminal is gone before the kernel says so.
    assert process.wait(timeout=60) in (-signal.SIGHUP, 1)
    aetui.wait_until("cae-digits/0", "complete")
    run = aetui("show", "cae-digits/0", "--json").json()
    assert (run["epoch"], run["attempt"]) == (40, 1)


@pytest.mark.timeout(300)
def test_a_worker_that_dies_is_replaced_while_followed(aetui: CommandLine) -> None:
    process = aetui.start("run", "cae", *TINY, "--epochs", "50", "--set", "patience=0", "--json")
    wait_for_epoch(aetui, "cae-digits/0")
    for worker in processes_of(Root(aetui.root)):  # supervisor and worker: nobody else would start another
        worker.kill()
    psutil.wait_procs(processes_of(Root(aetui.root)), timeout=5)
    out, _ = process.communicate(timeout=240)
    assert process.returncode == 0
    run = json.loads(out)
    assert run["state"] == "complete"
    assert run["attempt"] > 1
    assert epochs_of(aetui.root / "cae-digits" / "0" / "metrics.jsonl") == list(range(1, 51))
