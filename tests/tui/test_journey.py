"""One sitting in a real terminal, with real workers: from the first run to the next opening."""

import os
import re
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from store import control
from store.database import open_database
from store.listing import run
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.live import end_processes
from tests.tui.terminal import Terminal
from tests.tui.test_terminal import REPOSITORY

AETUI = Path(sys.executable).with_name("aetui")
_A_PERSON_S = 0.3
"""Between keys of a form: one that moves the focus is obeyed before the next is typed."""
NUM_DOTS = re.compile("[⠁-⣿]")


@pytest.fixture
def sitting(tmp_path: Path) -> Iterator[tuple[Terminal, Root]]:
    root = Root(tmp_path / "meine Läufe")
    environment = {
        "HOME": str(tmp_path),
        "PATH": f"{AETUI.parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(REPOSITORY),
        "AETUI_ROOT": str(root.path),
        "AETUI_IDLE_S": "5",
        "PS1": "at home> ",
    }
    terminal = Terminal((120, 36), ["sh", "-i"], environment)
    yield terminal, root
    terminal.close()
    end_processes(root)


def fill(terminal: Terminal, **values: str) -> None:
    """Type ``values`` into the open form's fields, in its order."""
    places = {"dataset": 1, "epochs": 3, "latent_dim": 4}
    at = 0
    for name, value in values.items():
        for _ in range(places[name] - at):
            terminal.press("Down")
            time.sleep(_A_PERSON_S)
        at = places[name]
        terminal.press(value)  # what stands there is selected
        time.sleep(_A_PERSON_S)


def num_dots(text: str) -> int:
    return len(NUM_DOTS.findall(text))


@pytest.mark.timeout(600)
def test_a_whole_sitting(sitting: tuple[Terminal, Root]) -> None:
    terminal, root = sitting
    first, second, third = (RunName("cae-digits", number) for number in range(3))
    terminal.until(lambda text: "at home>" in text)
    terminal.press("aetui", "Enter")
    terminal.until(lambda text: "None yet: press n." in text)

    # Launch on digits, and watch its curve grow.
    terminal.press("n")
    terminal.until(lambda text: "A convolutional autoencoder on mnist-5k" in text)
    fill(terminal, dataset="digits", epochs="400", latent_dim="2")
    terminal.until(lambda text: "A convolutional autoencoder on digits" in text)
    terminal.press("Enter")
    early = terminal.until(lambda text: f"{first}  ▶ running" in text and num_dots(text) > 10)
    epoch = int(re.search(r"running\s+(\d+)/400", early)[1])  # type: ignore[index]
    terminal.until(lambda text: (now := re.search(r"running\s+(\d+)/400", text)) and int(now[1]) > epoch + 2)

    # Its latent space, while it trains.
    terminal.press("2")
    terminal.until(lambda text: "z1 x z2" in text and text.count("•") > 30)

    # Stop, and go on as a new run from its checkpoint.
    terminal.press("x")
    terminal.until(lambda text: f"End {first}?" in text and "finish the epoch" in text)
    terminal.press("s")
    terminal.until(lambda text: f"{first}  ■ stopped" in text)
    terminal.press("p")
    terminal.until(lambda text: f"{second}  ▶ running" in text)

    # A third one beside it, short; both marked are compared.
    terminal.press("n")
    terminal.until(lambda text: "New run" in text)
    fill(terminal, dataset="digits", epochs="2", latent_dim="3")
    terminal.press("Enter")
    terminal.until(lambda text: f"{third}  ✓ complete" in text)
    terminal.press("1")
    terminal.press("G", "Space", "k", "k", "Space")
    terminal.until(lambda text: "run 2" in text and "run 0" in text)
    terminal.press("d")
    terminal.until(lambda text: re.search(r"latent_dim\s+[23]\s+[23]", text))

    # Filter, delete, undo.
    terminal.press("1", "u", "/")
    terminal.press("state:complete", "Enter")
    terminal.until(lambda text: f"{third}  ✓ complete" in text and "stopped" not in text)
    terminal.press("D")
    terminal.until(lambda text: f"Delete {third}?" in text)
    terminal.press("y")
    terminal.until(lambda text: "No run is like that." in text)
    terminal.press("z")
    terminal.until(lambda text: f"{third}  ✓ complete" in text and "■ stopped" in text)

    # Leave: the run goes on, and is there again with what happened meanwhile.
    terminal.press("q")
    left = terminal.until(lambda text: "goes on in the background" in text)
    assert "1 run goes on in the background" in left
    database = open_database(root)
    assert run(database, second).state is RunState.RUNNING
    control.stop(database, second)
    terminal.press("clear; while ! aetui ls cae-digits | grep -q '1 *stopped'; do sleep 0.2; done; aetui", "Enter")
    terminal.until(lambda text: "While you were away" in text and f"{third}" in text)
    terminal.press("q")
    terminal.until(lambda text: "Nothing runs in the background." in text and "at home>" in text)
    database.close()
