"""The keys of the loss pane on the screen: what they show."""

import pytest

from store import control
from store.database import Database
from store.metrics import encode
from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.roots import add_run, epoch_line
from tests.tui.test_screen import home, screen, sees, shown
from tui.panes.loss.chart import Chart
from tui.panes.loss.pane import LossPane


def chart(pilot: object) -> Chart:
    return home(pilot).query_one(LossPane).chart  # type: ignore[arg-type]


def x_ticks(text: str) -> list[float]:
    """The numbers below the figure: of the last line that holds nothing else."""
    for line in reversed(text.split("\n")):
        words = line.replace("│", " ").split()
        if words and all(word.replace(".", "").isdigit() for word in words):
            return [float(word) for word in words]
    raise AssertionError(text)


async def test_zoom_pan_and_all_again(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(sees(pilot, "loss   ━━ training"))
        assert x_ticks(shown(pilot))[-1] == 10
        await pilot.press("+")
        await until(lambda: x_ticks(shown(pilot))[-1] < 8.5)
        assert x_ticks(shown(pilot))[0] > 2
        await pilot.press("}", "}")
        await until(lambda: x_ticks(shown(pilot))[-1] == 10)
        await pilot.press("{", "{", "{", "{")
        await until(lambda: x_ticks(shown(pilot))[0] == 1)
        await pilot.press("0")
        await until(lambda: x_ticks(shown(pilot))[-1] == 10)
        await pilot.press("+", "-")
        assert chart(pilot).x_span is None


async def test_the_cursor_reads_every_curve(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(sees(pilot, "loss   ━━ training"))
        await pilot.press("tab")
        await pilot.press("left")
        # 0.2 exp(-10/4) + 0.02, and 0.9 of it in training
        await until(sees(pilot, "loss at epoch 10", "training 0.03278", "validation 0.03642"))
        await pilot.press("left", "h")
        await until(sees(pilot, "loss at epoch 8", "validation 0.04707"))
        await pilot.press("right", "l", "l", "l")
        await until(sees(pilot, "loss at epoch 10"))
        await pilot.press("0")
        await until(lambda: "at epoch" not in shown(pilot))


async def test_axes_smoothing_and_outliers(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(sees(pilot, "loss   ━━ training", "─ epoch"))
        await pilot.press("X")
        await until(sees(pilot, "─ step"))
        assert x_ticks(shown(pilot))[-1] >= 60
        await pilot.press("X")
        await until(sees(pilot, "─ minutes"))
        assert 3 <= x_ticks(shown(pilot))[-1] < 4, "20 seconds an epoch"
        await pilot.press("X", ">", ">")
        await until(sees(pilot, "─ epoch", "(smoothed 0.8)", "validation 0.03642"))
        await pilot.press("<", "<", "<")
        await until(lambda: "smoothed" not in shown(pilot))
        await pilot.press("O")
        await until(sees(pilot, "(cut)", "off the scale", "^"))
        await pilot.press("O")
        await until(lambda: "(cut)" not in shown(pilot))


async def test_limits_are_typed_and_checked(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, focus=runs["complete"]) as pilot:
        await until(sees(pilot, "loss   ━━ training"))
        await pilot.press("Y")
        await until(sees(pilot, "Limits of the axes"))
        await pilot.press(*"5..8", "tab", *"0.1")
        await until(sees(pilot, "y='0.1' is not LOW..HIGH, as in 0.01..0.05."))
        await pilot.press(*"..0.05")
        await until(sees(pilot, "the first number must be below the second"))
        await pilot.press("ctrl+u", *"0.03..0.05", "enter")
        await until(sees(pilot, "(cut)"))
        assert chart(pilot) == Chart(x_span=(5.0, 8.0), y_span=(0.03, 0.05))
        assert x_ticks(shown(pilot)) == [5, 6, 7, 8]
        await pilot.press("Y")
        await until(sees(pilot, "5..8", "0.03..0.05"))
        await pilot.press("escape", "0")
        assert chart(pilot) == Chart()


@pytest.mark.parametrize("size", [(80, 24), pytest.param((120, 36), marks=pytest.mark.slow)])
async def test_the_best_runs_lie_over_each_other(
    root: Root, database: Database, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    control.stop(database, runs["waiting"])  # or it would be the next to be taken
    best = add_run(database, "vae-b", "complete", kind="vae", done=10, loss=lambda epoch: 0.01 / epoch, latent_dim=2)
    async with screen(root, size, focus=runs["vae"]) as pilot:
        await until(sees(pilot, "error", "━━ train"))
        await pilot.press("K")
        await until(sees(pilot, "validation loss", f"run {best.number} 0.001", "run 0 "))
        assert list(home(pilot).overlaid()) == [best, runs["vae"]]
        await pilot.press("v")
        await until(sees(pilot, "training loss", f"run {best.number} 0.0009"))
        await pilot.press("space")
        assert len(home(pilot).overlaid()) == 2, "a marked run is not drawn twice"
        await pilot.press("K", "K", "K", "u")
        await until(sees(pilot, "━━ train"))
        assert home(pilot).overlaid() == {}


async def test_what_is_measured_meanwhile_is_drawn_along_every_axis(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    metrics = root.run(runs["running"]).metrics
    async with screen(root, focus=runs["running"]) as pilot:
        await until(sees(pilot, "loss   ━━ training"))
        with metrics.open("a") as file:
            file.write(encode(epoch_line(9, 0.03)))
        await until(lambda: x_ticks(shown(pilot))[-1] in (8, 9))
        await pilot.press("X")
        await until(sees(pilot, " step "))
        with metrics.open("a") as file:
            file.write(encode({"kind": "step", "epoch": 10, "step": 400, "loss": 0.03, "time": 200.0}))
        await until(lambda: x_ticks(shown(pilot))[-1] == 400)
