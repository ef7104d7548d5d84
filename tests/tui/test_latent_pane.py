"""The keys of the latent pane on the screen: what they show, and what the decoder is asked."""

import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import numpy as np
import pytest
from textual.pilot import Pilot

from engine.analysis.projections import projection_path, source_of
from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.test_screen import MIDDLE, SMALL, current, home, screen, sees, shown
from tui.panes import decoding
from tui.panes.decoding import Decoded, Question
from tui.panes.latent.pane import LatentPane


def pane(pilot: Pilot[object]) -> LatentPane:
    return home(pilot).query_one(LatentPane)


@asynccontextmanager
async def opened(
    root: Root, run: RunName, words: str, until: Until, size: tuple[int, int] = MIDDLE
) -> AsyncIterator[Pilot[object]]:
    """The screen with the latent pane of ``run``, once it shows ``words``."""
    async with screen(root, size, focus=run) as pilot:
        await until(lambda: current(pilot) == run)
        await pilot.press("2")
        await until(sees(pilot, words))
        yield pilot


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Question]:
    """What the decoder is asked; it answers with grey pictures, and no process is begun."""
    questions: list[Question] = []

    class Fake:
        def __init__(self, root: Root, storage: str | None, tell: Callable[[Question, Decoded], object]) -> None:
            self._tell = tell

        def ask(self, question: Question) -> None:
            questions.append(question)
            grey = np.full((1, 1, 28, 28), 200, dtype=np.uint8)
            self._tell(
                question,
                Decoded(
                    images=np.repeat(grey, max(1, len(question.codes)), axis=0),
                    original=grey,
                    reconstruction=grey,
                    error=0.0123,
                    line=np.repeat(grey, 10, axis=0) if question.between else None,
                ),
            )

        def close(self) -> None: ...

    monkeypatch.setattr(decoding, "Decoder", Fake)
    return questions


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow), (200, 60)])
async def test_the_cursor_shows_the_nearest_sample_and_asks_for_the_place_under_it(
    root: Root, runs: dict[str, RunName], asked: list[Question], until: Until, size: tuple[int, int]
) -> None:
    async with opened(root, runs["vae"], "z1 x z2", until, size) as pilot:
        assert not asked
        await pilot.press("i")
        await until(sees(pilot, "┼"))
        await until(lambda: asked)
        assert (asked[-1].run, asked[-1].epoch) == (runs["vae"], 6)
        (code,) = asked[-1].codes
        frame = pane(pilot).frame()
        assert frame is not None
        assert code == pytest.approx(pane(pilot).view.cursor, abs=1e-3), "two axes: the place is the code"
        assert asked[-1].sample == frame.indices[frame.nearest(np.array(code))]
        if size != SMALL:
            await until(sees(pilot, f"sample {asked[-1].sample}", "class ", "at the cursor"))
        await pilot.press("right", "right", "down", "j", "l")
        await until(lambda: asked[-1].codes[0][0] > code[0] and asked[-1].codes[0][1] < code[1])
        await pilot.press("i")
        await until(lambda: "┼" not in shown(pilot))


async def test_arrows_are_epochs_where_there_is_no_cursor(
    root: Root, runs: dict[str, RunName], asked: list[Question], until: Until
) -> None:
    async with opened(root, runs["vae"], "epoch 6 of", until) as pilot:
        await pilot.press("tab", "left", "h")
        await until(sees(pilot, "epoch 4 of", "(newest 6)"))
        await pilot.press("i", "left")
        await until(sees(pilot, "epoch 4 of", "┼"))
        await until(lambda: asked and asked[-1].epoch == 4)
        await pilot.press(".", ".")
        await until(lambda: asked[-1].epoch == 6)


async def test_from_a_to_b(root: Root, runs: dict[str, RunName], asked: list[Question], until: Until) -> None:
    async with opened(root, runs["vae"], "z1 x z2", until) as pilot:
        await pilot.press("b")
        assert "A " not in shown(pilot).split("\n")[-9], "there is no cursor to take a sample at"
        await pilot.press("i", "b")
        await until(sees(pilot, "b again: B"))
        await pilot.press(*["right"] * 12, "b")
        await until(lambda: len(asked[-1].between) == 2)
        first, second = asked[-1].between
        assert first != second
        await until(sees(pilot, f"A {first} → B {second}"))
        await pilot.press("b")
        await until(lambda: "→ B" not in shown(pilot))


async def test_a_grid_is_decoded_over_what_is_shown(
    root: Root, runs: dict[str, RunName], asked: list[Question], until: Until
) -> None:
    async with opened(root, runs["vae"], "z1 x z2", until) as pilot:
        await pilot.press("#")
        await until(lambda: asked and len(asked[-1].codes) > 4)
        codes = np.array(asked[-1].codes)
        assert codes[0][0] < codes[-1][0], "from left"
        assert codes[0][1] > codes[-1][1], "and from the top"
        whole = np.ptp(codes, axis=0)
        await pilot.press("+")
        await until(lambda: np.allclose(np.ptp(np.array(asked[-1].codes), axis=0), whole / 2, rtol=0.05))
        await pilot.press("0", "#")
        await until(sees(pilot, "z1 x z2"))


async def test_axes_are_gone_through_and_chosen(
    root: Root, runs: dict[str, RunName], asked: list[Question], until: Until
) -> None:
    async with opened(root, runs["complete"], "PCA of 6-D", until) as pilot:
        for axes in ("t-SNE of epoch 10", "z1 x z2", "z3 x z4", "z5 x z6", "PCA of 6-D"):
            await pilot.press("m")
            await until(sees(pilot, axes))
        await pilot.press("Y")
        await until(sees(pilot, "Axes of the latent space"))
        await pilot.press("ctrl+u", *"1 7")
        await until(sees(pilot, "axes=7 is out of range: there are 6 axes."))
        await pilot.press("ctrl+u", *"2 2")
        await until(sees(pilot, "axes='2 2' are not two different axes"))
        await pilot.press("backspace", "5")
        await until(sees(pilot, "z2 x z5; m goes on"))
        await pilot.press("enter")
        await until(sees(pilot, "z2 x z5  400 codes"))
        await pilot.press("i")
        await until(lambda: asked)
        assert len(asked[-1].codes[0]) == 6, "the other axes are at their mean"


async def test_density_and_play(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with opened(root, runs["vae"], "epoch 6 of", until) as pilot:
        await pilot.press("v")
        await until(sees(pilot, "codes  density", "█"))
        await pilot.press("v")
        await until(lambda: "codes  density" not in shown(pilot))
        await pilot.press("P")
        for epoch in (1, 2, 3):
            await until(sees(pilot, f"epoch {epoch} of"))
        await pilot.press("P")
        held = pane(pilot).frame()
        assert held is not None
        await pilot.pause(1.2)
        assert sees(pilot, f"epoch {held.epoch} of")()
        await pilot.press("P")
        await until(sees(pilot, "epoch 6 of"))


async def test_a_run_without_a_decoder_is_told_of(root: Root, runs: dict[str, RunName], until: Until) -> None:
    """By the real process: this root's runs have no checkpoint."""
    async with opened(root, runs["vae"], "z1 x z2", until) as pilot:
        await pilot.press("i")
        await until(sees(pilot, "vae-b/0 has no", "checkpoint: no", "epoch of it was"))


def keep_tsne(root: Root, run: RunName, *epochs: int) -> None:
    """Pictures as the helper process leaves them."""
    for epoch in epochs:
        codes = root.run(run).latents_of(epoch)
        points = np.load(codes)["codes"][:, :2].astype(np.float32) * 3
        np.savez(projection_path(codes, "tsne"), points=points, source=np.array(source_of(codes)))


def making(pilot: Pilot[object]) -> bool:
    """Whether a t-SNE is being made."""
    embedder = home(pilot)._embedder
    return embedder is not None and embedder._process is not None


async def test_tsne_is_made_beside_the_screen_and_kept(
    root: Root, runs: dict[str, RunName], asked: list[Question], until: Until
) -> None:
    async with opened(root, runs["complete"], "PCA of 6-D", until) as pilot:
        await pilot.press("m")
        await until(sees(pilot, "t-SNE of epoch 10, 400 codes: ", "esc gives it up"))
        await until(sees(pilot, "epoch 10 of 10  t-SNE of 6-D  400 codes"))
        assert projection_path(root.run(runs["complete"]).latents_of(10), "tsne").is_file()
        await pilot.press("i")
        await until(lambda: asked)
        assert not asked[-1].codes, "the place under the cursor is no code"
        await until(sees(pilot, f"sample {asked[-1].sample}", "t-SNE: decoded", "error 0.0123"))
        await pilot.press("b", *["right"] * 9, "b")
        await until(lambda: len(asked[-1].between) == 2)
        await pilot.press("#")
        await until(sees(pilot, "t-SNE has no way back to codes"))
        assert not asked[-1].codes
        await pilot.press(",")
        await until(sees(pilot, "t-SNE of epoch 9, 400 codes: "))
        await pilot.press("1")
        await until(lambda: not making(pilot))
        await pilot.press("2")
        await until(lambda: making(pilot))
        await pilot.press("escape")
        await until(sees(pilot, "epoch 9 of 10", "PCA of 6-D"))
        await until(lambda: not making(pilot))
        assert not projection_path(root.run(runs["complete"]).latents_of(9), "tsne").exists()
        assert current(pilot) == runs["complete"]


async def test_playing_tsne_waits_for_pictures_that_are_made(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    keep_tsne(root, runs["vae"], 1, 2, 4, 5, 6)
    async with opened(root, runs["vae"], "z1 x z2", until) as pilot:
        await pilot.press("m")
        await until(sees(pilot, "epoch 6 of 10  t-SNE of 2-D"))
        await pilot.press(*[","] * 4, "P")
        for epoch in (2, 3, 4):
            await until(sees(pilot, f"epoch {epoch} of 10"))
            assert "esc gives it up" not in shown(pilot), "what was shown stays, while the next is made"
        assert projection_path(root.run(runs["vae"]).latents_of(3), "tsne").is_file()


async def test_two_runs_side_by_side(root: Root, runs: dict[str, RunName], asked: list[Question], until: Until) -> None:
    async with opened(root, runs["complete"], "PCA of 6-D", until, (200, 60)) as pilot:
        await pilot.press("B")
        await until(sees(pilot, "Two runs go side by side: mark two, or one and go to another."))
        await pilot.press("space", "B")
        await until(lambda: current(pilot) == runs["stopped"])
        await until(sees(pilot, "run 0  epoch 10 of 10  PCA of 6-D", "run 1  epoch 5 of 10  PCA of 6-D"))
        (line,) = (line for line in shown(pilot).split("\n") if "run 1  epoch" in line)
        assert line.index("run 1  epoch 5") < line.index("run 0  epoch 10"), "the one under the cursor first"
        assert ", turned" in line[line.index("run 0") :]
        frame, beside = pane(pilot).frame(), pane(pilot).frame_beside()
        assert frame is not None
        assert beside is not None
        before = shown(pilot).count("●")
        await pilot.press("i")
        await until(lambda: asked)
        assert asked[-1].run == runs["stopped"]
        assert asked[-1].sample is not None
        await until(lambda: shown(pilot).count("●") > before)  # the same sample in the other cloud
        await pilot.press("left", "i", ",")
        await until(sees(pilot, "run 1  epoch 5 of 10", "run 0  epoch 9 of 10"))
        await pilot.press(*"P")
        for first, second in ((5, 9), (5, 10)):
            await until(sees(pilot, f"run 1  epoch {first} ", f"run 0  epoch {second} "))
        await pilot.press("tab", "tab", "space", "up", "C")
        await until(lambda: current(pilot) == runs["stopped"] and len(home(pilot).runs.marks) == 2)
        await pilot.press("up")
        await until(lambda: re.search(r"run 0  epoch.*run 1  epoch", shown(pilot)))
        assert pane(pilot).view.only == 0, "the other one is first now, and looked at as before"
        await pilot.press("u", "space", "space", "space")
        await until(lambda: len(home(pilot).runs.marks) == 3)
        await until(lambda: "run 0  epoch" not in shown(pilot))
        await pilot.press("B")
        await until(sees(pilot, "Two runs go side by side: 3 are marked"))


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_two_runs_in_a_narrow_pane_are_one_above_the_other(
    root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    async with opened(root, runs["complete"], "PCA of 6-D", until, size) as pilot:
        await pilot.press("space", "B")
        await until(sees(pilot, "run 0  epoch 10 of 10", "run 1  epoch 5 of 10"))
        lines = shown(pilot).split("\n")
        assert len(lines) == size[1]
        assert max(map(len, lines)) <= size[0]
        rows = [row for row, line in enumerate(lines) if re.search(r"run \d  epoch \d", line)]
        assert rows[1] - rows[0] >= size[1] // 2 - 5
        await pilot.press("B")
        await until(lambda: "run 0" not in shown(pilot))


async def test_the_head_says_how_well_neighbours_tell_the_classes_and_one_class_is_shown_alone(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    async with opened(root, runs["vae"], "z1 x z2", until) as pilot:
        assert "knn" not in shown(pilot)
        study = root.run(runs["vae"]).folder / "latent-validation-pca.json"
        study.write_text(json.dumps({"figures": {"knn_accuracy": 0.875}}))
        await until(sees(pilot, "z1 x z2  400 codes  knn 87.5%"))
        for _ in range(3):
            await pilot.press("C")
        assert pane(pilot).view.only == 2
        await pilot.press("C", "C")
        assert pane(pilot).view.only is None
