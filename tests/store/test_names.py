import pytest

from store.errors import RequestError
from store.names import RunName, check_name


@pytest.mark.parametrize("name", ["cae", "cae-mnist_5k.v2", "0", "A" * 100])
def test_good_names_pass_unchanged(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", ".hidden", "a/b", "a\\b", "a b", "é", "a\n", "\x1b[31m", "-" * 101, "a\0b", "~"],
)
def test_names_that_could_leave_the_root_or_garble_a_screen_are_refused(name: str) -> None:
    with pytest.raises(RequestError) as caught:
        check_name(name)
    assert "\x1b" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_run_name_reads_what_it_prints() -> None:
    assert RunName.parse("cae-mnist/12") == RunName("cae-mnist", 12)
    assert str(RunName.parse("cae-mnist/12")) == "cae-mnist/12"


@pytest.mark.parametrize("text", ["", "cae", "cae/", "/0", "cae/-1", "cae/x", "cae/1/2", "../0", "cae/²", "cae/٣"])
def test_what_is_no_run_is_refused(text: str) -> None:
    with pytest.raises(RequestError):
        RunName.parse(text)
