"""``stop``, ``kill``, ``pause``, ``resume``, ``rm``, ``restore``."""

import pytest

from store.database import open_database
from store.paths import Root
from tests.cli.command_line import ENDLESS, CommandLine
from tests.live import epochs_of, wait_for
from tests.queued import add_run


@pytest.fixture
def queued(aetui: CommandLine) -> CommandLine:
    """A root with the waiting runs ``cae-digits/0`` and ``cae-digits/1``, and nobody to train them."""
    database = open_database(Root(aetui.root), create=True)
    for _ in range(2):
        add_run(database)
    database.close()
    return aetui


def test_a_waiting_run_is_held_and_let_go(queued: CommandLine) -> None:
    changed = queued("pause", "cae-digits/0", "cae-digits/1", "--json").json()
    assert [run["state"] for run in changed] == ["held", "held"]
    assert queued("pause", "cae-digits/0").status == 2
    assert "aetui resume" in queued("ls", "cae-digits").out or queued.state("cae-digits/0") == "held"


def test_a_waiting_run_is_stopped_at_once(queued: CommandLine) -> None:
    said = queued("stop", "cae-digits/1")
    assert said.status == 0
    assert queued.state("cae-digits/1") == "stopped"
    assert queued.state("cae-digits/0") == "waiting"
    assert queued("resume", "cae-digits/1").status == 2  # no epoch was finished: nothing to go on from


def test_rm_hides_and_restore_brings_back(queued: CommandLine) -> None:
    assert queued("rm", "--yes", "cae-digits/0").status == 0
    assert [run["run"] for run in queued("ls", "cae-digits", "--json").json()] == ["cae-digits/1"]
    assert queued("show", "cae-digits/0").status == 2
    assert queued("stop", "cae-digits/0").status == 2
    assert queued("restore", "cae-digits/0").status == 0
    assert queued.state("cae-digits/0") == "waiting"
    queued("rm", "--yes", "cae-digits/1")
    queued("run", "cae", *ENDLESS, "--queue-only")
    assert queued.state("cae-digits/2") == "waiting"  # numbers are never used twice


@pytest.mark.parametrize(("answer", "left"), [("y\n", 1), ("n\n", 2)])
def test_rm_asks_at_a_terminal(queued: CommandLine, answer: str, left: int) -> None:
    said = queued.at_terminal("rm", "cae-digits/0", typed=answer)
    assert said.status == 0
    assert "Delete cae-digits/0" in said.out
    assert len(queued("ls", "cae-digits", "--json").json()) == left


def test_a_live_run_is_paused_resumed_and_killed(aetui: CommandLine) -> None:
    assert aetui("run", "cae", *ENDLESS, "--detach").status == 0
    metrics = aetui.root / "cae-digits" / "0" / "metrics.jsonl"
    wait_for(lambda: metrics.is_file() and len(epochs_of(metrics)) > 1, "two epochs")
    assert aetui("rm", "--yes", "cae-digits/0").status == 2
    assert aetui("pause", "cae-digits/0").status == 0
    aetui.wait_until("cae-digits/0", "paused")
    paused_at = aetui("show", "cae-digits/0", "--json").json()["epoch"]
    (resumed,) = aetui("resume", "cae-digits/0", "--json").json()
    assert resumed["run"] == "cae-digits/0"
    wait_for(lambda: len(epochs_of(metrics)) > paused_at, "an epoch after the pause")
    assert aetui("kill", "cae-digits/0").status == 0
    killed = aetui("show", "cae-digits/0", "--json").json()
    assert (killed["state"], killed["reason"]) == ("failed", "killed by the user")
    lines = epochs_of(metrics)
    assert lines == list(range(1, len(lines) + 1))


def test_tags_and_a_note(queued: CommandLine) -> None:
    both = ("cae-digits/0", "cae-digits/1")
    tagged = queued("tag", *both, "--add", "good", "--add", "erste", "--note", "für mich", "--json").json()
    assert [run["user_attrs"]["tags"] for run in tagged] == [["good", "erste"]] * 2
    assert queued("tag", both[1], "--remove", "good", "--note", "").out == "cae-digits/1  erste\n"
    assert queued("tag", *both, "--add", "two words").status == 2
    assert queued("tag", *both).out == "cae-digits/0  good, erste; für mich\ncae-digits/1  erste\n"
