"""What comes before any command: help, version, no terminal, no heavy import."""

import socket
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from typer.testing import CliRunner

from tests.cli.command_line import COMMAND, TINY, CommandLine
from tui.cli import app
from tui.commands.options import Options, read_alone

COMMANDS = (
    *("demo", "run", "search", "crossval", "evaluate", "latent", "recipe", "worker", "workers", "ls", "show", "logs"),
    *(
        "compare",
        "export",
        "stop",
        "kill",
        "pause",
        "resume",
        "rm",
        "restore",
        "tag",
        "queue",
        "data",
        "bench",
        "doctor",
        "keys",
        "migrate",
    ),
    "notify",
)
HEAVY = ("torch", "torchvision", "sklearn", "optuna", "sqlalchemy", "textual", "plotext", "matplotlib", "numpy")


def modules_loaded_by(*arguments: str, expected: str = "0") -> set[str]:
    """The top-level modules that ``aetui ARGUMENTS`` has imported when it ends."""
    code = (
        "import sys\n"
        "from tui.start import main\n"
        f"sys.argv[1:] = {list(arguments)!r}\n"
        "try:\n"
        "    main()\n"
        "except SystemExit as end:\n"
        "    print(end.code, *{name.partition('.')[0] for name in sys.modules}, file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    status, *modules = done.stderr.splitlines()[-1].split()
    assert status == expected
    return set(modules)


@pytest.mark.parametrize("arguments", [["--help"], ["run", "--help"], ["--version"]])
def test_help_and_version_import_nothing_heavy(arguments: list[str]) -> None:
    loaded = modules_loaded_by(*arguments)
    assert "typer" in loaded
    assert not loaded.intersection(HEAVY)


def test_the_way_to_the_screen_does_not_wait_for_typer(tmp_path: Path) -> None:
    slow = {"typer", "pydantic"}
    assert slow <= modules_loaded_by("ls", "--root", str(tmp_path))
    assert not slow & modules_loaded_by("--root", str(tmp_path), "--no-mouse", expected="2"), "no terminal here"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], Options()),
        (["--no-mouse", "--root", "there", "--debug"], Options(root=Path("there"), no_mouse=True, debug=True)),
        (["--root=there", "--storage", "a://b"], Options(root=Path("there"), named_storage="a://b")),
        (["--root"], None),
        (["--root", "--debug"], None),
        (["--debug=1"], None),
        (["--root", "there", "ls"], None),
        (["--help"], None),
    ],
)
def test_options_alone_are_read_as_typer_reads_them_or_left_to_it(arguments: list[str], said: Options | None) -> None:
    assert read_alone(arguments) == said


def test_looking_imports_neither_torch_nor_optuna(trained: CommandLine) -> None:
    root = ["--root", str(trained.root)]
    for arguments in (["ls", *root], ["show", "cae-digits/0", *root]):
        assert not modules_loaded_by(*arguments).intersection({"torch", "torchvision", "sklearn", "optuna"})


def test_every_command_has_help_and_takes_the_shared_options(aetui: CommandLine) -> None:
    shown = aetui("--help").out
    for command in COMMANDS:
        assert f" {command} " in shown
        # In this process, as each would import Typer once more; that of `run` is also a process, above.
        help_text = CliRunner().invoke(app, [command, "--help"], env={"COLUMNS": "100"})
        assert help_text.exit_code == 0
        assert all(option in help_text.output for option in ("--root", "--storage", "--data-dir", "--json", "--debug"))


def test_version_names_what_it_stands_on(aetui: CommandLine) -> None:
    said = aetui("--version")
    assert said.status == 0
    assert all(name in said.out for name in ("aetui", "torch", "optuna", "textual"))
    assert set(aetui("--version", "--json").json()) == {"aetui", "torch", "optuna", "textual", "python"}


def test_alone_without_a_terminal_it_says_what_to_use(aetui: CommandLine) -> None:
    said = aetui()
    assert (said.status, said.out) == (2, "")
    assert said.err.count("\n") == 1
    assert "aetui demo" in said.err


def test_alone_on_a_dumb_terminal_it_says_so(aetui: CommandLine) -> None:
    said = aetui.at_terminal(env={"TERM": "dumb"})
    assert said.status == 2
    assert "dumb" in said.out
    assert "\x1b" not in said.out


def test_nothing_but_text_where_there_is_no_terminal(trained: CommandLine) -> None:
    for arguments in (["--help"], ["ls"], ["ls", "small"], ["show", "small/0"], ["doctor"], ["data"]):
        said = trained(*arguments)
        assert "\x1b" not in said.out + said.err
        assert said.out.strip()


def test_a_reader_that_goes_away_is_no_error(trained: CommandLine) -> None:
    pipeline = f"'{COMMAND}' show small/0 | head -n 1"
    said = subprocess.run(
        ["bash", "-c", pipeline], capture_output=True, text=True, env=trained.environment, timeout=60, check=False
    )
    assert said.stdout.startswith("small/0")
    assert said.stderr == ""


def test_figures_are_ascii_where_the_locale_is(trained: CommandLine) -> None:
    said = trained("show", "small/0", env={"LANG": "C"})
    assert said.status == 0
    assert "training" in said.out
    assert said.out.replace(str(trained.root), "").isascii()


@pytest.mark.parametrize("flag", ["--storage", "--storage=", "--to", "--to="])
def test_a_password_that_was_typed_is_in_no_process_list(aetui: CommandLine, flag: str) -> None:
    pytest.importorskip("psycopg")
    assert aetui("run", "cae", *TINY, "--queue-only").status == 0
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(60)
        address = f"postgresql+psycopg://me:not-shown-anywhere@127.0.0.1:{silent.getsockname()[1]}/x"
        command = "migrate" if flag.startswith("--to") else "ls"
        process = aetui.start(command, *([flag + address] if flag.endswith("=") else [flag, address]), "--json")
        connection, _ = silent.accept()
        listed = psutil.Process(process.pid).cmdline()
        process.kill()
        process.communicate()
        connection.close()
    assert command in listed
    assert "not-shown-anywhere" not in " ".join(listed)
