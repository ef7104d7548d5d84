"""``export``: figures, data and models from a root with two trained runs."""

import json
import re
import signal
import time
from pathlib import Path

import pytest

from tests.cli.command_line import CommandLine
from tests.cli.test_cli_requests import assert_one_sentence


@pytest.fixture(scope="module")
def out(trained: CommandLine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``export small/0`` wrote."""
    folder = tmp_path_factory.mktemp("export") / "neue Bilder"
    said = trained("export", "small/0", "--out", str(folder), "--dpi", "60")
    assert said.status == 0
    assert said.err == "Exporting.\n"
    number = len(list(folder.glob("*.png"))) + len(list(folder.glob("*.gif")))
    assert said.out.startswith(f"{number} figures are in {folder}; report.html there shows all of them.\n")
    assert "not yet: rate_distortion, " in said.out
    return folder


def test_everything_goes_into_the_root_unless_told_otherwise(trained: CommandLine) -> None:
    said = trained("export", "--dpi", "60", "--json")
    assert said.status == 0
    told = said.json()
    assert told["out"] == str(trained.root / "figures")
    for name in ("training_history", "latent", "small/vae_history", "cae-digits/reconstructions"):
        assert name in told["figures"]
        assert (trained.root / "figures" / f"{name}.png").is_file()
    lacking = {each["figure"] for each in told["missing"] if not each["scope"]}
    assert {"optimization_history", "confusion_matrix", "noise", "crossval_history"} <= lacking
    assert all(each["command"].startswith("aetui ") for each in told["missing"])


@pytest.mark.slow
def test_at_a_terminal_it_shows_how_far_it_is(trained: CommandLine, tmp_path: Path) -> None:
    said = trained.at_terminal("export", "small/0", "--out", str(tmp_path), "--dpi", "60")
    assert said.status == 0
    assert re.search(r"\b\d+/\d\d\b", said.out)
    assert "figures are in" in said.out


@pytest.mark.slow
def test_ctrl_c_leaves_the_older_export(trained: CommandLine, out: Path) -> None:
    before = {file: file.read_bytes() for file in out.rglob("*")}
    process = trained.start("export", "small/0", "--out", str(out), "--dpi", "60")
    give_up = time.monotonic() + 60
    while not list(out.glob(".export-*")):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in err
    assert {file: file.read_bytes() for file in out.rglob("*")} == before


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--format", "bmp"], "There is no format 'bmp' for figures"),
        pytest.param(["--width", "3"], "--width 3 is no width", marks=pytest.mark.slow),
        pytest.param(["--dpi", "7"], "--dpi 7 is out of range", marks=pytest.mark.slow),
        pytest.param(["--style", "blue"], "There is no style 'blue'", marks=pytest.mark.slow),
        pytest.param(["--data", "xls"], "xls", marks=pytest.mark.slow),
        (["nothing"], "There is no run, experiment or recipe 'nothing'"),
        (["small/0", "cae-digits/0", "--model", "m"], "--model takes the one run"),
        (["--out", "/proc/nothing/at/all"], "cannot be written"),
    ],
)
def test_a_wrong_request_is_one_sentence(trained: CommandLine, words: list[str], says: str) -> None:
    said = trained("export", *words)
    assert_one_sentence(said)
    assert says in said.err


def test_there_must_be_something(aetui: CommandLine) -> None:
    said = aetui("export")
    assert_one_sentence(said)
    assert "There is nothing at" in said.err


def test_data_come_without_figures(trained: CommandLine, tmp_path: Path) -> None:
    said = trained("export", "--data", "csv,json", "--out", str(tmp_path))
    assert said.status == 0
    files = {f"{name}.{ending}" for name in ("runs", "curves", "codes") for ending in ("csv", "json")}
    assert {file.name for file in tmp_path.iterdir()} == {*files, "manifest.json"}
    assert {each["run"] for each in json.loads((tmp_path / "runs.json").read_text())} == {"cae-digits/0", "small/0"}


def test_event_files_for_tensorboard(trained: CommandLine, tmp_path: Path) -> None:
    pytest.importorskip("tensorboard", reason="tensorboard is not installed here: pip install 'aetui[export]'")
    said = trained("export", "small/0", "--tensorboard", str(tmp_path / "events"))
    assert said.status == 0
    assert list((tmp_path / "events" / "small" / "0").glob("events.out.tfevents.*"))
    assert not (tmp_path / "manifest.json").exists()


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_model_says_how_near_it_is(trained: CommandLine, tmp_path: Path) -> None:
    said = trained("export", "small/0", "--model", str(tmp_path), most_s=300)
    assert said.status == 0
    shown = dict(re.findall(r"^(\S+\.pt2) .* largest difference (\S+)$", said.out, re.MULTILINE))
    assert shown.keys() == {"encoder.pt2", "decoder.pt2"}
    assert all(float(difference) < 1e-5 for difference in shown.values())
    assert (tmp_path / "model.json").is_file()
