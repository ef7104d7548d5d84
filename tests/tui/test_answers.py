"""The helper process of the screen, as a process."""

import os
import signal
from collections.abc import Iterator

import psutil
import pytest

from engine import search
from engine.recipes.asked import AskedRecipe
from store.address import Addresses
from store.database import Database
from store.names import RunName
from store.paths import Root
from tests.live import processes_of, wait_for
from tests.tui.found import begin_search, end_next, settings_of
from tui.helpers.answers import Answers


@pytest.fixture
def answers(root: Root) -> Iterator[Answers]:
    made = Answers(root, Addresses())
    yield made
    made.close()


def process(root: Root) -> psutil.Process:
    (found,) = processes_of(root, "engine.answers")
    return found


def test_one_process_answers_everything_and_goes_with_the_screen(
    database: Database, root: Root, runs: dict[str, RunName], answers: Answers
) -> None:
    begin_search(database, "s", [settings_of(number) for number in range(8)])
    for number in range(8):
        end_next(database, "COMPLETE", 0.1 / (number + 1))
    assert answers.ask({"importance": "s"}) == {"shares": pytest.approx(search.importance(database, "s"))}
    first = process(root)
    assert "has no search" in answers.ask({"importance": "digits-a"})["says"]
    assert "There is no experiment" in answers.ask({"importance": "nowhere"})["says"]
    assert "cannot be worked out" in answers.ask({"what else": 1})["says"]

    asked = AskedRecipe(source="paper", dataset="digits")
    rows = answers.ask({"table": asked.as_json()})["rows"]
    assert [row["id"] for row in rows] == [row.id for row in asked.recipe().rows]
    (row,) = [row for row in rows if row["id"] == "classifier_frozen"]
    assert row["shown"] == {"reference": "97.56%", "ours": "-", "spread": "-"}
    assert "There is no recipe" in answers.ask({"table": {**asked.as_json(), "source": "/nowhere.toml"}})["says"]

    assert process(root) == first
    answers.close()
    wait_for(lambda: not processes_of(root, "engine.answers"), "its end")


def test_one_that_was_killed_is_begun_again(root: Root, runs: dict[str, RunName], answers: Answers) -> None:
    assert "has no search" in answers.ask({"importance": "digits-a"})["says"]
    os.kill(process(root).pid, signal.SIGKILL)
    assert "has ended" in answers.ask({"importance": "digits-a"})["says"]
    assert "has no search" in answers.ask({"importance": "digits-a"})["says"]
