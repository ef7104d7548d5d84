"""CONTRIBUTING.md is followed word by word."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from engine import catalog, jobs
from engine.spec import RunSpec
from store.database import open_database
from store.paths import Root
from store.records import RunState

REPOSITORY = Path(__file__).parents[1]
TEXT = (REPOSITORY / "CONTRIBUTING.md").read_text(encoding="utf-8")


def blocks(title: str, language: str) -> list[str]:
    """The code blocks of the section ``title``."""
    section = TEXT.split(f"## {title}\n")[1].split("\n## ")[0]
    return re.findall(rf"```{language}\n(.*?)```", section, re.DOTALL)


def write_files(folder: Path, sources: list[str]) -> None:
    """Each block into the file that its first line names."""
    for source in sources:
        file = folder / source.splitlines()[0].removeprefix("# ")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(source, encoding="utf-8")


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", "CHANGELOG.md"])
def test_what_the_documents_point_to_is_there(name: str) -> None:
    text = (REPOSITORY / name).read_text(encoding="utf-8")
    targets = re.findall(r"\]\((?!https?://|#)([^)]+)\)", text)
    assert [target for target in targets if not (REPOSITORY / target).exists()] == []


@pytest.mark.parametrize("title", ["A new kind of model", "A new pane", "A new command"])
def test_each_recipe_is_short(title: str) -> None:
    code = [line for block in blocks(title, "python") for line in block.splitlines() if line and line[0] != "#"]
    assert 0 < len(code) < 20


def test_the_kind_of_the_recipe_trains(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_files(tmp_path, blocks("A new kind of model", "python"))
    (declared,) = map(tomllib.loads, blocks("A new kind of model", "toml"))
    # What pip leaves of an installed package.
    installed = tmp_path / "sparse_kind-1.0.dist-info"
    installed.mkdir()
    (installed / "METADATA").write_text("Metadata-Version: 2.1\nName: sparse-kind\nVersion: 1.0\n")
    points = declared["project"]["entry-points"][catalog.ENTRY_POINT_GROUP]
    lines = [f"{name} = {target}" for name, target in points.items()]
    (installed / "entry_points.txt").write_text("\n".join([f"[{catalog.ENTRY_POINT_GROUP}]", *lines]))
    monkeypatch.syspath_prepend(tmp_path)
    catalog.kinds.cache_clear()
    try:
        database = open_database(Root(tmp_path / "runs"), create=True)
        spec = RunSpec(kind="sparse", dataset="digits", epochs=1, model=catalog.kind("sparse").spec())
        name = jobs.enqueue(database, spec.with_settings({"sparsity": "0.1", "width": "2", "train_limit": "100"}))
        (run,) = jobs.run_inline(database)
        database.close()
    finally:
        catalog.kinds.cache_clear()
    assert (run.name, run.state) == (name, RunState.COMPLETE), run.reason
    assert run.params["sparsity"] == 0.1
    assert run.test["mse"] > 0


def test_the_command_of_the_recipe_works(tmp_path: Path) -> None:
    declaration, body = blocks("A new command", "python")
    write_files(tmp_path, [body])
    script = (
        "import sys, tui.cli, tui.commands\n"
        f"tui.commands.__path__.append({str(tmp_path / 'tui' / 'commands')!r})\n"
        f"exec({declaration!r}, vars(tui.cli))\n"
        "tui.cli.app(sys.argv[1:])\n"
    )
    root = tmp_path / "runs"
    open_database(Root(root), create=True).close()
    done = subprocess.run(
        [sys.executable, "-c", script, "best", "nothing", "--root", str(root)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (2, "aetui: 'nothing' has no run with a value yet.\n")
