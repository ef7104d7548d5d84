"""What the properties have in common: how many examples, what they may touch, and a root that must stay as it is.

``AETUI_EXAMPLES=500`` draws that many of each, other ones every time; without it, few, and the same ones always.
"""

import os
import shutil
import tempfile
from pathlib import Path

import pytest
import torch

os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", str(Path(tempfile.gettempdir()) / "aetui-hypothesis"))

from hypothesis import HealthCheck, settings

from store import control, workers
from store.database import open_database
from store.paths import Root
from tests.tui.roots import WORKER, add_run

_GIVEN = os.environ.get("AETUI_EXAMPLES")
EXAMPLES = int(_GIVEN or 25)
_TIMEOUT_S = 60 + 2 * EXAMPLES

settings.register_profile(
    "aetui",
    max_examples=EXAMPLES,
    derandomize=_GIVEN is None,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
    print_blob=True,
)
settings.load_profile("aetui")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """A door that hangs is found, however many examples are drawn."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.timeout(_TIMEOUT_S))


@pytest.fixture(autouse=True)
def with_subnormal_numbers() -> None:
    """Hypothesis draws them; training in this process, by an earlier test, has switched them off."""
    torch.set_flush_denormal(False)


@pytest.fixture(autouse=True)
def shut_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own settings, folders and terminal stay out of it; returns the folder that relative paths begin in."""
    for variable in list(os.environ):
        if variable.startswith(("AETUI_", "XDG_")) and variable != "AETUI_EXAMPLES":
            monkeypatch.delenv(variable)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    here = tmp_path / "a" / "b" / "c"
    here.mkdir(parents=True)
    monkeypatch.chdir(here)
    return here


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root with runs in several states, made without training; tests that change one copy it."""
    root = Root(tmp_path_factory.mktemp("template") / "runs")
    database = open_database(root, create=True)
    workers.register(database, WORKER, "cpu", None)
    add_run(database, "plain", "complete", done=3)
    add_run(database, "plain", "failed", done=1)
    add_run(database, "plane", "complete", kind="vae", done=2, latent_dim=2)
    control.annotate(database, [add_run(database, "plain", "held")], add=["kept"], note="a note")
    database.close()
    return root


@pytest.fixture
def root(template: Root, tmp_path: Path) -> Root:
    """A copy of the template."""
    shutil.copytree(template.path, tmp_path / "runs")
    return Root(tmp_path / "runs")
