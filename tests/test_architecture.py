"""What the layout promises: imports run one way, the screen stays light, nothing strays to the top level."""

import subprocess
import sys
from pathlib import Path

import pytest

TOP = Path(__file__).parents[1]
AGREED = {
    *("tui", "engine", "store", "tests", "runs"),
    *("pyproject.toml", "Makefile", "README.md", "CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"),
}


def modules_in(package: str) -> list[str]:
    """``package`` and the modules directly in it."""
    folder = TOP.joinpath(*package.split("."))
    return [package, *(f"{package}.{file.stem}" for file in sorted(folder.glob("[!_]*.py")))]


def loaded_with(*modules: str) -> set[str]:
    """The top-level modules in a fresh process once ``modules`` are imported."""
    code = f"import sys, {', '.join(modules)}; print(*{{name.partition('.')[0] for name in sys.modules}})"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=TOP, capture_output=True, text=True, timeout=100, check=True
    )
    return set(done.stdout.split())


def test_import_contracts_hold() -> None:
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stdout


def test_the_app_starts_without_torch_and_without_the_storage() -> None:
    loaded = loaded_with("tui.app")
    assert "textual" in loaded
    assert not loaded & {"torch", "torchvision", "sklearn", "optuna", "sqlalchemy", "matplotlib"}


def test_nothing_of_the_screen_loads_torch() -> None:
    modules = [
        name
        for package in ("tui", "tui.commands", "tui.screens", "tui.screens.forms", "tui.widgets")
        for name in modules_in(package)
    ]
    assert {"tui.plots", "tui.commands.demo", "tui.screens.home"} <= set(modules)
    assert not loaded_with(*modules) & {"torch", "torchvision", "sklearn"}


def test_files_directly_in_engine_load_no_torch() -> None:
    modules = modules_in("engine")
    assert "engine.worker" in modules
    assert not loaded_with(*modules) & {"torch", "torchvision", "sklearn", "textual"}


def test_the_store_loads_neither_torch_nor_a_screen() -> None:
    modules = modules_in("store")
    assert "store.queue" in modules
    assert not loaded_with(*modules) & {
        "torch",
        "torchvision",
        "sklearn",
        "textual",
        "typer",
        "plotext",
        "engine",
        "tui",
    }


def test_optuna_waits_until_it_is_needed() -> None:
    assert "optuna" not in loaded_with(*(name for name in modules_in("store") if name != "store.studies"))


def test_top_level_holds_what_was_agreed() -> None:
    if not (TOP / ".git").exists():
        pytest.skip("not a checkout: what belongs to the project cannot be told from what does not")
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=TOP,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split("\0")
    found = {Path(file).parts[0] for file in listed if file}
    assert {name for name in found if not name.startswith(".")} <= AGREED
    assert {"pyproject.toml", "tui"} <= found


def test_tests_are_no_packages() -> None:
    assert not list((TOP / "tests").rglob("__init__.py"))


_TRAINS = """
import sys
from pathlib import Path
from engine import jobs
from store import listing
from store.database import open_database
from store.paths import Root
from tests.live import small_spec
database = open_database(Root(Path(sys.argv[1])), create=True)
name = jobs.enqueue(database, small_spec(epochs=1, kind=sys.argv[2]), "x")
jobs.run_inline(database)
print(listing.run(database, name).state, *sys.modules)
"""


@pytest.mark.parametrize("kind", ["cae", "vae"])
def test_training_loads_no_compiler(kind: str, tmp_path: Path) -> None:
    """torch.compile gains nothing here, and what it needs takes as long to import as torch itself."""
    command = [sys.executable, "-c", _TRAINS, tmp_path, kind]
    done = subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=100, check=True)
    state, *loaded = done.stdout.split()
    assert state == "complete"
    assert "torch" in loaded
    assert not {"torch._dynamo", "torch._inductor", "sympy"} & set(loaded)
