"""What the screen is made of, without a screen."""

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from store import listing, workers
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.records import RunState
from tui import bindings
from tui.app import farewell
from tui.look import STATE_GLYPHS, Look, duration_text, number_text
from tui.panes.latent.frames import Codes, Frames, project
from tui.panes.loss.curves import Curves
from tui.panes.loss.pane import why_no_numbers
from tui.panes.strip import time_left
from tui.requests.fields import problem
from tui.requests.launching import fields, spec_of


@pytest.mark.parametrize(
    ("environ", "is_unicode"),
    [
        ({"LANG": "de_DE.UTF-8"}, True),
        ({"LANG": "en_US.utf8"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),  # what Python makes of LANG=C
        ({"LANG": "C", "LC_CTYPE": "de_DE.UTF-8"}, True),
        ({"LC_ALL": "POSIX", "LANG": "de_DE.UTF-8"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, True),
        ({}, False),
    ],
)
def test_the_locale_decides_between_braille_and_ascii(environ: dict[str, str], is_unicode: bool) -> None:
    assert Look.of(environ).is_unicode is is_unicode


@pytest.mark.parametrize(
    ("environ", "has_few"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "linux", "COLORTERM": "truecolor"}, False),
        ({"TERM": "tmux-256color"}, False),
        ({}, False),
    ],
)
def test_sixteen_colours_are_told_from_more(environ: dict[str, str], has_few: bool) -> None:
    assert Look.of(environ).has_few_colours is has_few


def test_no_color_counts_when_it_is_not_empty() -> None:
    assert not Look.of({"NO_COLOR": "1"}).has_colour
    assert Look.of({"NO_COLOR": ""}).has_colour


def test_every_state_has_a_glyph_that_ascii_can_show() -> None:
    assert set(STATE_GLYPHS) == set(RunState)
    assert all(ascii_glyph.isascii() for _, ascii_glyph in STATE_GLYPHS.values())


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0237591, "0.02376"), (0.0, "0"), (3e-7, "3.0e-07"), (math.nan, "nan"), (None, "-"), (123456.0, "1.235e+05")],
)
def test_figures_are_short(value: float | None, text: str) -> None:
    assert number_text(value) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(0, "0s"), (59.9, "59s"), (187, "3m07"), (7500, "2h05"), (356_400, "4d03h")]
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text


def test_curves_grow_and_say_what_they_measure() -> None:
    first = Curves().grown([{"kind": "step", "epoch": 1, "step": 10, "loss": 0.4}])
    assert not first.is_empty
    assert first.by_step()[1].tolist() == [0.4]
    lines = [{"kind": "epoch", "epoch": e, "val_kl": 3.0, "val_loss": 1 / e, "val_mse": 0.1} for e in (1, 2)]
    grown = first.grown(lines)
    assert grown.measures() == ["loss", "mse", "kl"]
    assert [part.tolist() for part in grown.along("epoch", "val_loss")] == [[1.0, 2.0], [1.0, 0.5]]
    assert np.isnan(grown.along("epoch", "train_loss")[1]).all()
    assert first.epochs == ()
    assert grown.grown([{"kind": "step", "epoch": 3, "step": 20, "loss": 0.3}]).epochs is grown.epochs


def codes(epoch: int, values: np.ndarray) -> Codes:
    return Codes(epoch, values, np.zeros(len(values), dtype=int), np.arange(len(values)))


def test_two_dimensions_are_shown_as_they_are() -> None:
    values = np.random.default_rng(0).normal(size=(50, 2))
    frame = project(codes(1, values), project(codes(0, -values), None))
    assert np.array_equal(frame.points, values)
    assert frame.axes == "z1 x z2"


@pytest.mark.parametrize("dim", [5, 300])
def test_principal_components_find_the_plane(dim: int) -> None:
    random = np.random.default_rng(0)
    plane = np.linalg.qr(random.normal(size=(dim, 2)))[0]
    scores = random.normal(size=(400, 2)) * (5, 3)
    values = scores @ plane.T + 0.01 * random.normal(size=(400, dim))
    points = project(codes(1, values), None).points
    both = [np.linalg.norm(cloud[:, None] - cloud[None], axis=-1) for cloud in (points, scores)]
    assert np.abs(both[0] - both[1]).max() < 0.2


def test_a_cloud_does_not_flip_between_epochs() -> None:
    """The same codes, their axes mirrored and swapped: the picture must stay where it was."""
    values = np.random.default_rng(0).normal(size=(200, 4)) * (4, 3, 0.1, 0.1)
    turned = values[:, [1, 0, 2, 3]] * (-1, 1, 1, 1)
    frames = Frames().grown(codes(1, values)).grown(codes(2, turned))
    before, after = (frame.points for frame in frames.frames)
    assert np.abs(before - after).max() < 0.1


def test_codes_with_nan_leave_the_others_in_place() -> None:
    values = np.random.default_rng(0).normal(size=(50, 4))
    values[3] = np.nan
    frame = project(codes(2, values), project(codes(1, values), None))
    assert np.isnan(frame.points[3]).all()
    assert np.isfinite(np.delete(frame.points, 3, axis=0)).all()


def test_a_file_that_is_no_archive_is_no_codes(tmp_path: Path) -> None:
    (tmp_path / "1.npz").write_bytes(b"torn")
    assert Codes.load(tmp_path / "1.npz") is None
    assert Codes.load(tmp_path / "2.npz") is None


@pytest.mark.parametrize(
    ("state", "epoch", "text"),
    [
        (RunState.RUNNING, 4, ", 2m00 to go"),
        (RunState.RUNNING, 0, ""),
        (RunState.RUNNING, 10, ""),
        (RunState.COMPLETE, 4, ""),
    ],
)
def test_the_time_to_go_follows_from_the_epochs_so_far(
    database: Database, runs: dict[str, RunName], state: RunState, epoch: int, text: str
) -> None:
    run = dataclasses.replace(listing.run(database, runs["running"]), state=state, epoch=epoch, duration_s=80.0)
    assert time_left(run) == text


@pytest.mark.parametrize(
    ("state", "num_busy", "num_idle", "words"),
    [
        (RunState.WAITING, 0, 0, "none is alive yet"),
        (RunState.WAITING, 1, 1, "importing torch"),
        (RunState.WAITING, 2, 0, "2 busy, 3 in the queue"),
        (RunState.RUNNING, 1, 0, "reading the data"),
        (RunState.HELD, 0, 0, "p lets it go"),
        (RunState.PAUSED, 0, 0, "p goes on"),
        (RunState.LOST, 0, 0, "takes the run over"),
        (RunState.FAILED, 0, 0, "out of luck"),
    ],
)
def test_a_run_without_numbers_says_what_it_waits_for(
    database: Database, runs: dict[str, RunName], state: RunState, num_busy: int, num_idle: int, words: str
) -> None:
    run = dataclasses.replace(listing.run(database, runs["failed"]), state=state)
    busy = workers.workers(database)[0]
    idle = dataclasses.replace(busy, run=None)
    assert words in why_no_numbers(run, (busy,) * num_busy + (idle,) * num_idle, queue=3)


def defaults(**changes: str) -> dict[str, str]:
    kind = changes.get("kind", "cae")
    return {field.key: field.default for field in fields() if field.kind in ("", kind)} | changes


def test_the_form_makes_a_spec() -> None:
    values = defaults(kind="vae", beta="0.001", epochs="3", lr="1e-2", optimizer="sgd", more="width=16 patience=0")
    spec = spec_of(values)
    assert (spec.kind, spec.epochs, spec.optim.lr, spec.optim.optimizer, spec.optim.patience) == (
        "vae",
        3,
        0.01,
        "sgd",
        0,
    )
    assert spec.settings()["beta"] == 0.001
    assert spec.model.width == 16


@pytest.mark.parametrize(
    ("key", "text", "sentence"),
    [
        ("epochs", "x", "epochs='x' does not fit: it must be a whole number."),
        ("epochs", "0", "epochs=0 is out of range"),
        ("lr", "-1", "lr=-1.0 is out of range"),
        ("dataset", "nowhere", "There is no data set 'nowhere'"),
        ("name", "../x", "The name '../x' cannot be used"),
        ("device", "gpu", "device='gpu' is not known"),
        ("more", "width", "'width' is not key=value"),
        ("more", "wdth=3", "'wdth' is not a setting of cae"),
    ],
)
def test_the_form_says_what_is_wrong(key: str, text: str, sentence: str) -> None:
    values = defaults(**{key: text})

    def wrong(key: str) -> str:
        return problem(spec_of, [field for field in fields() if field.kind in ("", "cae")], values, key)

    assert sentence in wrong(key)
    with pytest.raises(RequestError, match=r"\w"):
        spec_of(values)
    assert all(wrong(other) == "" for other in values if other != key)


def test_every_key_has_an_id_of_its_own_and_is_explained() -> None:
    listed = [binding for group in bindings.GROUPS.values() for binding in group]
    assert len({binding.id for binding in listed}) == len(listed)
    assert all(binding.tooltip for binding in listed)
    used = {key for binding in listed for key in binding.key.split(",")}
    assert used.isdisjoint({"ctrl+a", "ctrl+b", "ctrl+s", "ctrl+q"})


@pytest.mark.parametrize(
    ("live", "waiting", "sentence"),
    [
        (0, 0, "Nothing runs in the background."),
        (0, 1, "Nothing runs in the background; 1 run waits for a worker."),
        (0, 7, "Nothing runs in the background; 7 runs wait for a worker."),
        (1, 0, "1 run goes on in the background; `aetui` shows them again."),
        (2, 1, "2 runs go on in the background and 1 waits; `aetui` shows them again."),
    ],
)
def test_the_farewell_counts(live: int, waiting: int, sentence: str) -> None:
    assert farewell(live, waiting) == sentence
