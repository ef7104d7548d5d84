"""The log: how its lines are read and cleaned, and the pane that follows, searches and jumps."""

from pathlib import Path

import pytest

from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.test_screen import SMALL, current, home, screen, sees, shown
from tui.panes import PANES
from tui.panes.log.lines import Cleaner, LogLine, error_starts, matches, row_starts
from tui.panes.log.tails import LAST_BYTES, Growth, LogTail

LOG = str(PANES.index("log") + 1)
TRACEBACK = """Traceback (most recent call last):
  File "a.py", line 3, in work
    raise OutOfLuck(7)
here.OutOfLuck: no luck left
"""


def texts(growth: Growth | None) -> list[str] | None:
    return [line.text for line in growth.lines] if growth else None


def test_a_log_is_followed_and_begun_anew(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = LogTail(path)
    assert tail.read() is None
    path.write_text("one\ntwo\nhal")
    growth = tail.read()
    assert growth is not None
    assert (texts(growth), growth.is_new, growth.unfinished) == (["one", "two"], True, LogLine("hal", 3))
    assert tail.read() is None
    with path.open("a") as file:
        file.write("f\n")
    growth = tail.read()
    assert growth is not None
    assert (texts(growth), growth.is_new, growth.unfinished) == (["half"], False, None)
    path.write_text("new\n")
    growth = tail.read()
    assert growth is not None
    assert (texts(growth), growth.is_new) == (["new"], True)


def test_a_progress_bar_is_seen_while_it_moves(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    tail = LogTail(path)
    for written, shown_now in ((" 10%|#   |", " 10%|#   |"), ("\r 50%|##  |", " 50%|##  |")):
        with path.open("a") as file:
            file.write(written)
        growth = tail.read()
        assert growth is not None
        assert growth.unfinished is not None
        assert (growth.unfinished.text, growth.lines) == (shown_now, ())
    with path.open("a") as file:
        file.write("\r100%|####|\n")
    growth = tail.read()
    assert (texts(growth), growth and growth.unfinished) == (["100%|####|"], None)


def test_of_a_huge_log_the_end_is_read(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    with path.open("wb") as file:
        file.seek(100_000_000)  # a hole: as long as such a log, and quickly made
        file.write(b"\n" + b"".join(b"line %d\n" % number for number in range(300_000)))
    tail = LogTail(path)
    growth = tail.read()
    assert growth is not None
    assert growth.is_cut
    assert growth.lines[-1].text == "line 299999"
    assert growth.lines[0].text.startswith("line ")
    assert LAST_BYTES * 0.9 < sum(line.width + 1 for line in growth.lines) <= LAST_BYTES
    with path.open("ab") as file:
        file.write(b"x" * 10 + b"\n" + b"0123456789\n" * (LAST_BYTES // 10))
    growth = tail.read()
    assert growth is not None
    assert growth.is_new, "more came than is looked at: it begins anew near the end"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("\x1b[31mred\x1b[0m text", "red text"),
        (" 10%\r 50%\r100%", "100%"),
        ("dos\r", "dos"),
        ("\x1b]0;title\x07bell\x07", "bell"),
        ("\x1b[2J\x1b[1;1Hhome", "home"),
        ("[bold]kept[/bold]", "[bold]kept[/bold]"),
        ("right\u202eto left\x00", "rightto left"),
        ("a\tb", "a   b"),
    ],
)
def test_log_lines_cannot_disturb_the_screen(raw: str, clean: str) -> None:
    line = Cleaner().line(raw)
    assert line.text == line.as_text().plain == clean


def test_colours_are_kept_over_lines_and_other_sequences_are_not() -> None:
    cleaner = Cleaner()
    lines = [cleaner.line(raw) for raw in ("\x1b[1;31mred\x1b[2K", "still red", "and \x1b[0mplain", "plain")]
    assert [line.text for line in lines] == ["red", "still red", "and plain", "plain"]
    styles = [[(str(span.style), span.start, span.end) for span in line.as_text().spans] for line in lines]
    assert styles == [[("bold color(1)", 0, 3)], [("bold color(1)", 0, 9)], [("bold color(1)", 0, 4)], []]


def test_an_error_is_one_however_many_lines_it_has() -> None:
    raw = ["begins", *TRACEBACK.splitlines(), "", "failed: OutOfLuck", "a", "b", "c", "2026 CRITICAL disk full", "ends"]
    lines = [Cleaner().line(each) for each in raw]
    assert error_starts(lines) == [1, 10]
    assert [at for at, line in enumerate(lines) if line.is_error] == [1, 6, 10]
    assert not Cleaner().line("epoch 3  validation error 0.02, 0 terrors").is_error


@pytest.mark.parametrize(
    ("text", "starts"),
    [
        ("", [0]),
        ("ten digits", [0]),
        ("epoch 1/8  loss 0.1", [0, 11]),
        ("exactly ten words", [0, 8]),
        ("0123456789 next", [0, 11]),
        ("a 0123456789abcdef", [0, 10]),
        ("漢字漢字漢字漢字", [0, 10]),
    ],
)
def test_long_lines_are_broken_between_words(text: str, starts: list[int]) -> None:
    assert list(row_starts(Cleaner().line(text), 10)) == starts


def test_capitals_count_where_they_are_typed() -> None:
    lines = [Cleaner().line(each) for each in ("Loss 1", "loss 2", "gloss", "other")]
    assert matches(lines, "loss") == [0, 1, 2]
    assert matches(lines, "loss", first=2) == [2]
    assert matches(lines, "Loss") == [0]
    assert matches(lines, "") == []


def write(root: Root, name: RunName, text: str) -> None:
    with root.run(name).log.open("a") as file:
        file.write(text)


@pytest.mark.parametrize("size", [SMALL, pytest.param((120, 36), marks=pytest.mark.slow)])
async def test_it_follows_the_end_and_stops_when_scrolled(
    root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    name = runs["running"]
    write(root, name, "".join(f"number {n}\n" for n in range(100)) + "\x1b[32m " + "long " * 60 + "\nthe tail\n")
    async with screen(root, size) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press(LOG)
        await until(sees(pilot, "following", "the tail", "number 99"))
        assert "number 3\n" not in shown(pilot)
        write(root, name, "a bar  10%\ra bar  70%")
        await until(sees(pilot, "a bar  70%"))
        write(root, name, "\ra bar 100%\nnext line\n")
        await until(sees(pilot, "a bar 100%", "next line", "following"))
        assert "70%" not in shown(pilot)
        await pilot.press("tab", "g")
        await until(sees(pilot, "paused, G follows", "begins"))
        write(root, name, "unseen so far\n")
        await pilot.pause(0.8)
        assert "unseen" not in shown(pilot)
        await pilot.press("G")
        await until(sees(pilot, "following", "unseen so far"))


async def test_it_is_searched(root: Root, runs: dict[str, RunName], until: Until) -> None:
    name = runs["running"]
    write(root, name, "".join(f"line {n} {'needle' if n % 40 == 10 else 'hay'}\n" for n in range(200)))
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press(LOG, "tab")
        await until(sees(pilot, "following"))
        await pilot.press("slash", *"Needle")
        await until(sees(pilot, "'Needle' nowhere"))
        await pilot.press("home", "delete", "n", "enter")
        await until(sees(pilot, "'needle' 5 of 5", "line 170 needle"))
        await pilot.press("n")
        await until(sees(pilot, "'needle' 1 of 5", "line 10 needle"))
        await pilot.press("n", "n", "N")
        await until(sees(pilot, "'needle' 2 of 5", "line 50 needle"))
        assert pilot.app.screen is home(pilot), "n opened no form: the pane's own key won"
        write(root, name, "needle again\n")
        await until(sees(pilot, "'needle' 2 of 6"))
        await pilot.press("escape")
        await until(lambda: "needle'" not in shown(pilot))
        await pilot.press("escape")
        assert pilot.app.focused is not None
        assert pilot.app.focused.id == "runs"


async def test_a_failed_run_opens_at_its_error(root: Root, runs: dict[str, RunName], until: Until) -> None:
    name = runs["failed"]
    write(
        root,
        name,
        "before\n" * 60 + TRACEBACK + "between\n" * 60 + TRACEBACK + "2026 failed: OutOfLuck\n" + "after\n" * 60,
    )
    async with screen(root, focus=name) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press(LOG)
        await until(sees(pilot, "between", "here.OutOfLuck", "after", "2 errors: f", "paused, G follows"))
        await pilot.press("f")
        await until(sees(pilot, "before", "here.OutOfLuck", "between"))
        assert "after" not in shown(pilot)
        await pilot.press("F")
        await until(sees(pilot, "after"))


async def test_in_ascii_it_holds_nothing_else(
    root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "C")
    name = runs["complete"]
    write(root, name, "\x1b[33mgrün 漢字\x1b[0m fast\n")
    async with screen(root, focus=name) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press(LOG)
        await until(sees(pilot, "gr?n ?? fast"))
