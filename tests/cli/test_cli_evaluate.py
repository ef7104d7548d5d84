"""``evaluate`` with its helper process."""

import math

import pytest

from tests.cli.command_line import TINY, CommandLine
from tests.cli.test_cli_requests import assert_one_sentence


def test_figures_under_noise_are_told_and_kept(trained: CommandLine) -> None:
    before = trained("show", "cae-digits/0", "--json").json()["test"]
    noises = ("--noise", "gaussian:0.1,0.5", "--noise", "saltpepper:0.1")
    said = trained("evaluate", "cae-digits/0", *noises, "--draws", "3", "--json")
    assert said.status == 0
    found = said.json()
    assert found["run"] == "cae-digits/0"
    assert found["mse"] == pytest.approx(before["mse"], rel=1e-4)
    assert set(found["spread"]) == {"mse@gaussian:0.1", "mse@gaussian:0.5", "mse@saltpepper:0.1"}
    assert all(spread > 0 for spread in found["spread"].values())
    assert len(found["mse_by_class"]) == 10
    after = trained("show", "cae-digits/0", "--json").json()["test"]
    assert after["mse@saltpepper:0.1"] == found["mse@saltpepper:0.1"]


@pytest.mark.slow
def test_a_variational_run_has_its_units_and_its_likelihood_in_the_table(trained: CommandLine) -> None:
    said = trained("evaluate", "small/0", "--iwae", "2")
    assert said.status == 0
    rows = {line.split()[0]: line.split()[1:] for line in said.out.splitlines() if line.strip()}
    assert math.isfinite(float(rows["iwae"][0]))
    assert float(rows["elbo"][0]) <= float(rows["iwae"][0])  # the bound is tighter (Burda et al. 2016)
    assert rows["unit"] == ["kl", "deviation", "over", "the", "data"]
    assert "measured" in said.err


@pytest.mark.slow
def test_pictures_show_the_digits_clean_noisy_and_reconstructed(trained: CommandLine) -> None:
    said = trained("evaluate", "cae-digits/0", "--noise", "gaussian:0.1,0.9", "--draws", "1", "--pictures")
    assert said.status == 0
    pictures = said.out.splitlines()[-5 * 8 :]
    assert pictures[::8] == ["clean", "gaussian:0.1", "reconstructed", "gaussian:0.9", "reconstructed"]
    dots = [sum((ord(cell) - 0x2800).bit_count() for cell in "".join(pictures[at + 1 : at + 8]) if cell > "\u2800")
            for at in (0, 8, 24)]  # fmt: skip
    assert dots[0] < dots[1] < dots[2]  # a black ground lights up the more, the more noise is on it


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("cae-digits/0 --pictures", "name some with --noise"),
        ("cae-digits/7", "no run cae-digits/7"),
        ("cae-digits/0 --noise nope", "names no noise"),
        ("cae-digits/0 --noise hail:0.1", "no noise 'hail'"),
        ("cae-digits/0 --noise gaussian:", "gaussian"),
        ("cae-digits/0 --noise masking:1.5", "out of range"),
        ("cae-digits/0 --draws 0", "draws"),
        ("cae-digits/0 --iwae 5", "only a vae"),
    ],
)
def test_wrong_requests(trained: CommandLine, line: str, why: str) -> None:
    said = trained("evaluate", *line.split())
    assert_one_sentence(said)
    assert why in said.err


def test_only_a_complete_run_is_measured(aetui: CommandLine) -> None:
    aetui("run", "cae", *TINY, "--queue-only")
    said = aetui("evaluate", "cae-digits/0")
    assert_one_sentence(said)
    assert "waiting" in said.err
