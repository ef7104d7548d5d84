"""In a process of its own, as the command has it: a process with threads should not be forked."""

import pickle
import subprocess
import sys

import pytest

from store import workers
from store.database import Database, open_database
from store.listing_reader import ListingReader
from store.names import RunName
from store.paths import Root
from tests.tui.roots import WORKER, add_run
from tui.listing import Listing, read_listing
from tui.remembered import Remembered

LOOK = """
import pickle, sys
from tui.first_look import FirstLook
from store.address import Addresses
from store.names import RunName
from store.paths import Root
root, focus = pickle.load(sys.stdin.buffer)
look = FirstLook(root, Addresses(), focus)
assert not {"sqlalchemy", "textual", "threading"} & set(sys.modules), "that is what it is for"
pickle.dump(look.read(), sys.stdout.buffer)
"""


def look(root: Root, focus: RunName | None = None, code: str = LOOK) -> Listing | None:
    ran = subprocess.run(
        [sys.executable, "-c", code], input=pickle.dumps((root, focus)), capture_output=True, check=True, timeout=60
    )
    assert ran.stderr == b"", "nothing reaches the terminal"
    found: Listing | None = pickle.loads(ran.stdout)
    return found


@pytest.fixture
def quiet(root: Root) -> Database:
    database = open_database(root, create=True)
    workers.register(database, WORKER, "cpu", None)
    for experiment in ("first", "second"):
        add_run(database, experiment, "complete", done=3)
    return database


def test_it_sees_what_the_screen_sees(quiet: Database, root: Root) -> None:
    assert look(root) == read_listing(quiet, ListingReader(quiet), None)


@pytest.mark.parametrize("asked", ["first", "second"])
def test_it_looks_where_the_screen_opens(quiet: Database, root: Root, asked: str) -> None:
    found = look(root, RunName(asked, 0))
    assert found is not None
    assert [run.name for run in found.runs] == [RunName(asked, 0)]
    Remembered(experiment=asked).write(root)
    found = look(root)
    assert found is not None
    assert found.chosen == asked


def test_nothing_there_is_nothing_seen_and_nothing_made(root: Root) -> None:
    assert look(root) is None
    assert not root.path.exists()


def test_what_cannot_be_read_is_left_to_the_screen(root: Root) -> None:
    root.path.mkdir(parents=True)
    root.database.write_text("no database at all, " * 100)
    assert look(root) is None


def test_its_death_is_nothing_seen(quiet: Database, root: Root) -> None:
    dies = LOOK.replace("look = ", "import tui.first_look as module; module._look = lambda *_: 1 / 0; look = ")
    assert look(root, code=dies) is None


def test_its_process_is_gone_afterwards(quiet: Database, root: Root) -> None:
    waits = LOOK + "\nimport os\ntry: os.waitpid(-1, 0)\nexcept ChildProcessError: pass\nelse: sys.exit('it is left')"
    assert look(root, code=waits) is not None
