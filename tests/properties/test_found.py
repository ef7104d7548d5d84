"""What was once found by drawing input at random, each as the smallest case of it."""

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from engine.data import own_files
from engine.export.staging import publish, staged
from engine.notices import NOTIFY_VARIABLE
from engine.recipes.asked import AskedRecipe
from engine.recipes.driving import driven
from engine.recipes.recipe_file import load
from engine.slots import chosen_slots
from engine.space import Space
from store.clock import host
from store.errors import RequestError
from store.paths import Root
from tests.properties.awkward import DEEP
from tests.properties.roots import call, is_no_crash, refuses_in_one_sentence, show_only_text


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["run", "cae", "--dataset", "x" * 5000], "longer than a path can be"),
        (["run", "cae", "--dataset", "~nobody-here/x"], "nobody of that name has a home here"),
        (["run", "cae", "--dataset", "a\0b"], "a character that none can have"),
        (["ls", "--root", "~nobody-here/x"], "nobody of that name has a home here"),
        (["ls", "--root", "y" * 5000], "longer than a path can be"),
        (["data", "--data-dir", "~nobody-here/x"], "nobody of that name has a home here"),
        (["compare", "plain/0", "\x1b[2J"], "is not a run"),
        (["export", "--out", "~nobody-here/x"], "nobody of that name has a home here"),
        (["latent", "plain/0", "--out", "y" * 5000], "plain/0 has no checkpoint"),
        (["search", "--first", "9" * 5000, "--dataset", "digits"], "longer than a path can be"),
        (["recipe", "paper", "--seeds", "1000000000"], "--seeds 1000000000 are too many"),
        (["worker", "--slots", "1000000000"], "should be less than or equal to"),
        (["search", "--workers", "1000000000"], "should be less than or equal to"),
        (["evaluate", "plain/0", "--draws", "1000000000"], "should be less than or equal to"),
        (["\x1b[2J\nowned"], "No such command"),
    ],
    ids=lambda value: ascii(value)[:40] if isinstance(value, list) else "",
)
def test_a_request_is_refused_in_one_sentence(
    arguments: list[str], says: str, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AETUI_ROOT", str(root.path))
    said = call(arguments)
    assert said.status == 2, said
    assert says in said.err
    refuses_in_one_sentence(said)
    show_only_text(said)
    assert len(said.err) < 1100


@pytest.mark.parametrize(
    "wrong", ['webhook = "http://\\u001b[2J"', 'webhook = "https://x y:z/\\n"', 'command = ["a\\u0000b"]']
)
def test_a_notice_that_cannot_be_sent_is_told(
    wrong: str, shut_out: Path, root: Root, monkeypatch: pytest.MonkeyPatch
) -> None:
    (shut_out / "notify.toml").write_text(wrong)
    monkeypatch.setenv(NOTIFY_VARIABLE, str(shut_out / "notify.toml"))
    monkeypatch.setattr("engine.notify._REST_S", 0.0)
    said = call(["notify"])
    assert said.status == 1
    is_no_crash(said)
    show_only_text(said)
    assert "failed" in said.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (f"[lr]\nlow = 1\nhigh = {10**400}\ntype = 'int'", ""),
        ("[lr]\nlow = 1\nhigh = 2\nwhen = { lr = 1979-05-27 }", "needs one NAME = VALUE"),
        ("[lr]\nchoices = [1979-05-27]", "takes texts and numbers"),
    ],
)
def test_a_space_that_could_not_be_kept_is_refused(text: str, says: str, shut_out: Path) -> None:
    file = shut_out / "space.toml"
    file.write_text(text)
    if not says:
        assert Space.load(file).parameters[0].high == 10**400, "`check` tells that no setting takes it"
        return
    with pytest.raises(RequestError, match=says):
        Space.load(file)


@pytest.mark.parametrize("step", ["seeds = 1000000000000", f"reference = {10**400}", f"dataset = '{'x' * 5000}'"])
def test_a_recipe_that_would_never_end_is_refused(step: str, shut_out: Path) -> None:
    file = shut_out / "recipe.toml"
    file.write_text(f"[a]\nkind = 'run'\n{step}\n")
    with pytest.raises(RequestError):
        load(file)


_STEP = {
    "id": "a",
    "title": "A",
    "state": "running",
    "num_done": 1,
    "num_total": 2,
    "left_s": 1.0,
    "budget_s": 1.0,
    "experiment": "a",
    "says": "",
}
_DRIVEN = {
    "name": "x",
    "title": "X",
    "num_workers": 2,
    "was_interrupted": False,
    "updated": 1.0,
    "steps": [_STEP],
    "asked": AskedRecipe(source="paper").as_json(),
}


@pytest.mark.parametrize(
    "content",
    [
        DEEP,
        "7",
        json.dumps({**_DRIVEN, "updated": math.nan}),
        json.dumps({**_DRIVEN, "num_workers": math.inf}),
        json.dumps({**_DRIVEN, "steps": [{**_STEP, "left_s": math.inf}]}),
        json.dumps({**_DRIVEN, "steps": [{**_STEP, "num_done": 1e400}]}),
    ],
    ids=["deep", "number", "updated", "workers", "left", "done"],
)
def test_a_recipe_of_which_nothing_can_be_told_is_passed_over(content: str, root: Root) -> None:
    (root.path / ".recipe-x.json").write_text(json.dumps(_DRIVEN))
    assert [recipe.name for recipe in driven(root)] == ["x"]
    (root.path / ".recipe-x.json").write_text(content)
    assert driven(root) == []


def test_slots_that_no_machine_has_are_passed_over(root: Root) -> None:
    root.slots.write_text(json.dumps({host(): {"cpu": 10**12, "cuda:0": 2, "x": -1}}))
    assert chosen_slots(root) == {"cuda:0": 2}


def test_a_manifest_that_names_no_files_of_its_own_removes_none(shut_out: Path) -> None:
    (shut_out / "mine").write_text("mine")
    files = {"a\0b": "x", "y" * 5000: "x", "../../c": "x", "mine": 7}
    (shut_out / "manifest.json").write_text(json.dumps({"files": files}))
    with staged(shut_out) as aside:
        publish(aside, {}, is_whole=True)
    assert (shut_out / "mine").read_text() == "mine"


def test_an_image_is_refused_without_a_word_of_the_library_that_reads_it(
    shut_out: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = io.BytesIO()
    Image.fromarray(np.zeros((10, 10, 3), np.uint8)).save(file, "tiff")
    samples = b"\x15\x01\x03\x00\x01\x00\x00\x00"  # the tag that says how many there are in a pixel
    assert samples in file.getvalue()
    (shut_out / "x.tif").write_bytes(file.getvalue().replace(samples + b"\x03", samples + b"\x22"))
    with pytest.raises(RequestError, match=r"x\.tif cannot be read as an image"):
        own_files.read_image(shut_out / "x.tif")
    Image.fromarray(np.zeros((10, 8), np.uint8)).save(shut_out / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 50)
    with pytest.raises(RequestError, match=r"large\.png cannot be read as an image"):
        own_files.read_image(shut_out / "large.png")
    assert capfd.readouterr() == ("", "")
