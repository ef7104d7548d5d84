"""The image pane: what it shows of files and of the decoder's answers, and on which terminals how."""

import base64
import re
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
from textual.pilot import Pilot

from engine import catalog, jobs
from engine.spec import RunSpec
from store.artifacts import replaced
from store.database import open_database
from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.test_screen import MIDDLE, SMALL, at_home, current, home, sees, shown
from tui.app import AetuiApp
from tui.panes.images.pane import ImagePane
from tui.pictures.graphics import Graphics
from tui.pictures.painter import Painter

NUM_IMAGES = 10
LABELS = np.arange(NUM_IMAGES)


def write_images(root: Root, run: RunName, epoch: int, *, is_noisy: bool = False, first_grey: int = 0) -> None:
    """Image i is of grey ``first_grey`` + 20 i, reconstructed one grey darker an epoch yet to come."""
    originals = np.zeros((NUM_IMAGES, 1, 28, 28), np.uint8) + (first_grey + 20 * LABELS[:, None, None, None])
    originals = originals.astype(np.uint8)
    arrays = {
        "originals": originals,
        "inputs": originals + 8 if is_noisy else originals,
        "reconstructions": originals + epoch,
        "errors": (0.5 / epoch + LABELS / 1000).astype(np.float32),
        "labels": LABELS,
    }
    paths = root.run(run)
    paths.images.mkdir(exist_ok=True)
    with replaced(paths.images_of(epoch), 1, lambda: None) as aside, aside.open("wb") as file:
        np.savez(file, **arrays)


def pane(pilot: Pilot[object]) -> ImagePane:
    return home(pilot).query_one(ImagePane)


@asynccontextmanager
async def opened(
    root: Root,
    run: RunName,
    until: Until,
    *words: str,
    size: tuple[int, int] = MIDDLE,
    graphics: Graphics | None = None,
) -> AsyncIterator[Pilot[object]]:
    app = AetuiApp(root, focus=run, graphics=graphics)
    async with app.run_test(size=size, notifications=True) as pilot:
        await at_home(pilot)
        await until(lambda: current(pilot) == run)
        await pilot.press("3")
        await until(sees(pilot, *words))
        yield pilot


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow), (200, 60)])
async def test_strips(root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]) -> None:
    write_images(root, runs["running"], 4)
    words = "epoch 4 of 10", "original", "class 1", "reconstruction", "0.125", "0.126"
    async with opened(root, runs["running"], until, *words, size=size) as pilot:
        assert "input" not in shown(pilot), "they are the originals"
        lines = pane(pilot).plain().split("\n")
        assert len(lines) <= pane(pilot).size.height
        assert max(map(len, lines)) <= pane(pilot).size.width


async def test_strips_follow_the_newest_epoch_and_are_scrubbed(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    run = runs["running"]
    for epoch in (1, 2, 4):
        write_images(root, run, epoch)
    async with opened(root, run, until, "epoch 4 of 10") as pilot:
        await pilot.press("comma", "comma", "comma")
        await until(sees(pilot, "epoch 1 of 10 (newest 4)", "0.501"))
        await pilot.press("full_stop")
        await until(sees(pilot, "epoch 2 of 10 (newest 4)", "0.251"))
        write_images(root, run, 5)
        await pilot.press("full_stop", "full_stop")
        await until(sees(pilot, "epoch 5 of 10"))


async def test_an_input_gives_way_where_there_is_no_room(root: Root, runs: dict[str, RunName], until: Until) -> None:
    write_images(root, runs["complete"], 10, is_noisy=True)
    async with opened(root, runs["complete"], until, "original", "input", "reconstruction", "0.05") as pilot:
        await pilot.resize_terminal(*SMALL)
        await until(lambda: "input" not in shown(pilot))
        assert sees(pilot, "original", "reconstruction", "0.05")()


async def test_marked_runs_stand_below_each_other_with_the_same_images(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    write_images(root, runs["complete"], 10)
    write_images(root, runs["stopped"], 5)
    write_images(root, runs["failed"], 2, first_grey=9)
    async with opened(root, runs["complete"], until, "epoch 10 of 10", size=(120, 60)) as pilot:
        await pilot.press("space", "space", "up")
        await until(sees(pilot, "digits-a/0  epoch 10", "digits-a/1  epoch 5"))
        text = shown(pilot)
        assert text.count("original") == 1
        assert text.index("digits-a/0  epoch 10") < text.index("0.05 ") < text.index("digits-a/1  epoch 5")
        await pilot.press("comma")
        assert sees(pilot, "digits-a/1  epoch 5")(), "there is no epoch before it"
        await pilot.press("down")
        await until(sees(pilot, "original, digits-a/2", "digits-a/2  epoch 2"))


async def test_zoom_and_paging(root: Root, runs: dict[str, RunName], until: Until) -> None:
    write_images(root, runs["complete"], 10)
    async with opened(root, runs["complete"], until, "1-4 of 10") as pilot:
        await pilot.press("tab", "right")
        await until(sees(pilot, "5-8 of 10", "class 4", "0.054"))
        await pilot.press("right", "right")
        await until(sees(pilot, "9-10 of 10"))
        await pilot.press("left", "pageup", "left")
        await until(sees(pilot, "1-4 of 10"))
        await pilot.press("plus")
        await until(sees(pilot, "1-2 of 10", "row 1 of 2"))
        assert "0.05" not in pane(pilot).plain()
        await pilot.press("j")
        await until(sees(pilot, "row 2 of 2", "0.05"))
        await pilot.press("minus", "minus")
        await until(sees(pilot, "1-10 of 10"))
        await pilot.press("0")
        await until(sees(pilot, "1-4 of 10"))


async def test_blocks_have_the_greys_of_the_images(root: Root, runs: dict[str, RunName], until: Until) -> None:
    write_images(root, runs["complete"], 10)
    async with opened(root, runs["complete"], until, "class 1") as pilot:
        lines = pane(pilot)._strips
        first = next(number for number, line in enumerate(lines) if line.text.startswith("class 0")) + 1
        greys = []
        for segment in lines[first]:
            if segment.style is not None and segment.style.bgcolor is not None:
                greys.append(segment.style.bgcolor.get_truecolor().red)
        assert greys == pytest.approx([0, 20, 40, 60], abs=8)


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("LANG", "C")])
async def test_without_colours_and_without_unicode(
    root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    write_images(root, runs["complete"], 10)
    async with opened(root, runs["complete"], until, "class 1") as pilot:
        await pilot.press("tab", "right", "right")
        await until(sees(pilot, "class 9"))
        text = pane(pilot).plain()
        if variable == "LANG":
            assert text.split("\n")[3].split() == ["*" * 14, "#" * 14], "greys of 160 and 180"
            assert text.isascii()
        else:
            assert any(0x2800 < ord(cell) < 0x2900 for cell in text)


async def test_pictures_under_noise(root: Root, runs: dict[str, RunName], until: Until) -> None:
    write_images(root, runs["complete"], 10)
    pictures = np.full((2, NUM_IMAGES, 1, 28, 28), 90, np.uint8)
    np.savez(
        root.run(runs["complete"]).noisy,
        noises=np.array(["gaussian:0.1", "saltpepper:0.2"]),
        originals=pictures[0],
        inputs=pictures,
        reconstructions=pictures,
        labels=LABELS,
    )
    async with opened(root, runs["complete"], until, "reconstructions", size=(200, 60)) as pilot:
        await pilot.press(*"mmmmmm")
        await until(sees(pilot, "under noise", "original (test images)", "gaussian:0.1", "saltpepper:0.2"))
        await pilot.press("m")
        await until(sees(pilot, "reconstructions"))
        assert "under noise" not in shown(pilot)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Root:
    """``vae-digits/0``, ``cae-digits/0`` and ``classifier-digits/0``, of two epochs."""
    database = open_database(Root(tmp_path_factory.mktemp("trained") / "runs"), create=True)
    for kind in ("vae", "cae", "classifier"):
        spec = RunSpec(kind=kind, dataset="digits", epochs=2, device="cpu", model=catalog.kind(kind).spec())
        jobs.enqueue(database, spec.with_settings({"width": 4, "hidden": 16, "latent_dim": 3, "train_limit": 200}))
    jobs.run_inline(database)
    database.close()
    return database.root


def errors(text: str, heading: str) -> list[float]:
    lines = text.split("\n")
    at = next(number for number, line in enumerate(lines) if line.startswith(heading))
    return [float(word) for word in lines[at + 1].split()]


async def test_what_only_the_decoder_knows(trained: Root, until: Until) -> None:
    """By the real process."""
    async with opened(trained, RunName("vae-digits", 0), until, "epoch 2 of 2", size=(160, 50)) as pilot:
        await pilot.press("m")
        await until(sees(pilot, "worst", "Decoding."))
        await until(sees(pilot, "worst  weights of epoch 2 (best)", "of 20", "#", "class "))
        worst = errors(pane(pilot).plain(), "reconstruction")
        assert worst == sorted(worst, reverse=True)
        await pilot.press("m")
        await until(sees(pilot, "best  weights of epoch 2"))
        best = errors(pane(pilot).plain(), "reconstruction")
        assert best == sorted(best)
        assert best[-1] < worst[-1]
        await pilot.press("m")
        await until(sees(pilot, "class means  weights of epoch 2", "mean codes, decoded", "class 0"))
        await pilot.press("m")
        await until(sees(pilot, "mixtures", "half 0, and", "half 1, and"))
        await pilot.press("m")
        await until(sees(pilot, "samples  weights of epoch 2", "from the prior", "of 60"))
        home(pilot)._go_to(RunName("cae-digits", 0))
        await until(sees(pilot, "from a Gaussian fitted to the codes"))
        await pilot.press("comma")
        await until(sees(pilot, "Weights are kept of epoch 2 alone."))
        home(pilot)._go_to(RunName("classifier-digits", 0))
        await until(sees(pilot, "A classifier makes no images."))


# Pictures


@pytest.fixture
def escapes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is written to the terminal past the screen's own cells."""
    written: list[str] = []
    monkeypatch.setattr(Painter, "_write", lambda painter, escape: written.append(escape))
    monkeypatch.setenv("COLORTERM", "truecolor")
    return written


PIXELS = re.compile(r"\x1b_Ga=T,U=1,i=(\d+),c=(\d+),r=(\d+),f=24,s=(\d+),v=(\d+),o=z,q=2,m=0;(.*?)\x1b\\")


async def test_a_kitty_gets_pictures_and_frees_them(
    root: Root, runs: dict[str, RunName], until: Until, escapes: list[str]
) -> None:
    write_images(root, runs["complete"], 10)
    graphics = Graphics(protocol="kitty")
    async with opened(root, runs["complete"], until, "class 1", graphics=graphics) as pilot:
        sent = [PIXELS.fullmatch(escape) for escape in escapes]
        assert all(sent)
        number, columns, lines, width, height, packed = sent[1].groups()  # type: ignore[union-attr]
        pixels = np.frombuffer(zlib.decompress(base64.b64decode(packed)), np.uint8).reshape(int(height), int(width), 3)
        assert (pixels == 20).all()
        row = next(line for line in pane(pilot)._strips if "\U0010eeee" in line.text)
        cells = [segment for segment in row if "\U0010eeee" in segment.text]
        assert cells[1].cell_length == int(columns)
        assert cells[1].style is not None
        assert cells[1].style.color is not None
        red, green, blue = cells[1].style.color.get_truecolor()
        assert red << 16 | green << 8 | blue == int(number)
        assert sum("\U0010eeee" in line.text for line in pane(pilot)._strips) == 4 * int(lines)
        before = len(escapes)
        await pilot.press("v")
        await until(sees(pilot, "▀") if "▀" in shown(pilot) else lambda: "\U0010eeee" not in shown(pilot))
        gone = {int(n) for escape in escapes[before:] for n in re.findall(r"a=d,d=I,i=(\d+)", escape)}
        assert gone == {int(match[1]) for match in sent if match}


async def test_sixels_lie_over_the_places_left_for_them(root: Root, runs: dict[str, RunName], until: Until) -> None:
    widgets = pytest.importorskip("textual_image.widget", reason="the extra `images` is not installed")
    write_images(root, runs["complete"], 10)
    graphics = Graphics(protocol="sixel")
    async with opened(root, runs["complete"], until, "class 1", graphics=graphics) as pilot:
        await until(lambda: len(pane(pilot).query(widgets.SixelImage)) == 4)
        text = pane(pilot).plain().split("\n")
        for picture in pane(pilot).query(widgets.SixelImage):
            first, after = picture.region.y - pane(pilot).region.y, picture.region.bottom - pane(pilot).region.y
            assert text[first - 1].startswith(("class ", "0.0"))
            assert not any(line.strip() for line in text[first:after])
        kept = set(pane(pilot).query(widgets.SixelImage))
        write_images(root, runs["complete"], 11)
        await until(sees(pilot, "epoch 11 of 10"))
        await until(lambda: len(pane(pilot).query(widgets.SixelImage)) == 4)
        assert len(kept & set(pane(pilot).query(widgets.SixelImage))) == 2, "the originals are as they were"
        await pilot.press("v")
        await until(lambda: not pane(pilot).query(widgets.SixelImage))


async def test_other_terminals_get_no_escape(
    root: Root, runs: dict[str, RunName], until: Until, escapes: list[str]
) -> None:
    write_images(root, runs["complete"], 10)
    hint = Graphics(hint="Pictures through tmux: set -g allow-passthrough on, in ~/.tmux.conf")
    async with opened(root, runs["complete"], until, "class 1", "allow-passthrough on", graphics=hint) as pilot:
        await pilot.press("v", "comma")
    assert not escapes


async def test_pictures_need_exact_colours(
    root: Root, runs: dict[str, RunName], until: Until, escapes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    write_images(root, runs["complete"], 10)
    async with opened(root, runs["complete"], until, "class 1", graphics=Graphics(protocol="kitty")):
        pass
    assert not escapes


def test_the_template_is_untouched(template: tuple[Path, dict[str, RunName]]) -> None:
    assert not any(template[0].rglob("images"))
