"""The screen in a real terminal, as a person starts it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database
from store.names import RunName
from store.paths import Root
from tests.tui.terminal import Terminal

REPOSITORY = Path(__file__).parents[2]
OPEN = """
import sys
from pathlib import Path
from store.address import UNDER_ROOT
from store.paths import Root
from tui.app import run
run(Root(Path(sys.argv[1])), UNDER_ROOT, data_dir=None, mouse=True)
"""
NO_TORCH = ("torch", "torchvision", "sklearn")


@pytest.fixture
def terminal(request: pytest.FixtureRequest, root: Root, runs: dict[str, RunName]) -> Iterator[Terminal]:
    """A shell of which the screen is the first command; the size is the parameter."""
    environment = {
        "PYTHONPATH": str(REPOSITORY),
        "ROOT": str(root.path),
        "OPEN": OPEN,
    }
    script = f'"{sys.executable}" -c "$OPEN" "$ROOT"; echo "status $?"; stty -a; read -r waits'
    made = Terminal(request.param, ["sh", "-c", script], environment)
    yield made
    made.close()


@pytest.mark.parametrize("terminal", [(80, 24), (120, 36)], indirect=True, ids=["80x24", "120x36"])
def test_opens_moves_and_leaves_the_terminal_as_it_was(terminal: Terminal) -> None:
    text = terminal.until(lambda text: "digits-a/3" in text and "val" in text)
    assert "▶ running" in text
    assert terminal.flag("alternate_on") == "1"
    assert any(0x2800 < ord(character) < 0x2900 for character in text)
    terminal.press("Up")
    terminal.until(lambda text: "digits-a/2  ✗ failed" in text)
    terminal.press("g", "2")
    terminal.until(lambda text: "digits-a/0" in text and "epoch 10 of 10" in text)
    terminal.press("q")
    left = terminal.until(lambda text: "status" in text and "icanon" in text and "echoke" in text)
    assert "1 run goes on in the background and 1 waits; `aetui` shows them again." in left
    assert "status 0" in left
    assert re.search(r"(?<!-)\bicanon\b", left), "line by line again"
    assert re.search(r"(?<!-)\becho\b", left), "what is typed is seen again"
    assert terminal.flag("alternate_on") == "0"
    assert terminal.flag("mouse_any_flag") == "0"
    assert terminal.flag("cursor_flag") == "1"


@pytest.mark.parametrize("terminal", [(120, 36)], indirect=True, ids=["120x36"])
def test_what_is_typed_ahead_of_a_line_goes_into_it(terminal: Terminal) -> None:
    terminal.until(lambda text: "digits-a/3" in text and "val" in text)
    terminal.press("/", "state:failed", "Enter")  # in one piece, as over a slow link
    text = terminal.until(lambda text: "▸   2 ✗ failed" in text)
    assert "complete   10/10" not in text
    assert "Sort" not in text


def python(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env={**os.environ, **environment},
    )


def test_importing_the_app_loads_nothing_heavy() -> None:
    heavy = (*NO_TORCH, "optuna", "sqlalchemy", "numpy", "plotext", "psutil")
    done = python(f"import sys, tui.app; print([name for name in {heavy} if name in sys.modules])")
    assert (done.stdout.strip(), done.stderr) == ("[]", "")


LOOKED_AT = f"""
import asyncio, sys
from pathlib import Path
from store.paths import Root
from tui.app import AetuiApp

async def look():
    app = AetuiApp(Root(Path(sys.argv[1])))
    async with app.run_test(size=(120, 36)) as pilot:
        panes = {{"1": "validation", "2": "epoch 4 of 10", "3": "first pictures", "4": "No search here"}}
        panes |= {{"5": "folder", "6": "begins"}}
        for pane, word in panes.items():
            await pilot.press(pane)
            for _ in range(600):
                if word in "".join(strip.text for strip in app.screen._compositor.render_strips()):
                    break
                await pilot.pause(0.1)
            else:
                raise SystemExit(f"{{word}} was not shown")
        await pilot.press("n")
        await pilot.pause(0.5)
    print([name for name in {(*NO_TORCH, "optuna")} if name in sys.modules])

asyncio.run(look())
"""


def test_showing_every_pane_loads_no_torch(database: Database, root: Root, runs: dict[str, RunName]) -> None:
    done = python(LOOKED_AT, str(root.path))
    assert (done.stdout.strip(), done.returncode) == ("[]", 0), done.stderr[-2000:]


def test_a_dumb_terminal_gets_one_sentence(root: Root) -> None:
    done = python(OPEN, str(root.path), TERM="dumb")
    assert done.stderr.strip().split("\n")[-1].endswith("use `aetui ls` and `aetui show RUN`.")
    assert done.stdout == ""
