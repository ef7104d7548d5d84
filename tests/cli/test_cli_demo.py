"""``aetui demo`` where there is no terminal."""

import pytest

from tests.cli.command_line import CommandLine


@pytest.mark.timeout(300)
def test_demo_trains_both_and_draws_them(aetui: CommandLine) -> None:
    said = aetui("demo", most_s=280)
    assert said.status == 0, said.err
    for run in ("demo-cae/0", "demo-vae/0"):
        assert f"{run} loss" in said.out
        assert f"{run} latent space, epoch 10" in said.out
        assert f"{run} is complete" in said.out
        assert f"{run}  epoch 1/10" in said.err
    found = {entry["experiment"]: entry["best"] for entry in aetui("ls", "--json").json()}
    # A constant picture, the mean digit, has 0.067.
    assert found["demo-cae"] < found["demo-vae"] < 0.06
    assert said.out.count("test mse") == 2
