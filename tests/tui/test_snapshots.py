"""The main views, cell by cell and colour by colour, at three sizes: as the files in ``snapshots/`` have them.

After a change that is meant, ``AETUI_SNAPSHOTS=write pytest tests/tui/test_snapshots.py`` draws them anew; look at them
before they are committed.
"""

import json
import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from store import schema, workers
from store.database import open_database
from store.names import RunName
from store.paths import Root
from tests.tui import svg
from tests.tui.conftest import Until
from tests.tui.found import EPOCHS, begin_search, end_next, settings_of
from tests.tui.roots import WORKER, add_run
from tests.tui.test_image_pane import write_images
from tests.tui.test_screen import current, home, no_workers, screen, sees

__all__ = ["no_workers"]  # a fixture that these tests share

SNAPSHOTS = Path(__file__).parent / "snapshots"
SIZES = [(80, 24), (120, 36), (200, 60)]
ENDS = [("COMPLETE", 0.05), ("PRUNED", 0.09), ("COMPLETE", 0.04), ("FAIL", 0.0), ("COMPLETE", 0.03), ("COMPLETE", 0.06)]
LOG = "\x1b[32mbegins\x1b[0m\nepoch 1\repoch 2\nTraceback (most recent call last):\nRuntimeError: no luck"


_SETTLES_S, _COMES_S = 2.0, 30.0


@dataclass(frozen=True)
class View:
    """What is looked at: ``keys`` pressed at ``run``, until the screen shows ``sign``."""

    run: RunName
    keys: tuple[str, ...]
    sign: str


CAE, VAE, SEARCH = RunName("cae-digits", 0), RunName("vae-digits", 0), RunName("search", 0)
VIEWS = {
    "loss": View(CAE, ("1",), "━━ val"),
    "overlay": View(CAE, ("1", "space", "space", "L"), "marked"),
    "latent": View(VAE, ("2",), "epoch 6"),
    "images": View(VAE, ("3",), "reconstruct"),
    "search": View(SEARCH, ("4",), "best"),
    "numbers": View(VAE, ("5",), "validation error"),
    "difference": View(CAE, ("space", "space", "d"), "latent_dim"),
    "log": View(RunName("cae-digits", 2), ("6",), "RuntimeError"),
    "form": View(CAE, ("n",), "latent_dim"),
    "help": View(CAE, ("question_mark",), "keys"),
}


def falling(latent_dim: int) -> Callable[[int], float]:
    return lambda epoch: 0.2 / epoch + 0.1 / latent_dim


def write_results(root: Root, run: RunName) -> None:
    """What an evaluation and a study of the codes leave."""
    tables = {"mse_by_class": {"zero": 0.01, "one": 0.04, "two": 0.02}}
    (root.run(run).folder / "results.json").write_text(json.dumps(tables))
    quality = {"figures": {"silhouette": 0.25, "knn_accuracy": 0.875}}
    (root.run(run).folder / "latent-test-pca.json").write_text(json.dumps(quality))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root in which nothing runs, and of which every time is fixed."""
    root = Root(tmp_path_factory.mktemp("snapshots") / "runs")
    database = open_database(root, create=True)
    workers.register(database, WORKER, "cpu", None)
    for state, done, dim in (("complete", 10, 6), ("stopped", 5, 4), ("failed", 2, 6)):
        add_run(database, "cae-digits", state, done=done, latent_dim=dim, log=LOG, loss=falling(dim))
    add_run(database, "vae-digits", "complete", kind="vae", done=6, latent_dim=2)
    write_images(root, VAE, 6)
    write_results(root, VAE)
    begin_search(database, "search", [settings_of(number) for number in range(len(ENDS))])
    for outcome, value in ENDS:
        end_next(database, outcome, value, epoch=EPOCHS if outcome == "COMPLETE" else 3)
    with database.engine.begin() as connection:
        connection.execute(schema.runs.update().values(duration_s=61.0, host="box"))
        connection.execute(schema.workers.delete())
    database.close()
    return root.path


@pytest.fixture
def root(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    """A copy of it in a home of its own, which the screen writes as ``~``."""
    monkeypatch.setenv("HOME", str(tmp_path))
    for variable in (
        "XDG_CONFIG_HOME",
        "XDG_CACHE_HOME",
        "AETUI_KEYMAP",
        "AETUI_NOTIFY",
        "AETUI_SETTINGS",
        "AETUI_DATA",
    ):
        monkeypatch.delenv(variable, raising=False)
    return Root(Path(shutil.copytree(made, tmp_path / "runs")))


@pytest.mark.parametrize(
    "size",
    [*SIZES[:2], pytest.param(SIZES[2], marks=pytest.mark.slow)],
    ids=[f"{width}x{height}" for width, height in SIZES],
)
@pytest.mark.parametrize("name", VIEWS)
async def test_the_view_is_as_it_was(name: str, size: tuple[int, int], root: Root, until: Until) -> None:
    view, file = VIEWS[name], SNAPSHOTS / f"{name}-{size[0]}x{size[1]}.svg"
    async with screen(root, size, focus=view.run) as pilot:
        await until(lambda: current(pilot) == view.run)
        await until(sees(pilot, str(view.run)))
        await pilot.press(*view.keys)
        await until(sees(pilot, view.sign))
        if name == "search":
            await until(lambda: (found := home(pilot).panes.search.findings) and found.importance.shares)
        is_new = os.environ.get("AETUI_SNAPSHOTS") == "write"
        before = "" if is_new else file.read_text(encoding="utf-8")
        # What a thread has still to bring can be later than a screen at rest: only then is it another picture.
        give_up = time.monotonic() + (_SETTLES_S if is_new else _COMES_S)
        while (now := await svg.at_rest(pilot, f"aetui: {name}")) != before and time.monotonic() < give_up:
            pass
    if is_new:
        svg.write(file, now)
    elif now != before:
        svg.write(aside := root.path.parent / file.name, now)
        pytest.fail(f"{name} is drawn otherwise: compare {aside} with {file}, or see this module's first lines.")
