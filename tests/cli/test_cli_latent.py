"""``latent`` with its helper process."""

from pathlib import Path

import numpy as np
import pytest

from tests.cli.command_line import TINY, CommandLine
from tests.cli.test_cli_requests import assert_one_sentence


@pytest.mark.slow
def test_codes_and_points_are_kept_in_the_file_that_was_named(trained: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "codes d'été.npz"
    said = trained("latent", "cae-digits/0", "--split", "test", "--limit", "50", "--out", str(file), "--json")
    assert said.status == 0
    found = said.json()
    assert (found["run"], found["method"], found["split"]) == ("cae-digits/0", "pca", "test")
    assert found["file"] == str(file)
    assert 0 <= found["knn_accuracy"] <= 1
    with np.load(file) as arrays:
        assert arrays["codes"].shape == (50, 6)
        assert arrays["points"].shape == (50, 2)
        assert arrays["labels"].shape == (50,)


def test_the_scatter_is_drawn_as_text(trained: CommandLine) -> None:
    said = trained("latent", "small/0", "--method", "raw", "--limit", "60")
    assert said.status == 0
    assert "small/0 validation codes, raw" in said.out
    assert "\x1b" not in said.out
    figures = dict(line.rsplit(maxsplit=1) for line in said.out.splitlines()[-6:])
    assert 0 <= float(figures["knn accuracy"]) <= 1
    assert (trained.root / "small" / "0" / "latent-validation-raw.npz").is_file()


def test_the_line_between_two_images_is_decoded(trained: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "between.npz"
    said = trained("latent", "cae-digits/0", "--limit", "40", "--between", "3", "17", "--out", str(file), "--json")
    assert said.status == 0
    with np.load(file) as arrays:
        assert arrays["interpolation_indices"].tolist() == [3, 17]


@pytest.mark.slow
def test_an_image_that_is_not_there_is_told(trained: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "between.npz"
    said = trained("latent", "cae-digits/0", "--between", "3", "999", "--out", str(file))
    assert said.status == 2
    assert said.err.splitlines()[-1] == "aetui: There is no image 999: this split has 0 to 179."


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("cae-digits/0 --between 3", "--between"),
        ("cae-digits/7", "no run cae-digits/7"),
        ("cae-digits/0 --method umap", "--method"),
        ("cae-digits/0 --split all", "--split"),
        ("cae-digits/0 --limit -1", "limit"),
        ("cae-digits/0 --out /no/such/folder/x.npz", "folder"),
    ],
)
def test_wrong_requests(trained: CommandLine, line: str, why: str) -> None:
    said = trained("latent", *line.split())
    assert_one_sentence(said)
    assert why in said.err


def test_a_run_that_has_not_begun_has_no_codes(aetui: CommandLine) -> None:
    aetui("run", "cae", *TINY, "--queue-only")
    said = aetui("latent", "cae-digits/0")
    assert_one_sentence(said)
    assert "no checkpoint" in said.err
