"""A root for each test, or for all that only look, and the end of whatever still works for it."""

import os
from collections.abc import Callable, Iterator

import pytest

from store.paths import Root
from tests.cli.command_line import TINY, CommandLine, Forks
from tests.live import end_processes
from tests.postgres import postgres as postgres


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The user's machine is shut out: no settings, no data sets, no terminal."""
    home = tmp_path_factory.mktemp("home")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("AETUI_", "XDG_", "COV_"))}
    for variable in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES", "TERM", "COLORTERM", "LC_ALL", "LC_CTYPE"):
        kept.pop(variable, None)
    return {
        **kept,
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "AETUI_IDLE_S": "15",  # one command after the other has the same worker: each one to start imports torch
    }


@pytest.fixture(scope="session")
def forks(environment: dict[str, str]) -> Iterator[Forks]:
    forks = Forks(environment)
    yield forks
    forks.close()


@pytest.fixture(scope="session")
def make_command_line(
    tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str], forks: Forks
) -> Iterator[Callable[[], CommandLine]]:
    made: list[CommandLine] = []

    def make() -> CommandLine:
        folder = tmp_path_factory.mktemp("résultats d'été")
        made.append(CommandLine(folder / "mes runs", environment, forks))
        return made[-1]

    yield make
    for command_line in made:
        end_processes(Root(command_line.root))


@pytest.fixture
def aetui(make_command_line: Callable[[], CommandLine]) -> Iterator[CommandLine]:
    """A fresh root, nothing in it."""
    command_line = make_command_line()
    yield command_line
    end_processes(Root(command_line.root))


@pytest.fixture(scope="session")
def trained(make_command_line: Callable[[], CommandLine]) -> CommandLine:
    """A root with the complete runs ``cae-digits/0`` and ``small/0`` (a 2-D vae); tests only look at it."""
    command_line = make_command_line()
    for options in (("cae", "--epochs", "2"), ("vae", "--epochs", "1", "--name", "small", "--set", "latent_dim=2")):
        assert command_line("run", *options, *TINY).status == 0
    return command_line
