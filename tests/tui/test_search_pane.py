"""The search pane, over searches whose runs were drawn, reported and ended as workers do it."""

import dataclasses
import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from textual.pilot import Pilot

from engine import search
from store import listing
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.tui.conftest import Until, hear_of_workers
from tests.tui.found import EPOCHS, begin_search, end_next, settings_of
from tests.tui.test_screen import MIDDLE, SMALL, home, screen, sees, shown
from tui.look import Look
from tui.panes.search import lines as search_lines
from tui.panes.search.findings import Findings, Importance, read
from tui.panes.search.pane import SearchPane
from tui.panes.search.parallel import GROUPS, grouped, parallel

NAME = "cae-digits-search"
ENDS = [
    ("COMPLETE", 0.08, EPOCHS),
    ("PRUNED", 0.01, 3),  # better than any that is complete: it must not count
    ("COMPLETE", 0.05, EPOCHS),
    ("COMPLETE", 0.06, EPOCHS),
    ("FAIL", 0.02, 1),
    ("PRUNED", 0.09, 4),
    ("COMPLETE", 0.04, EPOCHS),
    ("COMPLETE", 0.07, EPOCHS),
    ("RUNNING", 0.03, 2),
]
LOOKS = [Look(), Look(has_colour=False), Look(is_unicode=False), Look(is_unicode=False, has_colour=False)]


@pytest.fixture(scope="module")
def searched_root(template: tuple[Path, dict[str, RunName]], tmp_path_factory: pytest.TempPathFactory) -> Root:
    """A root with the search, made once: what changes it changes a copy."""
    root = Root(shutil.copytree(template[0], tmp_path_factory.mktemp("searched") / "runs"))
    with closing(open_database(root)) as database:
        begin_search(database, NAME, [settings_of(number) for number in range(20)])
        for state, value, epoch in ENDS:
            end_next(database, state, value, epoch=epoch)
    return root


@pytest.fixture
def searched(root: Root, searched_root: Root) -> Iterator[Database]:
    shutil.copytree(searched_root.path, root.path)
    with closing(open_database(root)) as database:
        hear_of_workers(database)
        yield database


@pytest.fixture(scope="module")
def findings(searched_root: Root) -> Findings:
    with closing(open_database(searched_root)) as database:
        found = read(database, NAME)
    assert found is not None
    return found


def pane(pilot: Pilot[object]) -> SearchPane:
    return home(pilot).panes.search


def told(pilot: object, *texts: str) -> Callable[[], bool]:
    """Whether the pane, scrolled or not, holds all ``texts``."""
    return lambda: all(text in pane(pilot).plain() for text in texts)


def plain(lines: list) -> str:
    return "\n".join(line.plain for line in lines)


def test_the_best_so_far_is_the_lowest_of_the_complete_runs_up_to_there(searched: Database, findings: Findings) -> None:
    complete = [run for run in listing.runs(searched, NAME) if run.state is RunState.COMPLETE]
    values = [run.value for run in complete]
    expected = [(run.name.number, min(values[: index + 1])) for index, run in enumerate(complete)]
    assert findings.best_so_far() == expected
    assert [value for _, value in expected] == [0.08, 0.05, 0.05, 0.04, 0.04]
    pruned = {run.name.number for run in findings.progress.pruned}
    assert pruned == {1, 5}
    assert pruned.isdisjoint(number for number, _ in findings.best_so_far())


@pytest.mark.parametrize("look", LOOKS)
def test_the_history_marks_each_kind_of_run_apart(findings: Findings, look: Look) -> None:
    lines = search_lines.history(findings, 90, 24, look, log_y=False)
    assert len(lines) == 24
    rows = "".join(line.partition(look.pick("┤", "+"))[2] or line[7:] for line in plain(lines[1:-2]).split("\n"))
    assert rows.count(look.pick("×", "x")) == 2
    assert rows.count(look.pick("•", "o")) == 5
    assert "best 0.04" in lines[0].plain
    assert "2 pruned" in lines[0].plain
    assert "error (log)" in search_lines.history(findings, 90, 24, look, log_y=True)[0].plain
    assert look.is_unicode or plain(lines).isascii()


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("width", [30, 43, 68, 134])
def test_no_block_is_wider_than_it_may_be(findings: Findings, look: Look, width: int) -> None:
    shares = {"latent_dim": 0.75, "optimizer": 0.25, "lr": 0.0}
    findings = dataclasses.replace(findings, importance=Importance(shares=shares))
    blocks = [
        search_lines.head(findings, width, look),
        search_lines.importance(findings, width, look),
        search_lines.bests(findings, width, look),
        search_lines.pruned(findings, width, look),
        parallel(findings, width, 20, look),
    ]
    for lines in blocks:
        assert max(line.cell_len for line in lines) <= width
        assert look.is_unicode or plain(lines).isascii()


def test_the_bars_are_as_long_as_the_shares(findings: Findings) -> None:
    shares = {"latent_dim": 0.6, "lr": 0.3, "optimizer": 0.1}
    lines = search_lines.importance(dataclasses.replace(findings, importance=Importance(shares=shares)), 80, Look())
    lengths = [line.plain.count("━") for line in lines[1:]]
    assert lengths[0] > 40
    assert [round(length / lengths[0], 1) for length in lengths] == [1.0, 0.5, 0.2]
    assert [line.plain.split()[-1] for line in lines[1:]] == ["60%", "30%", "10%"]


def test_the_best_of_each_value_is_that_of_the_search(searched: Database, findings: Findings) -> None:
    text = plain(search_lines.bests(findings, 100, Look()))
    for name, by_value in search.progress(searched, NAME).best_by.items():
        assert f"best per {name}" in text
        for value, run in by_value.items():
            (line,) = [line for line in text.split("\n") if f"run {run.name.number} " in line and f" {value} " in line]
            assert f"{run.value:.4g}" in line


def test_a_pruned_run_tells_when_and_how_it_stood(findings: Findings) -> None:
    lines = plain(search_lines.pruned(findings, 120, Look())).split("\n")
    assert [line.split()[1] for line in lines[1:]] == ["5", "1"], "the newest first"
    assert "epoch 4/8  0.09" in lines[1]
    assert "place 9 of 9" in lines[1]
    assert "latent_dim 2" in lines[1]


def test_parallel_coordinates_group_the_runs_by_their_error(findings: Findings) -> None:
    ordered = sorted(findings.complete, key=lambda run: run.value or 0.0)
    groups = grouped(ordered)
    assert [len(group) for group in groups] == [1, 2, 2]
    assert [run for group in groups for run in group] == ordered
    lines = parallel(findings, 100, 30, Look(has_colour=False))
    assert len(lines) == 30
    assert all(name in lines[0].plain for _, name, _ in GROUPS)
    assert lines[-1].plain.split() == ["optimizer", "lr", "latent_dim", "error"]
    drawn = plain(lines[1:-1])
    assert {"0", "1", "."} <= set(drawn)
    for label in ("sgd", "adam", "0.0001", "0.01", "0.04", "0.08"):
        assert label in drawn
    # The best run ends at the foot of the error's axis, where its value is written.
    assert lines[-2].plain.rstrip().endswith("0.04 0")


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow), (200, 60)])
async def test_the_pane_shows_what_was_found_and_follows(
    searched: Database, root: Root, until: Until, size: tuple[int, int]
) -> None:
    async with screen(root, size, focus=RunName(NAME, 0)) as pilot:
        await until(sees(pilot, f"{NAME}/0"))
        await pilot.press("4")
        await until(sees(pilot, "5 of 40 complete, 2 pruned, 1 failed, 1", "best 0.04 (run 6)", "error"))
        assert told(pilot, "tpe, percentile", "best per optimizer", "best per latent_dim", "place 9 of 9")()
        await pilot.press("H")
        await until(sees(pilot, "3 hidden; H shows", "2 pruned"))
        assert not told(pilot, "place 9 of 9")()
        await pilot.press("H")
        await until(told(pilot, "place 9 of 9"))
        lines = shown(pilot).split("\n")
        assert len(lines) == size[1]
        assert max(map(len, lines)) <= size[0]
        end_next(searched, "COMPLETE", 0.0125)
        await until(sees(pilot, "6 of 40 complete", "best 0.0125 (run 9)"))
        end_next(searched, "PRUNED", 0.001, epoch=2)
        await until(sees(pilot, "6 of 40 complete, 3 pruned", "best 0.0125 (run 9)"))


@pytest.mark.timeout(240)
async def test_what_mattered_comes_by_itself_and_again_with_more_runs(
    searched: Database, root: Root, until: Until
) -> None:
    async with screen(root, (200, 60), focus=RunName(NAME, 0)) as pilot:
        await until(sees(pilot, f"{NAME}/0"))
        await pilot.press("4")
        await until(sees(pilot, "what mattered (PED-ANOVA)"))
        await until(lambda: (found := pane(pilot).findings) and found.importance.shares)
        assert (found := pane(pilot).findings)
        assert dict(found.importance.shares) == pytest.approx(search.importance(searched, NAME))
        await until(sees(pilot, "━━", "%"))
        for value in (0.011, 0.013, 0.3):
            end_next(searched, "COMPLETE", value)
        expected = search.importance(searched, NAME)
        assert expected != found.importance.shares
        await until(lambda: (now := pane(pilot).findings) and now.importance.shares == pytest.approx(expected))


async def test_the_axis_and_the_view_change_by_their_keys(searched: Database, root: Root, until: Until) -> None:
    async with screen(root, focus=RunName(NAME, 0)) as pilot:
        await until(sees(pilot, f"{NAME}/0"))
        await pilot.press("4")
        await until(sees(pilot, "error   ━━ best"))
        await pilot.press("L")
        await until(sees(pilot, "error (log)"))
        await pilot.press("m")
        await until(sees(pilot, "best tenth", "latent_dim"))
        assert "best per" not in pane(pilot).plain()
        await pilot.press("m")
        await until(sees(pilot, "error (log)", "what mattered"))


async def test_a_small_pane_scrolls(searched: Database, root: Root, until: Until) -> None:
    async with screen(root, SMALL, focus=RunName(NAME, 0)) as pilot:
        await until(sees(pilot, f"{NAME}/0"))
        await pilot.press("4", "enter")
        await until(sees(pilot, "5 of 40 complete"))
        assert "place 9 of 9" not in shown(pilot)
        await pilot.press("G")
        await until(sees(pilot, "place 9 of 9"))
        await pilot.press("g")
        await until(sees(pilot, "5 of 40 complete"))


async def test_it_belongs_to_the_experiment_that_is_chosen(searched: Database, root: Root, until: Until) -> None:
    async with screen(root, focus=RunName(NAME, 0)) as pilot:
        await until(sees(pilot, f"{NAME}/0"))
        await pilot.press("4")
        await until(sees(pilot, "5 of 40 complete"))
        await pilot.press("escape", "down")
        await until(sees(pilot, "No search here: S begins one."))
        assert "of 40 complete" not in shown(pilot)
        await pilot.press("up")
        await until(sees(pilot, "5 of 40 complete"))


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_a_search_that_has_nothing_yet_is_shown(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    begin_search(database, NAME, [settings_of(0)])
    end_next(database, "RUNNING", 0.5, epoch=1)
    async with screen(root, size, focus=RunName(NAME, 0)) as pilot:
        await until(sees(pilot, f"{NAME}/0"))
        await pilot.press("4")
        await until(sees(pilot, "0 of 40 complete, 1 running"))
        await until(told(pilot, "Too few runs are"))
        await pilot.press("m")
        await until(sees(pilot, "No run of this search is complete yet."))
