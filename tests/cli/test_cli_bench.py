"""``aetui bench`` from the shell; what it measures is tested in tests/engine/test_bench.py."""

import pytest

from tests.cli.command_line import CommandLine


def test_a_device_that_is_not_here_is_one_sentence(aetui: CommandLine) -> None:
    done = aetui("bench", "--device", "cuda:7")
    assert done.status == 2
    assert len(done.err.strip().splitlines()) == 1
    assert "cuda:7" in done.err


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_quick_race_as_text_and_as_json(aetui: CommandLine) -> None:
    told = aetui("bench", "--quick", "--json", "--device", "cpu", most_s=300).json()
    wanted = {"ratio_plain_loop", "ratio_pythae", "ratio_lightning", "ratio_plain_loop_loaded"}
    assert wanted | {"images_per_second", "device", "threads", "spread"} <= told.keys()
    assert told["ratio_plain_loop"] > 1
    shown = aetui("bench", "--quick", "--device", "cpu", most_s=300).out
    assert "images a second" in shown
    assert "as the plain loop, 2 loader workers" in shown
