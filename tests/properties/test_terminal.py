"""What other programs wrote into the storage, and what lies in a log, is text wherever it is shown."""

import asyncio
import html.parser
import json
import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine.export.report import Missing, Section, render
from engine.export.scope import scopes
from engine.export.tables import Grid, write_table
from engine.recipes import table
from engine.recipes.steps import Recipe
from store import listing
from store.database import open_database
from store.experiments import DATASET_ATTRIBUTE, KIND_ATTRIBUTE
from store.paths import Root
from tests.properties.awkward import DEEP, ESCAPES
from tests.properties.roots import call, is_no_crash, show_only_text
from tui.app import AetuiApp
from tui.messages import Refused

_OWNED = "<script>owned()</script>" + "".join(each for each in ESCAPES if each != "\ud800")
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture
def root(template: Root, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Root:
    """A root in which another Optuna program has written whatever it can write."""
    shutil.copytree(template.path, tmp_path / "runs")
    root = Root(tmp_path / "runs")
    with closing(sqlite3.connect(root.database)) as connection, connection:
        (study,) = connection.execute("SELECT study_id FROM studies WHERE study_name = 'plain'").fetchone()
        trials = connection.execute("SELECT trial_id FROM trials WHERE study_id = ?", (study,)).fetchall()
        for (trial,) in trials:
            connection.execute(
                "DELETE FROM trial_user_attributes WHERE trial_id = ? AND key IN ('tags', 'note')", (trial,)
            )
            attributes = {
                "tags": [_OWNED, 1, None],
                "note": _OWNED,
                _OWNED: _OWNED,
                "deep": None,
                "mixed": {"a": [_OWNED]},
            }
            for key, value in attributes.items():
                text = DEEP if key == "deep" else json.dumps(value)
                connection.execute(
                    "INSERT INTO trial_user_attributes (trial_id, key, value_json) VALUES (?, ?, ?)", (trial, key, text)
                )
        connection.execute("UPDATE aetui_runs SET reason = ? WHERE reason IS NOT NULL", (_OWNED,))
        connection.execute(
            "UPDATE study_user_attributes SET value_json = ? WHERE study_id = ? AND key = ?",
            (json.dumps(_OWNED), study, DATASET_ATTRIBUTE),
        )
        for name in (f"copy {_OWNED}", "../outside", "x" * 300):  # as optuna.copy_study makes them
            made = connection.execute("INSERT INTO studies (study_name) VALUES (?)", (name,)).lastrowid
            for key, value in ((KIND_ATTRIBUTE, 7), (DATASET_ATTRIBUTE, _OWNED)):
                connection.execute(
                    "INSERT INTO study_user_attributes (study_id, key, value_json) VALUES (?, ?, ?)",
                    (made, key, json.dumps(value)),
                )
    for log in root.path.glob("*/*/log.txt"):
        log.write_text(f"begins\n{_OWNED}\n\x1b[31mred\x1b[0m\n", encoding="utf-8")
    monkeypatch.setenv("AETUI_ROOT", str(root.path))
    return root


@pytest.mark.parametrize(
    "arguments",
    [
        *(["ls"], ["ls", "plain"], ["show", "plain/0"], ["show", "plain/1"], ["logs", "plain/0"]),
        *(["compare", "plain/0", "plain/1"], ["tag", "plain/0"], ["queue"], ["ls", _OWNED], ["show", f"{_OWNED}/0"]),
        *(["run", _OWNED], ["--root", _OWNED, "show", "x/0"], ["run", "cae", "--dataset", _OWNED]),
        *(["run", "cae", "--set", f"lr={_OWNED}"], ["search", "--space", _OWNED], ["recipe", _OWNED]),
        *([_OWNED], [f"--{_OWNED}"], ["show", "plain/0", "--debug", _OWNED], ["workers"], ["keys", "--toml"]),
    ],
    ids=lambda arguments: " ".join(arguments).replace(_OWNED, "X"),
)
def test_commands_show_it_harmlessly(root: Root, arguments: list[str]) -> None:
    for beside in ([], ["--json"]):
        said = call([*arguments, *beside])
        assert said.status in (0, 2)
        show_only_text(said)
        if "--debug" not in arguments:
            is_no_crash(said)


def test_a_study_that_another_program_copied_is_none_of_ours(root: Root) -> None:
    assert [each["experiment"] for each in json.loads(call(["ls", "--json"]).out)] == ["plain", "plane"]


async def _look_around(pilot: Pilot[object]) -> list[str]:
    """What every pane shows, and the tables with these columns."""
    shown = []
    for key in ("1", "2", "3", "4", "5", "6", "d", "question_mark", "escape", "Q", "escape", "a", "escape", "tab"):
        await pilot.press(key)
        await asyncio.sleep(0.3)
        await pilot.pause()
        shown += [segment.text for strip in pilot.app.screen._compositor.render_strips() for segment in strip]
    return shown


async def test_the_screen_shows_it_harmlessly(root: Root) -> None:
    remembered = {
        "experiment": "plain",
        "run": "plain/1",
        "columns": ["tags", "note", "reason", "dataset", "mixed", _OWNED[:99]],
    }
    (root.path / ".screen.json").write_text(json.dumps(remembered), encoding="utf-8")
    app = AetuiApp(root)
    async with app.run_test(size=(160, 50), notifications=True) as pilot:
        while len(pilot.app.screen_stack) < 2:
            await asyncio.sleep(0.05)
        pilot.app.screen_stack[1].post_message(Refused(f"refused {_OWNED}"))
        shown = await _look_around(pilot)
    texts = "".join(shown)
    assert "owned" in texts, "it is shown"
    assert "refused" in texts
    assert not _STEERING.search(texts), _STEERING.findall(texts)
    assert "cannot be read" not in texts


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.found.add(tag)


def test_a_report_holds_it_as_text() -> None:
    grid = Grid(headings=["run", _OWNED], rows=[["plain/0", _OWNED]])
    missing = Missing(scope="", figure=_OWNED, reason=_OWNED, command=_OWNED)
    page = render(_OWNED, [Section(title=_OWNED, folder=_OWNED, table=grid, figures=[], missing=[missing])] * 2, "#fff")
    reader = _Tags()
    reader.feed(page)
    assert "script" not in reader.found
    assert "&lt;script&gt;owned()" in page
    assert not _STEERING.search(page)


def test_tables_of_an_export_hold_it_as_text(root: Root, tmp_path: Path) -> None:
    database = open_database(root)
    out = tmp_path / "out"
    out.mkdir()
    (scope,) = scopes(database, ["plain"])
    write_table(database, scope, out)
    database.close()
    for file in ("table.tex", "table.md"):
        text = (out / file).read_text(encoding="utf-8")
        assert not _STEERING.search(text)


def test_latex_is_escaped_and_stays_in_its_comment() -> None:
    evil = "a\n\\input{/etc/passwd} 100% $x_1^2$ #{~} & \x1b[2J"
    row = table.Row(
        id="x", title=evil, reference=None, ours=None, spread=None, better=None, runs=(), command=evil, notes=(evil,)
    )
    recipe = Recipe(name="r", title=evil, steps=(), rows=(), notes=(evil,))
    text = table.latex(recipe, [row])
    assert not _STEERING.search(text)
    for line in text.splitlines():
        is_cell = not line.startswith("%")
        assert not is_cell or "\\input" not in line
        unescaped = re.sub(r"\\[%&_#${}]|\\textbackslash\{\}|\\textasciitilde\{\}|\\textasciicircum\{\}", "", line)
        if is_cell and line.endswith(r"\\"):
            assert not set(unescaped.replace(" & ", "").removesuffix(r"\\")) & set("\\%$#_{}~^&"), line
    grid = Grid(headings=["run"], rows=[[evil]])
    assert "\\input" not in grid.latex()
    assert len(grid.markdown().splitlines()) == 3


def test_what_optuna_wrote_is_what_aetui_reads(root: Root) -> None:
    """Tags that are no texts, a note, an attribute that cannot be read: the run is there all the same."""
    database = open_database(root)
    run = listing.runs(database, "plain")[0]
    database.close()
    assert run.tags == (_OWNED, "1", "None")
    assert run.user_attrs["deep"] is None
