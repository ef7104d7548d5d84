"""A keymap of the user's own: read, checked, and in force wherever a key is shown or pressed."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from textual.binding import Binding
from textual.dom import DOMNode

from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.test_screen import at_home, current, home, sees, shown
from tui import bindings
from tui.app import AetuiApp
from tui.keys.keymap import KEYMAP_VARIABLE, default_keys, read_keymap, whole
from tui.keys.why_not import Place, why_not
from tui.look import Look
from tui.panes.latent.lines import between_lines
from tui.panes.loss.pane import no_run


@pytest.fixture(autouse=True)
def no_own_keys() -> Iterator[None]:
    """None are left to the tests that follow."""
    yield
    bindings.OWN_KEYS.clear()


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    monkeypatch.delenv(KEYMAP_VARIABLE, raising=False)
    (tmp_path / "aetui").mkdir()
    return tmp_path / "aetui" / "keymap.toml"


def test_without_a_file_nothing_is_changed(file: Path) -> None:
    assert read_keymap() == {}


def test_every_key_that_has_an_id_can_be_changed() -> None:
    lists = [value for value in vars(bindings).values() if isinstance(value, list)]
    ids = {each.id for group in lists for each in group if isinstance(each, Binding) and each.id}
    assert ids == set(default_keys()), "a list of bindings is missing in SCOPES"


def test_keys_are_written_as_people_write_them(file: Path) -> None:
    file.write_text('"run.stop" = "ctrl+x"\nmove.down = ["down", "I"]\n"app.help" = "f1,?"\n"go.filter" = "ctrl+]"\n')
    keys = {
        "run.stop": "ctrl+x",
        "move.down": "down,I",
        "app.help": "f1,question_mark",
        "go.filter": "ctrl+right_square_bracket",
    }
    assert read_keymap() == keys


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('"run.nope" = "x"', "there is no action 'run.nope'; `aetui keys` lists them"),
        ('"run.stop" = "F5"', "run.stop: there is no key 'F5'"),
        ('"run.stop" = "shift+x"', "there is no key 'shift+x'"),
        ('"run.stop" = "hyper+x"', "there is no key 'hyper+x'"),
        ('"run.stop" = ""', "run.stop is to be a key in quotes"),
        ('"run.stop" = 3', "run.stop is to be a key in quotes"),
        ('"run.stop" = "ctrl+a"', "run.stop cannot have ctrl+a"),
        ('"run.stop" = "ctrl+b"', "run.stop cannot have ctrl+b: tmux"),
        ('"run.stop" = "ctrl+s"', "run.stop cannot have ctrl+s"),
        ('"run.stop" = "ctrl+q"', "run.stop cannot have ctrl+q"),
        ('"run.stop" = "?"', "run.stop cannot have ?: app.help has it in the same place"),
        ('"move.up" = "D"', "move.up cannot have D: run.delete has it"),
        ('"run.stop" = "f5"\n"run.new" = "f5"', "cannot have f5"),
        ('"run.stop" = "x', "is not TOML: Illegal character"),
    ],
)
def test_what_cannot_be_is_said_in_one_sentence(file: Path, text: str, sentence: str) -> None:
    file.write_text(text + "\n")
    with pytest.raises(RequestError) as refused:
        read_keymap()
    assert str(refused.value).startswith(str(file))
    assert sentence in str(refused.value)
    assert str(refused.value).count("\n") == 0


def test_keys_can_be_exchanged(file: Path) -> None:
    file.write_text('"run.stop" = "n"\n"run.new" = "x"\n"log.match" = "v"\n"loss.part" = "f6"\n')
    assert read_keymap()["run.stop"] == "n"


def test_a_file_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(KEYMAP_VARIABLE, str(tmp_path / "none.toml"))
    with pytest.raises(RequestError, match="is not there"):
        read_keymap()


async def test_own_keys_work_and_are_shown(
    root: Root, runs: dict[str, RunName], until: Until, monkeypatch: pytest.MonkeyPatch
) -> None:
    keymap = {"run.pause": "ctrl+x", "app.help": "f1", "move.up": "ctrl+e"}
    lost: set[str | None] = set()

    def note(app: AetuiApp, clashed: set[Binding], node: DOMNode) -> None:
        lost.update(binding.id for binding in clashed)  # of two keys that become one, one clashes with the other

    monkeypatch.setattr(AetuiApp, "handle_bindings_clash", note)
    app = AetuiApp(root, keymap=keymap)
    async with app.run_test(size=(160, 36), notifications=True) as pilot:
        await at_home(pilot)
        await until(lambda: current(pilot) == runs["running"])
        await until(sees(pilot, "ctrl+x pause", "f1 keys"))
        await pilot.press("ctrl+e")
        assert current(pilot) == runs["failed"]
        await pilot.press("up", "k")
        assert current(pilot) == runs["failed"], "the keys that it had are free"
        await until(sees(pilot, "p resume"))
        await pilot.press("question_mark")
        assert app.screen is home(pilot)
        await pilot.press("f1", *"one row up")
        await until(sees(pilot, "ctrl+e    One row up"))
        await pilot.press("escape", "colon", *"keys that work")
        await until(sees(pilot, "(f1)"))
        await pilot.press("escape")
        assert "? keys" not in shown(pilot)
    assert lost <= keymap.keys()


def test_a_sentence_names_one_key() -> None:
    assert {id: len(bindings.key_of(id).split()) for id in default_keys()} == dict.fromkeys(default_keys(), 1)
    ids = ("run.new", "go.back", "go.left", "app.palette", "move.last")
    assert [bindings.key_of(id) for id in ids] == ["n", "esc", "left", ":", "G"]
    bindings.OWN_KEYS["go.left"] = "f2 ctrl+e"
    assert bindings.key_of("go.left") == "f2"
    with pytest.raises(KeyError):
        bindings.key_of("run.nope")


def test_sentences_of_panes_name_own_keys() -> None:
    assert no_run() == "No run to show: press n to start one."
    bindings.OWN_KEYS.update({"run.new": "f2", "latent.end": "f4", "queue.show": "f5"})
    assert no_run() == "No run to show: press f2 to start one."
    assert between_lines((3,), None, 60, Look.of())[0].plain == "A 3  f4 again: B"
    up = next(binding for binding in bindings.QUEUE if isinstance(binding, Binding) and binding.id == "queue.up")
    assert why_not(up, Place(name="runs", pane="loss")) == "That is for the queue; f5 shows it."


async def test_sentences_on_the_screen_name_own_keys(root: Root, runs: dict[str, RunName], until: Until) -> None:
    keymap = {"run.undo": "f3", "go.hide": "f4", "run.resume": "f6", "pane.images": "f8"}
    app = AetuiApp(root, focus=runs["stopped"], keymap=keymap)
    async with app.run_test(size=(160, 36), notifications=True) as pilot:
        await at_home(pilot)
        await until(lambda: current(pilot) == runs["stopped"])
        await pilot.press("f4")
        await until(sees(pilot, "1 hidden; f4 shows", "2 latent  f8 images  4 search"))
        await pilot.press("D")
        await until(sees(pilot, "to the trash; f3 takes it back"))
        await pilot.press("y")
        await until(sees(pilot, "deleted; f3 undoes."))
        home(pilot).runs.go_to(runs["held"])
        await until(sees(pilot, "Held back in the queue: f6 lets it go."))


async def test_an_empty_root_names_own_keys(root: Root, until: Until) -> None:
    async with AetuiApp(root, keymap={"run.new": "f2", "app.help": "f1"}).run_test(size=(120, 36)) as pilot:
        await at_home(pilot)
        await until(sees(pilot, "None yet: press f2.", "Press f2 to start a run", "f1 lists all keys."))


def test_who_shares_a_key_keeps_it() -> None:
    assert whole({"run.pause": "ctrl+x"})["run.resume"] == "p"
