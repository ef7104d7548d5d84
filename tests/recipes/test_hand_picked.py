"""The hand-picked configurations, and what their loader refuses."""

from collections import Counter
from pathlib import Path

import pytest

from engine.recipes.hand_picked import hand_picked, load, read
from engine.space import reference_space
from engine.spec import RunSpec
from store.errors import RequestError

GOOD = 'optimizer = "adam"\nlr = 1e-3\nweight_decay = 1e-5\nhidden = 200\nlatent_dim = 6\n'


def test_twelve_fit_the_space_and_give_every_optimizer_and_latent_dimension_a_try() -> None:
    found = hand_picked(reference_space())
    assert len(found) == 12
    base = RunSpec(kind="cae", dataset="digits", epochs=1)
    assert len({str(base.with_settings(settings)) for settings in found}) == 12
    assert min(Counter(settings["optimizer"] for settings in found).values()) >= 3
    assert {settings["latent_dim"] for settings in found} == {2, 3, 4, 5, 6}
    assert {settings["optimizer"] for settings in found[:6]} == {"sgd", "adam", "adagrad"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[configuration", "is not TOML"),
        ("", "nothing else"),
        (f"other = 1\n[[configuration]]\n{GOOD}", "nothing else"),
        (f"[[configuration]]\n{GOOD.replace('lr = 1e-3', '')}", "lacks lr"),
        (f"[[configuration]]\n{GOOD.replace('1e-3', '0.5')}", "lr=0.5, which lies outside"),
        (f"[[configuration]]\n{GOOD.replace('200', '200.5')}", "hidden=200.5, which lies outside"),
        (f"[[configuration]]\n{GOOD.replace('adam', 'adamw')}", "optimizer='adamw', which lies outside"),
        (f"[[configuration]]\n{GOOD}width = 4\n", "has width"),
        (f"[[configuration]]\n{GOOD}[[configuration]]\n{GOOD}", "the same as configuration 1"),
        ("configuration = [1]", "must be a table"),
    ],
)
def test_what_does_not_fit_is_refused(text: str, says: str) -> None:
    with pytest.raises(RequestError, match=says):
        read(text, reference_space(), "mine.toml")


def test_a_file_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(f"[[configuration]]\n{GOOD}")
    assert load(file, reference_space()) == (
        {"optimizer": "adam", "lr": 1e-3, "weight_decay": 1e-5, "hidden": 200, "latent_dim": 6},
    )
    with pytest.raises(RequestError, match="cannot be read"):
        load(tmp_path / "absent.toml", reference_space())
