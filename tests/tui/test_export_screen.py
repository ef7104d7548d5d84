"""The key ``e``: an export asked for in the form, followed in its dialog, ended or left to itself."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from engine import jobs
from engine.export.wishes import Wishes
from engine.export.writing import write
from store.database import Database, open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from tests.live import is_alive, processes_of, small_spec, wait_for
from tests.tui.conftest import Until
from tests.tui.test_forms import choose, fill, is_open
from tests.tui.test_screen import SMALL, current, home, screen, sees
from tui.helpers.exporting import Exporting, Progress
from tui.look import Look
from tui.messages import Done, Refused
from tui.requests.exporting import MODULE, Export, told
from tui.screens.exporting import ExportingScreen, exporting_lines
from tui.screens.forms.export import ExportForm

TRAINED = RunName("small", 0)
FIELDS = {"what": "run", "into": "figures", "format": "png", "width": "2", "style": "light"}


@pytest.fixture(scope="module")
def trained_root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with the trained runs ``small/0`` and ``small/1``, and an export of the first in its ``figures``."""
    root = Root(tmp_path_factory.mktemp("trained") / "runs")
    database = open_database(root, create=True)
    for seed in (0, 1):
        jobs.enqueue(database, small_spec(epochs=1, seed=seed, train_limit=200), TRAINED.experiment)
    jobs.run_inline(database)
    wishes = Wishes.checked(formats=("png",), data_formats=(), columns=1, dpi=50, style="light")
    write(database, [str(TRAINED)], root.figures, wishes, lambda done, total, says: None)
    database.close()
    return root.path


def files(folder: Path) -> dict[str, str]:
    """All that lies in ``folder``, also what is half done."""
    return {
        str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


def helper(root: Root) -> psutil.Process | None:
    """The process that makes the export."""
    return next(iter(processes_of(root, MODULE)), None)


def says(pilot: Pilot[object], *texts: str) -> Callable[[], bool]:
    """Whether one toast has all of ``texts``, which on the screen may be on lines of their own."""
    return lambda: any(all(text in notice.message for text in texts) for notice in pilot.app._notifications)


def form(pilot: Pilot[object]) -> ExportForm:
    found = pilot.app.screen
    assert isinstance(found, ExportForm)
    return found


async def begin(pilot: Pilot[object], until: Until, into: Path | None = None) -> None:
    await until(lambda: current(pilot) == TRAINED)
    await pilot.press("e")
    await until(is_open(pilot, "Export"))
    if into is not None:
        form(pilot).type_into("into", str(into))
    await pilot.press("enter")
    await until(lambda: isinstance(pilot.app.screen, ExportingScreen))


async def held_at_work(root: Root, until: Until) -> list[psutil.Process]:
    """The helper and its own, all held still while files of the export lie half done in the root's figures."""
    await until(lambda: list(root.figures.glob(".export-*/*.png")))
    found = helper(root)
    assert found is not None
    found.suspend()
    return [found, *found.children(recursive=True)]


# What is asked for


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"format": "png,bmp"}, "There is no format 'bmp' for figures: take png, pdf, svg."),
        ({"format": " , "}, "names no format: take png, pdf, svg."),
        ({"into": " "}, "into='' names no folder."),
        ({"into": "~nobody-of-that-name/x"}, "nobody of that name has a home here."),
    ],
)
def test_what_is_wrong_is_one_sentence(values: dict[str, str], sentence: str) -> None:
    with pytest.raises(RequestError) as refused:
        ExportForm({"run": ["a/0"]}, Path("figures")).read(FIELDS | values)
    assert str(refused.value).endswith(sentence)


def test_the_form_asks_for_an_export() -> None:
    asking = ExportForm({"run": ["a/0"], "experiment": ["a"], "everything": ()}, Path("figures"))
    values = FIELDS | {"into": "~/x", "format": "svg, png,svg", "width": "1", "style": "dark"}
    wanted = Export(names=["a/0"], out=Path.home() / "x", formats=("svg", "png"), columns=1, style="dark")
    assert asking.read(values) == wanted
    assert asking.read(FIELDS | {"what": "experiment"}).names == ["a"]
    assert asking.read(FIELDS | {"what": "everything"}).names == ()
    assert asking.summary(values) == "Figures of a/0 as svg, png for one column of a page, into ~/x."
    several = ExportForm({"marked runs": ["a/0", "a/1"]}, Path("figures"))
    assert several.summary(FIELDS | {"what": "marked runs"}).startswith("Figures of 2 runs as png for two columns")


def test_a_folder_is_looked_at_before(tmp_path: Path) -> None:
    Export(out=tmp_path / "new" / "folders").check_folder()
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    for out in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(RequestError, match=r"file' is no folder\.$"):
            Export(out=out).check_folder()


def test_what_came_of_it_is_one_line() -> None:
    lacking = [
        {"figure": "importance", "reason": "there is no\nsearch."},
        {"figure": "noise", "reason": "that"},
        {"figure": "importance", "reason": "of an experiment"},
    ]
    assert told({"figures": {"a": {}}, "missing": []}, "x") == "1 figure is in x."
    assert told({"figures": {"a": {}, "b": {}}, "missing": lacking}, "x") == (
        "2 figures are in x; 2 not yet, importance because there is no?search."
    )
    assert told({"figures": {}, "missing": lacking[1:2]}, "x") == "No figures are in x; 1 not yet, noise because that."


async def test_what_there_is_to_export(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("e")
        await until(is_open(pilot, "Export"))
        await until(sees(pilot, "[run]  experiment   everything", f"Figures of {runs['running']} as png"))
        await choose(pilot, "what", "experiment")
        await until(sees(pilot, "Figures of digits-a as png"))
        await pilot.press("escape", "asterisk", "e")
        await until(sees(pilot, "[marked runs]  experiment   everything", "Figures of 6 runs as png"))
        await fill(pilot, format="bmp")
        await until(sees(pilot, "There is no format 'bmp' for figures"))
        await pilot.press("enter")
        assert isinstance(pilot.app.screen, ExportForm), "it is not started"


async def test_where_nothing_is_there_is_nothing_to_export(root: Root, until: Until) -> None:
    async with screen(root) as pilot:
        await until(sees(pilot, "n"))
        await pilot.press("e")
        await pilot.pause()
        assert pilot.app.screen is home(pilot)


# How far it is


@pytest.mark.parametrize("look", [Look(), Look(is_unicode=False)])
def test_the_bar(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("threading.Thread.start", lambda _thread: None)
    exporting = Exporting(Export(out=Path()), lambda: pytest.fail("not opened"), None, lambda _said: None)
    full, rest = ("━", "┄") if look.is_unicode else ("=", ".")
    bar, says = exporting_lines(exporting, look, 20).plain.split("\n")
    assert (bar, says) == (rest * 16 + "  0s", "looking at the runs")
    exporting.progress = Progress(done=3, total=12, says="small/\x1bnoise")
    bar, says = exporting_lines(exporting, look, 30).plain.split("\n")
    assert (bar, says) == (full * 5 + rest * 15 + "  3/12  0s", "small/?noise")
    exporting.end()
    assert exporting_lines(exporting, look, 5).plain.endswith("being ended")


async def test_an_export_by_the_keys(trained: Database, root: Root, until: Until, tmp_path: Path) -> None:
    out = tmp_path / "neue Bilder"
    async with screen(root, SMALL, focus=TRAINED) as pilot:
        await until(lambda: current(pilot) == TRAINED)
        await pilot.press("e")
        await until(is_open(pilot, "Export"))
        form(pilot).type_into("into", str(out))
        await fill(pilot, format="png,svg")
        await choose(pilot, "width", "1")
        await pilot.press("enter")
        await until(sees(pilot, f"Export of {TRAINED}", "esc end the export  b in the background"))
        await until(sees(pilot, "━", "┄"))
        await until(says(pilot, f"figures are in {out}; "))
        await until(lambda: pilot.app.screen is home(pilot))
        manifest = json.loads((out / "manifest.json").read_text())
        first = manifest["missing"][0]["figure"]
        assert says(pilot, f"{len(manifest['figures'])} figures", f" not yet, {first} because ")()
    for name in manifest["figures"]:
        assert {file.suffix for file in out.glob(f"{name}.*")} >= {".png", ".svg"} or (out / f"{name}.gif").exists()
    assert helper(root) is None


async def test_escape_ends_it_and_the_older_export_is_whole(trained: Database, root: Root, until: Until) -> None:
    before = files(root.figures)
    assert "manifest.json" in before
    async with screen(root, focus=TRAINED) as pilot:
        await begin(pilot, until)
        processes = await held_at_work(root, until)
        await until(lambda: isinstance(pilot.app.screen, ExportingScreen))
        details = pilot.app.screen.query_one(".dialog-details", Static)
        assert "which stays as it is until the export is whole" in str(details.render())
        await pilot.press("escape")
        await until(sees(pilot, "being ended"))
        await pilot.press("escape")
        await until(lambda: pilot.app.screen is home(pilot))
        await pilot.press("e")
        await until(sees(pilot, "being ended"))
        await pilot.press("b")
        await until(lambda: pilot.app.screen is home(pilot))
        assert not pilot.app._notifications, "nothing goes on"
        processes[0].resume()
        await until(says(pilot, "The export is ended; ", "/figures is as it was before."))
        assert files(root.figures) == before
        await until(lambda: not any(map(is_alive, processes)))
        await pilot.press("e")
        await until(is_open(pilot, "Export"))


async def test_escape_before_it_has_begun(trained: Database, root: Root, until: Until) -> None:
    before = files(root.figures)
    async with screen(root, focus=TRAINED) as pilot:
        await begin(pilot, until)
        await pilot.press("escape")
        await until(says(pilot, "The export is ended; "))
        assert helper(root) is None
    assert files(root.figures) == before


async def test_it_goes_on_in_the_background(trained: Database, root: Root, until: Until, tmp_path: Path) -> None:
    out = tmp_path / "out"
    async with screen(root, focus=TRAINED) as pilot:
        await begin(pilot, until, out)
        await until(lambda: helper(root))
        process = helper(root)
        assert process is not None
        process.suspend()
        await pilot.press("b")
        await until(lambda: pilot.app.screen is home(pilot))
        await until(says(pilot, "The export goes on in the background; e shows it again"))
        await pilot.press("down")
        await until(lambda: current(pilot) == RunName("small", 1))
        await pilot.press("e")
        await until(sees(pilot, f"Export of {TRAINED}", "looking at the runs"))
        assert len(processes_of(root, MODULE)) == 1
        await pilot.press("b")
        process.resume()
        await until(says(pilot, "figures are in"))
        assert (out / "manifest.json").is_file()
        await pilot.press("e")
        await until(is_open(pilot, "Export"))


async def test_it_ends_with_the_screen(trained: Database, root: Root, until: Until) -> None:
    before = files(root.figures)
    async with screen(root, focus=TRAINED) as pilot:
        await begin(pilot, until)
        processes = await held_at_work(root, until)
        await pilot.press("b")
        await until(lambda: pilot.app.screen is home(pilot))
        await pilot.press("q")
    processes[0].resume()
    wait_for(lambda: not any(map(is_alive, processes)), "the end of the processes")
    assert files(root.figures) == before


async def test_a_folder_that_cannot_be_is_refused(
    trained: Database, root: Root, until: Until, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    async with screen(root, focus=TRAINED) as pilot:
        await until(lambda: current(pilot) == TRAINED)
        await pilot.press("e")
        await until(is_open(pilot, "Export"))
        form(pilot).type_into("into", str(tmp_path / "file" / "x"))
        await pilot.press("enter")
        await until(sees(pilot, "The export cannot be written to"))
        assert isinstance(pilot.app.screen, ExportForm)
        await pilot.press("escape")
        # A folder can be taken away behind the form.
        monkeypatch.setattr(Export, "check_folder", lambda _export: None)
        await begin(pilot, until, tmp_path / "file" / "x")
        await until(says(pilot, "The export cannot be written to"))
        await until(lambda: pilot.app.screen is home(pilot))
        assert [notice.severity for notice in pilot.app._notifications] == ["warning"]


def test_a_helper_that_fails_is_one_sentence(
    trained: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tui.requests.exporting.MODULE", "engine.no_such_module")
    said: list[Done | Refused] = []
    exporting = Exporting(Export(out=tmp_path), lambda: trained, None, said.append)
    wait_for(lambda: said, "what became of it")
    assert exporting.is_over
    (only,) = said
    assert isinstance(only, Refused)
    assert only.sentence.startswith("That failed: ")
    assert "engine.no_such_module" in only.sentence
