"""Whatever is typed behind ``aetui``: a status of 0, 1 or 2, one sentence where it is 2, and the root as it was."""

import json
import subprocess
import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

import engine.detach
import engine.jobs
from store.paths import Root
from tests.properties.awkward import words
from tests.properties.roots import (
    COMMAND,
    Said,
    Started,
    call,
    contents,
    is_no_crash,
    refuses_in_one_sentence,
    show_only_text,
)

_SENSIBLE = st.sampled_from(
    (
        *("plain/0", "plain/1", "plain/2", "plane/0", "plain", "plane", "absent/0", "cae", "vae", "dae", "classifier"),
        *("digits", "mnist-5k", "latent_dim=2", "noise=0..0.5", "gaussian:0.1,0.2", "paper", "quick", "cpu", "auto"),
        *("1", "2", "tsne", "test", "png,svg", "csv", "dark", "first", "optimizer=2", "random", "none", "x.png"),
    )
)
_VALUES = st.one_of(_SENSIBLE, words).map(lambda word: word.replace("/", "_", 1) if word.startswith("/") else word)
"""Not a path from the root of the file system: this machine's own files stay out of it."""
_NEVER = {"--install-completion", "--show-completion", "--storage", "--root"}


def _commands() -> dict[tuple[str, ...], list[Any]]:
    """Every command with its parameters, as Typer has them."""
    found: dict[tuple[str, ...], list[Any]] = {}

    def add(name: tuple[str, ...], command: Any) -> None:
        found[name] = [each for each in command.params if not _NEVER & set(each.opts)]
        for inner, each in getattr(command, "commands", {}).items():
            add((*name, inner), each)

    add((), COMMAND)
    return found


_COMMANDS = _commands()


@st.composite
def requests(draw: st.DrawFn) -> list[str]:
    """A command with some of its options and arguments, or words that are no command."""
    if draw(st.integers(0, 9)) == 0:
        return draw(st.lists(_VALUES, max_size=4))
    name = draw(st.sampled_from(sorted(_COMMANDS)))
    parts: list[list[str]] = []
    for parameter in _COMMANDS[name]:
        is_argument = parameter.param_type_name == "argument"
        if draw(st.integers(0, 9)) >= (9 if is_argument else 3):
            continue
        for _ in range(draw(st.integers(1, 2)) if parameter.multiple or parameter.nargs == -1 else 1):
            count = max(1, parameter.nargs)
            values = [] if getattr(parameter, "is_flag", False) else [draw(_VALUES) for _ in range(count)]
            parts.append(values if is_argument else [draw(st.sampled_from(parameter.opts)), *values])
    if draw(st.integers(0, 9)) == 0:
        parts.append([draw(words)])
    return [*name, *(word for part in draw(st.permutations(parts)) for word in part)]


@pytest.fixture
def nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process, no download, no worker, no waiting: a request that comes so far was in order."""

    def start(*_arguments: object, **_options: object) -> None:
        raise Started

    def unreachable(*_arguments: object, **_options: object) -> None:
        raise urllib.error.URLError("no network in tests")

    monkeypatch.setattr(subprocess.Popen, "__init__", start)
    monkeypatch.setattr(engine.jobs, "ensure_workers", start)
    monkeypatch.setattr(time, "sleep", start)
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)


@given(arguments=requests())
def test_any_request_is_answered_or_refused_and_a_refused_one_changes_nothing(
    arguments: list[str], root: Root, nothing_starts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETUI_ROOT", str(root.path))
    before = contents(root)
    note(repr(arguments))
    said = call(arguments)
    is_answered(said, arguments)
    if said.status == 2:
        assert contents(root) == before


def is_answered(said: Said, arguments: list[str]) -> None:
    assert said.status in (None, 0, 1, 2), said
    show_only_text(said)
    if "--debug" in arguments:
        return
    is_no_crash(said)
    if said.status == 2:
        refuses_in_one_sentence(said)
        if "--json" in arguments:
            assert set(json.loads(said.out)) == {"error", "status"}


@given(setting=st.lists(words, min_size=1, max_size=2).map("=".join))
@pytest.mark.parametrize("kind", ["cae", "dae", "vae", "classifier"])
def test_any_setting_is_taken_or_refused(
    kind: str, setting: str, root: Root, nothing_starts: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETUI_ROOT", str(root.path))
    said = call(["run", kind, "--dataset", "digits", "--name", "new", "--queue-only", "--set", setting])
    is_answered(said, [])
    assert said.status in (0, 2)
