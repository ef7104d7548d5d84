"""What differs between runs, how well a run is: the figures, and the pane that shows them."""

import dataclasses
import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from textual.app import App

from store import listing, results
from store.artifacts import replaced
from store.database import Database
from store.metrics import encode
from store.names import RunName
from store.paths import Root
from store.records import Run, RunState
from tests.tui.conftest import Until
from tests.tui.roots import epoch_line
from tests.tui.test_screen import MIDDLE, SMALL, current, home, screen, sees, shown
from tui.look import Look
from tui.panes import PANES
from tui.panes.numbers.difference_table import table
from tui.panes.numbers.differences import differences
from tui.panes.numbers.health import Health, HealthReader
from tui.panes.numbers.health_lines import bar, confusion_lines, history_text
from tui.panes.numbers.units import alarm, units_of

NUMBERS = str(PANES.index("numbers") + 1)


def a_run(number: int = 0, **changes: Any) -> Run:
    run = Run(
        trial_id=number,
        name=RunName("exp", number),
        kind="cae",
        dataset="digits",
        state=RunState.COMPLETE,
        value=0.02,
        last_value=0.03,
        epoch=5,
        epochs=5,
        params={"lr": 0.004, "latent_dim": 6, "optimizer": "adam"},
        seed=0,
        threads=2,
        attempt=1,
        device="cpu",
        host="here",
        directory="/runs",
        reason=None,
        duration_s=60.0,
        test={"mse": 0.02, "psnr": 17.0},
    )
    return dataclasses.replace(run, **changes)


# Differences


def test_only_what_differs_is_a_row_and_the_best_is_known() -> None:
    first = a_run(0, user_attrs={"lr": 0.004, "latent_knn_accuracy": 0.8, "by": "me"})
    second = a_run(
        1,
        params={"lr": 0.005, "latent_dim": 6, "optimizer": "adam", "beta": 1.0},
        value=0.015,
        test={"mse": 0.025, "psnr": 16.0},
        user_attrs={"lr": 0.005, "latent_knn_accuracy": 0.9, "by": "you"},
    )
    found = differences([first, second])
    rows = {row.name: row for section in found.sections.values() for row in section}
    assert list(found.sections) == ["settings", "results", "notes"]
    assert list(rows) == ["lr", "beta", "error", "test mse", "test psnr", "latent_knn_accuracy", "by"]
    assert rows["lr"].relative == pytest.approx(0.25)
    assert rows["test mse"].relative == pytest.approx(0.25)
    assert rows["error"].relative == pytest.approx(-0.25)
    assert rows["beta"].values == (None, 1.0)
    assert {name: set(row.best) for name, row in rows.items() if row.best} == {
        "error": {1},
        "test mse": {0},
        "test psnr": {0},
        "latent_knn_accuracy": {1},
    }


def test_what_has_no_value_is_never_the_best() -> None:
    runs = [a_run(0, value=math.nan), a_run(1, value=0.03), a_run(2, value=0.02), a_run(3, value=None, last_value=None)]
    (row,) = differences(runs).sections["results"]
    assert row.best == {2}
    assert differences([a_run(0), a_run(1)]).sections == {}


def test_many_runs_are_shifted_through() -> None:
    runs = [(a_run(number, value=0.01 * (number + 1)), number) for number in range(12)]
    seen: list[str] = []
    for first in range(12):
        made = table(runs, first, 60, Look())
        assert all(line.cell_len <= 60 for line in made.lines)
        seen += made.lines[0].plain.split("●")[1:]
        if first == made.last_first:
            assert "run 11" in made.lines[0].plain
    assert {name.strip() for name in seen} == {f"run {number}" for number in range(12)}
    assert table(runs, 0, 60, Look()).lines[-1].plain == " 1 to 6 of 12 runs: tab, then left and right."


# Units


def test_dead_units_are_those_whose_mean_does_not_move() -> None:
    """A variational unit is active where its mean varies by more than 0.01 (Burda et al. 2016)."""
    vae = a_run(kind="vae", params={"beta": 0.5, "kl_warmup": 2})
    health = Health(epoch=5, spreads=(1.0, 0.11, 0.09, 0.0))
    units = units_of(vae, {"epoch": 5, "kl_by_unit": [2.0, 0.1, 0.005, 0.0]}, health)
    assert units is not None
    assert units.active == (True, True, False, False)
    assert alarm(vae, units) == "2 of 4 units are dead: posterior collapse; lower beta or warm KL up longer."
    assert alarm(dataclasses.replace(vae, epoch=2), units) == "", "KL still warms up"
    fine = dataclasses.replace(units, active=(True, True, True, False))
    assert alarm(vae, fine) == ""


def test_without_codes_the_divergence_tells() -> None:
    vae = a_run(kind="vae", params={"beta": 0.5, "kl_warmup": 0})
    units = units_of(vae, {"epoch": 3, "kl_by_unit": [0.001, 0.0]}, None)
    assert units is not None
    assert (units.active, units.source) == ((False, False), "validation, epoch 3")
    of_test = units_of(vae, {}, Health(tables={"kl_by_unit": [1.0]}))
    assert of_test is not None
    assert (of_test.active, of_test.source) == ((True,), "test images")
    assert units_of(vae, {}, None) is None


def test_a_plain_code_is_dead_where_it_does_not_change() -> None:
    cae = a_run()
    units = units_of(cae, {}, Health(epoch=5, spreads=(40.0, 1e-5, 0.0)))
    assert units is not None
    assert units.active == (True, False, False)
    assert alarm(cae, units) == "2 of 3 units are dead: they never change; lower lr or latent_dim."
    assert alarm(a_run(kind="classifier"), units) == "", "half of its features may well rest"


# Lines


def test_bars_are_as_long_as_their_values() -> None:
    assert [len(bar(value, 8.0, 8, Look())) for value in (8.0, 4.0, 1.0, 0.0)] == [8, 4, 1, 0]
    assert bar(0.5, 8.0, 8, Look()) == "▌"
    assert bar(4.0, 8.0, 8, Look(is_unicode=False)) == "===="
    assert bar(1.0, 0.0, 8, Look()) == ""
    assert bar(math.nan, 8.0, 8, Look()) == bar(math.inf, 8.0, 8, Look()) == "████████"


def test_the_history_ends_with_the_last_epoch() -> None:
    assert history_text([0, 3, 6], 6, 10, Look()) == "▁▅█"
    long = history_text([*([0] * 99), 6], 6, 10, Look())
    assert (len(long), long[-1]) == (10, "█")


@pytest.mark.parametrize("width", [42, 68])
@pytest.mark.parametrize("is_unicode", [True, False])
def test_ten_classes_fit_into_a_small_pane(width: int, is_unicode: bool) -> None:
    counts = np.diag([1134] * 10)
    counts[9, 4], counts[3, 5] = 12, 7
    names = [str(digit) for digit in range(10)]
    look = Look(is_unicode=is_unicode)
    lines = [line.plain for line in confusion_lines(counts.tolist(), names, width, look)]
    assert all(len(line) <= width for line in lines)
    assert lines[11].split() == [
        "9",
        *"....".replace(".", look.pick("·", ".")),
        "12",
        *look.pick("·", ".") * 4,
        lines[11].split()[-1],
    ]
    assert lines[11].split()[-1] == ("1134" if width == 68 else "1k")
    assert [line.strip() for line in lines[12:]] == ["9 taken for 4: 12 of 1146", "3 taken for 5: 7 of 1141"]


def test_of_too_many_classes_the_pairs_are_told() -> None:
    counts = np.eye(60, dtype=int) * 100
    counts[7, 8] = 5
    lines = [line.plain for line in confusion_lines(counts.tolist(), [f"c{n}" for n in range(60)], 60, Look())]
    assert lines[1:] == ["   c7 taken for c8: 5 of 105"]


# The files


def write_codes(root: Root, name: RunName, epoch: int, codes: np.ndarray) -> None:
    path = root.run(name).latents_of(epoch)
    with replaced(path, 1, lambda: None) as aside, aside.open("wb") as file:
        np.savez(file, codes=codes.astype(np.float16), labels=np.arange(len(codes)), indices=np.arange(len(codes)))


def write_json(root: Root, name: RunName, file: str, content: Mapping[str, Any]) -> None:
    (root.run(name).folder / file).write_text(json.dumps(content))


def test_files_are_read_again_when_they_change(root: Root, runs: dict[str, RunName]) -> None:
    name = runs["complete"]
    reader = HealthReader(root.run(name))
    first = reader.read()
    assert first is not None
    assert (first.epoch, len(first.spreads), first.tables) == (10, 6, {})
    assert reader.read() is None
    codes = np.random.default_rng(0).normal(size=(500, 2)) * (3.0, 0.0)
    write_codes(root, name, 11, codes)
    write_json(root, name, "results.json", {"mse_by_class": {"a": 0.1}})
    write_json(root, name, "latent-test-pca.json", {"figures": {"silhouette": 0.25}})
    (root.run(name).folder / "latent-test-tsne.json").write_text("torn")
    now = reader.read()
    assert now is not None
    assert now.spreads == pytest.approx((codes[:, 0].std(), 0.0), rel=1e-3)
    assert now.tables == {"mse_by_class": {"a": 0.1}}
    assert now.quality == {"test, pca": {"silhouette": 0.25}}


# The pane


async def test_a_collapse_is_told_at_the_top_and_on_the_tab(root: Root, runs: dict[str, RunName], until: Until) -> None:
    name = runs["vae"]
    async with screen(root, focus=name) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press(NUMBERS)
        await until(sees(pilot, "units: 2 of 2 active", "validation, epoch 6"))
        assert "numbers!" not in shown(pilot)
        # The next epoch brings it, while the pane is open.
        write_codes(root, name, 7, np.random.default_rng(0).normal(size=(100, 2)) * (1.0, 0.001))
        line = epoch_line(7, 0.05, "vae") | {"kl_by_unit": [3.25, 0.0001], "active_units": 1}
        with root.run(name).metrics.open("a") as file:
            file.write(encode(line))
        await until(sees(pilot, "1 of 2 units is dead: posterior collapse", "numbers!", "KL 3.25 nats", "dead"))
        await pilot.press("1")
        await until(sees(pilot, "numbers!", "loss"))
        assert "kl_by_unit" not in shown(pilot)


async def test_classes_and_codes_are_told_where_they_were_measured(
    root: Root, runs: dict[str, RunName], until: Until
) -> None:
    name = runs["complete"]
    async with screen(root, (200, 60), focus=name) as pilot:
        await until(lambda: current(pilot) == name)
        await pilot.press(NUMBERS)
        await until(sees(pilot, "E measures it.", "A tells how the classes separate."))
        write_json(root, name, "results.json", {"mse_by_class": {"zero": 0.01, "one": 0.04}})
        write_json(root, name, "latent-validation-pca.json", {"figures": {"knn_accuracy": 0.875}})
        await until(sees(pilot, "test mse by class", "worst", "knn accuracy 0.875"))
        (worst,) = [line for line in shown(pilot).split("\n") if "worst" in line]
        assert "one" in worst
        write_json(root, name, "results.json", {"confusion": [[90, 3], [0, 77]], "classes": ["cat", "dog"]})
        await until(sees(pilot, "cat taken for dog: 3 of 93"))


@pytest.mark.parametrize("size", [SMALL, pytest.param(MIDDLE, marks=pytest.mark.slow)])
async def test_d_tells_marked_runs_apart(
    database: Database, root: Root, runs: dict[str, RunName], until: Until, size: tuple[int, int]
) -> None:
    results.add_test(database, runs["complete"], {"psnr": 18.5})
    async with screen(root, size) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("d")
        await until(sees(pilot, "Nothing to tell apart"))
        await pilot.press("g", "space", "d")
        await until(sees(pilot, "● run 0", "▸ run 1", "change", "error", "results"))
        first, second = (listing.run(database, runs[state]) for state in ("complete", "stopped"))
        assert first.value is not None
        assert second.value is not None
        (row,) = [line for line in shown(pilot).split("\n") if "│    error" in line]
        assert f"{first.value:.4g}*" in row
        assert row.split()[-2:] == [f"{100 * (second.value / first.value - 1):+.0f}", "%"]
        assert "latent_dim" not in shown(pilot), "the same in both"
        await pilot.press("space", "space")
        await until(sees(pilot, "● run 0", "● run 1", "● run 2"))
        assert "change" not in shown(pilot)
        await pilot.press("d")
        await until(sees(pilot, "validation error", "folder"))


async def test_c_lays_marked_runs_over_each_other(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press(NUMBERS, "c")
        await until(sees(pilot, "Nothing to compare"))
        await pilot.press("g", "space", "space", "c")
        await until(sees(pilot, "validation loss", "run 0", "run 1"))
        assert home(pilot).pane == "loss"


async def test_y_copies(root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch) -> None:
    copied: list[str] = []
    monkeypatch.setattr(App, "copy_to_clipboard", lambda self, text: copied.append(text))
    async with screen(root, focus=runs["stopped"]) as pilot:
        await until(lambda: current(pilot) == runs["stopped"])
        await pilot.press("y")
        await until(lambda: copied)
        assert copied == [f"aetui --root '{root.path}' resume digits-a/1"]
        await pilot.press("g", "y")
        await until(lambda: len(copied) == 2)
        assert copied[1].endswith("show digits-a/0")
        await pilot.press(NUMBERS)
        await until(sees(pilot, "validation error"))
        await pilot.press("y")
        await until(lambda: len(copied) == 3)
        assert f"folder            {root.run(runs['complete']).folder}" in copied[2].replace(
            "\n                     ", ""
        )


async def test_many_runs_are_reached_by_the_arrows(root: Root, runs: dict[str, RunName], until: Until) -> None:
    async with screen(root, SMALL) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await pilot.press("g", *(["space"] * 6), "d")
        await until(sees(pilot, "of 6 runs", "run 0"))
        await pilot.press("tab", *(["right"] * 6))
        await until(sees(pilot, "run 5"))
        assert "run 0" not in shown(pilot)
        await pilot.press(*(["left"] * 6))
        await until(sees(pilot, "run 0"))
