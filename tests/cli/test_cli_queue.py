"""``queue``: what waits, in its order, and moving runs within it."""

import pytest

from store.database import open_database
from store.paths import Root
from tests.cli.command_line import CommandLine
from tests.queued import add_run


@pytest.fixture
def queued(aetui: CommandLine) -> CommandLine:
    database = open_database(Root(aetui.root), create=True)
    for _ in range(3):
        add_run(database)
    database.close()
    return aetui


def order(aetui: CommandLine) -> list[str]:
    return [each["run"] for each in aetui("queue", "--json").json()]


def test_what_waits_is_listed_and_moved(queued: CommandLine) -> None:
    said = queued("queue", "cae-digits/2", "--to", "first")
    assert said.status == 0
    places = [line.split()[:2] for line in said.out.splitlines()[1:]]
    assert places == [["1", "cae-digits/2"], ["2", "cae-digits/0"], ["3", "cae-digits/1"]]
    queued("queue", "cae-digits/2", "cae-digits/0", "--to", "last")
    assert order(queued) == ["cae-digits/1", "cae-digits/2", "cae-digits/0"]


WRONG = {
    ("cae-digits/0",): "name them and where to",
    ("--to", "first"): "name them and where to",
    ("cae-digits/0", "--to", "sideways"): "one of first, last, up, down",
    ("cae-digits/7", "--to", "first"): "There is no run cae-digits/7",
    ("cae-digits/0", "cae-digits/1", "--to", "first"): "cae-digits/1 does not wait",
}


def test_what_cannot_be_moved_is_said(queued: CommandLine) -> None:
    queued("stop", "cae-digits/1")
    for words, says in WRONG.items():
        said = queued("queue", *words)
        assert said.status == 2
        assert says in said.err
    assert order(queued) == ["cae-digits/0", "cae-digits/2"]


def test_an_empty_queue(aetui: CommandLine) -> None:
    assert aetui("queue", "--json").json() == []
    said = aetui("queue")
    assert (said.status, said.out) == (0, "")
    assert "Nothing waits." in said.err
