"""``aetui demo`` where there is no terminal."""

import subprocess
import sys

import pytest

from tests.cli.command_line import CommandLine

SHORTER = """
import dataclasses
import tui.commands.demo as demo
from tui.start import main
demo._RUNS = tuple(
    dataclasses.replace(run, epochs=2, settings=(*run.settings, "train_limit=300", "width=4")) for run in demo._RUNS
)
main()
"""
"""The command itself, on so few images that what it asks for takes a moment; the whole of it is a slow test."""


def assert_both_are_drawn(out: str, err: str, epochs: int) -> None:
    for run in ("demo-cae/0", "demo-vae/0"):
        assert f"{run} loss" in out
        assert f"{run} latent space, epoch {epochs}" in out
        assert f"{run} is complete" in out
        assert f"{run}  epoch 1/{epochs}" in err
    assert out.count("test mse") == 2


@pytest.mark.timeout(300)
def test_demo_trains_both_and_draws_them(aetui: CommandLine) -> None:
    said = subprocess.run(
        [sys.executable, "-P", "-c", SHORTER, "demo"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=aetui.environment,
        timeout=280,
        check=False,
    )
    assert said.returncode == 0, said.stderr
    assert_both_are_drawn(said.stdout, said.stderr, epochs=2)
    assert {entry["experiment"] for entry in aetui("ls", "--json").json()} == {"demo-cae", "demo-vae"}


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_demo_trains_has_learnt(aetui: CommandLine) -> None:
    said = aetui("demo", most_s=580)
    assert said.status == 0, said.err
    assert_both_are_drawn(said.out, said.err, epochs=10)
    found = {entry["experiment"]: entry["best"] for entry in aetui("ls", "--json").json()}
    # A constant picture, the mean digit, has 0.067.
    assert found["demo-cae"] < found["demo-vae"] < 0.06
