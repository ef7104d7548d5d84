"""What users write in TOML (spaces, first configurations, recipes, keymaps, notices): read, or refused by name."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine import catalog
from engine.notices import NOTIFY_VARIABLE, read_notify
from engine.recipes import hand_picked, recipe_file
from engine.search import SearchSpec
from engine.settings import SETTINGS_VARIABLE, read_settings
from engine.space import Space, reference_space
from engine.spec import RunSpec
from store.errors import RequestError
from tests.properties.awkward import DEEP, documents, words, written_as_toml
from tests.properties.refusal import read_or_refused
from tui.keys.keymap import KEYMAP_VARIABLE, default_keys, read_keymap, whole

_BASE = RunSpec(kind="cae", dataset="digits", epochs=3, model=catalog.kind("cae").spec())
_ODD = words | documents


def _mixed(names: tuple[str, ...], sound: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Tables of known and unknown names, with values that fit more often than not."""
    return st.dictionaries(st.sampled_from(names) | words, sound | _ODD, max_size=5)


_PARAMETERS = _mixed(
    ("low", "high", "log", "step", "type", "choices", "when"),
    st.sampled_from((0, 1, 2.5, 100, 10**400, True, "int", "float", ["adam", "sgd"], [1, 2], {"optimizer": "adam"})),
)
_SPACES = st.dictionaries(st.sampled_from(("lr", "latent_dim", "optimizer")) | words, _PARAMETERS | _ODD, max_size=3)
_STEPS = _mixed(
    (
        *("kind", "title", "needs", "model", "dataset", "epochs", "seed", "seeds", "set", "best_of", "from"),
        *("reference", "space", "first", "trials", "sampler", "pruner", "at_least", "of", "top", "folds", "noise"),
    ),
    st.sampled_from(
        (
            *("run", "search", "crossval", "evaluate", "cae", "vae", "digits", "a", "b", ["a"], ["b"], 1, 3, 0.5),
            *({"lr": 0.01}, {"optimizer": 2}, ["gaussian:0.1"], "random", "none", "space.toml", 10**400, "../x.toml"),
        )
    ),
)
_RECIPES = st.dictionaries(
    st.sampled_from(("a", "b", "name", "title", "dataset")) | words, _STEPS | _ODD, min_size=1, max_size=3
)
_KEYMAPS = st.dictionaries(
    st.sampled_from(sorted(default_keys())) | words,
    st.sampled_from(("ctrl+x", "x", ["x", "y"], "+", "ctrl++", ",", "ctrl+,", "shift+a", "shift+up", "f5")) | _ODD,
    max_size=3,
)
_NOTICES = _mixed(
    ("on", "command", "webhook", "bell", "osc9"),
    st.sampled_from((["complete"], ["failed", "x"], ["true"], "https://x", "http://\x1b[2J", True, False)),
)
_SETTINGS = st.dictionaries(
    st.sampled_from(("slots", "defaults", "placing")) | words,
    _mixed(
        ("cpu", "cuda:0", "dataset", "epochs", "seed", "device", "threads", "gpu_free_gb"),
        st.sampled_from((0, 1, 2.5, 10**400, True, "cpu", "cuda:1", "digits", "~/x")),
    )
    | _ODD,
    max_size=3,
)


@pytest.fixture
def file(shut_out: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the text lies; it is the user's keymap, ``notify.toml`` and ``settings.toml`` too."""
    path = shut_out / "mine.toml"
    monkeypatch.setenv(SETTINGS_VARIABLE, str(path))
    monkeypatch.setenv(KEYMAP_VARIABLE, str(path))
    monkeypatch.setenv(NOTIFY_VARIABLE, str(path))
    return path


def _space(file: Path) -> None:
    space = Space.load(file)
    json.dumps(space.as_json(), allow_nan=False)
    space.check(_BASE)


def _recipe(file: Path) -> None:
    recipe = recipe_file.load(file)
    for step in recipe.steps:
        if isinstance(step.work, SearchSpec):
            json.dumps([dict(settings) for settings in step.work.first], allow_nan=False)


_READERS: dict[str, Callable[[Path], object]] = {
    "space": _space,
    "first": lambda file: hand_picked.load(file, reference_space()),
    "recipe": _recipe,
    "keymap": lambda file: whole(read_keymap()),
    "notify": lambda file: read_notify(),
    "settings": lambda file: read_settings(),
}
_TABLES = {
    "space": _SPACES,
    "first": st.fixed_dictionaries({"configuration": st.lists(_SPACES | _ODD, max_size=2) | _ODD}) | _SPACES,
    "recipe": _RECIPES,
    "keymap": _KEYMAPS,
    "notify": _NOTICES,
    "settings": _SETTINGS,
}


@given(data=st.data())
@pytest.mark.parametrize("reader", _READERS)
def test_tables_with_anything_in_them_are_read_or_refused(reader: str, data: st.DataObject, file: Path) -> None:
    table = data.draw(_TABLES[reader])
    file.write_text(written_as_toml(table), encoding="utf-8", errors="replace")
    read_or_refused(lambda: _READERS[reader](file))


@given(content=st.binary(max_size=60) | st.text(max_size=60).map(lambda text: text.encode("utf-8", "replace")))
@pytest.mark.parametrize("reader", _READERS)
def test_bytes_that_are_no_toml_are_refused(reader: str, content: bytes, file: Path) -> None:
    file.write_bytes(content)
    read_or_refused(lambda: _READERS[reader](file))


_EXTREMES = {
    "deep lists": f"lr = {DEEP}",
    "deep tables": "a." * 50_000 + "b = 1",
    "tables in tables": "x = " + "{a = " * 300 + "1" + "}" * 300,
    "a number of 5,000 digits": f"lr = {'9' * 5000}",
    "two million bytes": "# " + "x" * 2_000_000,
    "zero bytes": "\0" * 1000,
}


@pytest.mark.parametrize("text", _EXTREMES.values(), ids=_EXTREMES)
@pytest.mark.parametrize("reader", _READERS)
def test_extremes_are_refused_by_the_name_of_the_file(reader: str, text: str, file: Path) -> None:
    file.write_text(text)
    with pytest.raises(RequestError, match=r"mine\.toml") as caught:
        _READERS[reader](file)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("reader", _READERS)
def test_what_is_no_file_is_refused(reader: str, file: Path) -> None:
    file.mkdir()
    with pytest.raises(RequestError, match=r"mine\.toml"):
        _READERS[reader](file)


@pytest.mark.parametrize("reader", ["space", "first", "recipe"])
def test_what_never_ends_is_refused(reader: str) -> None:
    with pytest.raises(RequestError, match="cannot be read"):
        _READERS[reader](Path("/dev/zero"))
