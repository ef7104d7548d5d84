"""``aetui doctor --systemd-unit``: what it prints is a unit of systemd's, and really trains what waits."""

import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.paths import Root
from tests.cli.command_line import TINY, CommandLine
from tests.live import end_processes

ODD = 'runs of 100% "mine" $HOME\\n'
"""A folder's name with all that means something to systemd."""


@pytest.fixture
def odd(environment: dict[str, str], tmp_path: Path) -> Iterator[CommandLine]:
    command_line = CommandLine(tmp_path / ODD, environment)
    yield command_line
    end_processes(Root(command_line.root))


def values(unit: str, key: str) -> list[list[str]]:
    """The words of each line ``key=...``, read by systemd's rules."""
    lines = [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]
    return [[word.replace("%%", "%") for word in shlex.split(line)] for line in lines]


@pytest.mark.timeout(150)
def test_its_command_trains_what_waits(odd: CommandLine, environment: dict[str, str], tmp_path: Path) -> None:
    address = tmp_path / "my storage"
    address.write_text(f"sqlite:///{tmp_path}/elsewhere.db\n")
    env = {"AETUI_STORAGE_FILE": str(address)}
    assert odd("run", "cae", *TINY, "--epochs", "1", "--queue-only", env=env).status == 0
    said = odd("doctor", "--systemd-unit", env=env)
    assert said.status == 0
    (command,) = values(said.out, "ExecStart")
    words = [command[0], *(word.replace("$$", "$") for word in command[1:])]
    assert str(odd.root) in words
    variables = dict(word.partition("=")[::2] for line in values(said.out, "Environment") for word in line)
    assert variables == env
    kept = {"HOME": environment["HOME"], "PATH": environment["PATH"], "AETUI_IDLE_S": "1"}
    done = subprocess.run(
        words, env=kept | variables, cwd="/", capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    assert odd("show", "cae-digits/0", "--json", env=env).json()["state"] == "complete"


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed here")
def test_systemd_has_nothing_to_say_against_it(odd: CommandLine, tmp_path: Path) -> None:
    assert odd("run", "cae", *TINY, "--queue-only").status == 0
    found = odd("doctor", "--systemd-unit", "--json", env={"CUDA_VISIBLE_DEVICES": "0,1"}).json()
    file = tmp_path / Path(found["file"]).name
    file.write_text(found["unit"])
    command = ["systemd-analyze", "verify", "--user", str(file)]
    environment = odd.environment | {"XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert found["commands"] == [f"systemctl --user enable --now {file.name}", "loginctl enable-linger"]
    # The file it is to be saved as, and the commands, stand beside the unit.
    said = odd("doctor", "--systemd-unit")
    assert "Environment" not in said.out
    assert all(words in said.err for words in (found["file"], *found["commands"]))


def test_a_password_stands_in_no_unit(aetui: CommandLine) -> None:
    address = "postgresql+psycopg://me:not-shown-anywhere@host/name"
    for given, env in ((["--storage", address], {}), ([], {"AETUI_STORAGE": address})):
        said = aetui("doctor", "--systemd-unit", *given, env=env)
        assert said.status == 2
        assert "AETUI_STORAGE_FILE" in said.err
        assert "not-shown-anywhere" not in said.out + said.err


def test_where_nothing_can_wait_there_is_no_unit(aetui: CommandLine) -> None:
    said = aetui("doctor", "--systemd-unit")
    assert said.status == 2
    assert f"Nothing can wait in {aetui.root}" in said.err
    assert not aetui.root.exists()
