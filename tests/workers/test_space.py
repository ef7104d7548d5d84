"""Search spaces from TOML: what is read, and what is refused in one sentence."""

import json
from pathlib import Path

import pytest

from engine.space import Space, reference_space
from store.errors import RequestError
from tests.live import small_spec


def load(tmp_path: Path, text: str) -> Space:
    file = tmp_path / "space.toml"
    file.write_text(text)
    return Space.load(file)


def test_all_that_a_file_can_say(tmp_path: Path) -> None:
    space = load(
        tmp_path,
        """
        optimizer = {choices = ["sgd", "adam"]}
        lr = {low = 1e-5, high = 1e-2, log = true}
        hidden = {low = 100, high = 300, step = 50}
        width = {low = 4.0, high = 16.0, type = "int"}
        [momentum]
        low = 0.0
        high = 0.9
        when = {optimizer = "sgd"}
        """,
    )
    optimizer, lr, hidden, width, momentum = space.parameters
    assert optimizer.choices == ("sgd", "adam")
    assert (lr.log, lr.is_int) == (True, False)
    assert (hidden.is_int, hidden.step) == (True, 50)
    assert width.ends == (4, 16)
    assert momentum.applies({"optimizer": "sgd"})
    assert not momentum.applies({"optimizer": "adam"})
    assert Space.from_json(json.loads(json.dumps(space.as_json()))) == space
    space.check(small_spec())


def test_the_reference_s_space_fits_the_convolutional_autoencoder() -> None:
    reference_space().check(small_spec())
    assert [parameter.name for parameter in reference_space().parameters] == [
        *("optimizer", "lr", "weight_decay", "hidden", "latent_dim"),
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "empty"),
        ("lr = 3", "must be a table"),
        ("lr = {low = 1}", "low and high"),
        ("lr = {low = 2, high = 1}", "is empty"),
        ("lr = {low = 0, high = 1, log = true}", "cannot be log"),
        ("lr = {low = 0.1, high = 1, step = 0}", "step above 0"),
        ("lr = {low = 'a', high = 1}", "numbers"),
        ("lr = {low = 1, high = 2, colour = 3}", "colour"),
        ("lr = {low = 1.5, high = 2, type = 'int'}", "whole numbers"),
        ("lr = {low = 1.5, high = 2, type = 'complex'}", "int or float"),
        ("optimizer = {choices = []}", "at least one"),
        ("optimizer = {choices = ['a'], low = 1}", "choices"),
        ("optimizer = {choices = [[1]]}", "texts and numbers"),
        ("lr = {low = 1, high = 2, when = {optimizer = 'sgd'}}", "put that before it"),
        ("lr = {low = 1, high = 2, when = 'sgd'}", "under when"),
        ("lr = {", "cannot be read"),
    ],
)
def test_what_is_no_space_is_refused(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(RequestError, match=words) as caught:
        load(tmp_path, text)
    assert "\n" not in str(caught.value)


def test_an_absent_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        Space.load(tmp_path / "none.toml")
