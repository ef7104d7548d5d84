"""Names, tags and notes: what is taken is harmless as a folder, as a word and on a screen."""

from hypothesis import given
from hypothesis import strategies as st

from store.names import RunName, check_name, check_note, check_tag
from store.paths import Root
from store.user_paths import user_path
from tests.properties.awkward import words
from tests.properties.refusal import read_or_refused

_NAMES = words | st.lists(words, min_size=2, max_size=3).map("/".join)


@given(text=_NAMES)
def test_a_name_that_is_taken_is_a_folder_right_under_the_root(text: str, template: Root) -> None:
    name = read_or_refused(lambda: check_name(text))
    if name is not None:
        folder = (template.path / name).resolve()
        assert folder.parent == template.path.resolve()
        assert name.isprintable()
        assert name.isascii()


@given(text=_NAMES | st.tuples(st.sampled_from(("plain", "..")), words).map("/".join))
def test_a_run_that_is_named_lies_in_the_root(text: str, template: Root) -> None:
    name = read_or_refused(lambda: RunName.parse(text))
    if name is not None:
        assert template.path.resolve() in template.run(name).folder.resolve().parents
        assert RunName.parse(str(name)) == name


@given(text=words)
def test_tags_and_notes_that_are_taken_can_be_shown(text: str) -> None:
    for check in (check_tag, check_note):
        taken = read_or_refused(lambda check=check: check(text))
        assert taken is None or taken.isprintable()
    if (tag := read_or_refused(lambda: check_tag(text))) is not None:
        assert len(tag.split()) == 1, "one word"


@given(text=words)
def test_a_path_can_be_asked_for_or_is_refused(text: str) -> None:
    path = read_or_refused(lambda: user_path(text))
    if path is not None:
        path.exists()
