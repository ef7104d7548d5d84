"""``settings.toml`` as the command line meets it."""

from pathlib import Path

import pytest

from store import listing
from store.database import open_database
from store.names import RunName
from store.paths import Root
from tests.cli.command_line import TINY, CommandLine
from tui.commands.doctor import doctor
from tui.commands.options import Options


def test_a_run_takes_its_defaults_from_the_file_and_the_command_line_goes_before(
    aetui: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[slots]\ncpu = 2\n[defaults]\ndataset = "digits"\nepochs = 7\nseed = 5\nthreads = 2\n')
    env = {"AETUI_SETTINGS": str(file)}
    assert aetui("run", "cae", "--queue-only", env=env).status == 0
    assert aetui("run", "cae", "--queue-only", *TINY, "--epochs", "1", "--seed", "0", env=env).status == 0
    database = open_database(Root(aetui.root))
    specs = [listing.frozen(database, RunName("cae-digits", number)).spec for number in (0, 1)]
    database.close()
    settings = [{key: spec[key] for key in ("dataset", "epochs", "seed", "threads")} for spec in specs]
    assert settings == [
        {"dataset": "digits", "epochs": 7, "seed": 5, "threads": 2},
        {"dataset": "digits", "epochs": 1, "seed": 0, "threads": 1},
    ]


def test_a_file_that_makes_no_sense_is_told_of_and_nothing_is_written(
    aetui: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[defaults]\nepoch = 7\n")
    env = {"AETUI_SETTINGS": str(file)}
    sentence = f"{file}: 'epoch' in [defaults] means nothing; it takes dataset, epochs, seed, device, threads"
    said = aetui("run", "cae", *TINY, "--queue-only", env=env)
    assert (said.status, said.err) == (2, f"aetui: {sentence}.\n")
    assert not aetui.root.exists()
    monkeypatch.setenv("AETUI_SETTINGS", str(file))
    monkeypatch.setattr("tui.commands.doctor._TORCH_PROBE", "print('2', 'no', False, sep='|')")  # torch: seconds
    assert doctor(Options(root=aetui.root)) == 1
    assert f"broken  settings   {sentence}: mend it or remove it" in capsys.readouterr().out
