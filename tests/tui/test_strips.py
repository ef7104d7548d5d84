"""Images as text."""

import numpy as np
import pytest

from tui.look import Look
from tui.pictures.strips import strips_text

ASCII = Look(is_unicode=False, has_colour=False)


def _images(grey: float, size: tuple[int, int] = (8, 8), num: int = 1, channels: int = 1) -> np.ndarray:
    return np.full((num, channels, *size), round(255 * grey), dtype=np.uint8)


def _num_dots(text: str) -> int:
    return sum((ord(cell) - 0x2800).bit_count() for cell in text if "\u2800" <= cell <= "\u28ff")


@pytest.mark.parametrize("grey", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_as_many_dots_as_it_is_bright(grey: float) -> None:
    text = strips_text([("a", _images(grey))], 80, Look()).plain
    assert _num_dots(text) == pytest.approx(64 * grey, abs=1)
    label, *lines = text.splitlines()
    assert label == "a"
    assert [len(line) for line in lines] == [4, 4]


def test_dots_stand_where_the_light_is() -> None:
    image = _images(0.0)
    image[0, 0, 0, 0] = image[0, 0, 5, 3] = 255
    _, first, second = strips_text([("", image)], 80, Look()).plain.split("\n")
    assert first == "\u2801\u2800\u2800\u2800"
    assert second == "\u2800\u2810\u2800\u2800"


def test_shades_without_unicode() -> None:
    text = strips_text([("", _images(1.0)), ("", _images(0.0))], 80, ASCII).plain
    assert text.split("\n") == ["", "@@@@", "@@@@", "", "", ""]


@pytest.mark.parametrize(("width", "num"), [(9, 2), (8, 1), (1, 1), (80, 3)])
def test_as_many_as_there_is_room_for(width: int, num: int) -> None:
    rows = [("a", _images(1.0, num=3)), ("b", _images(1.0, num=3))]
    lines = strips_text(rows, width, ASCII).plain.splitlines()
    assert lines[1] == " ".join(["@@@@"] * num)
    assert lines[3] == "b"


@pytest.mark.parametrize(
    ("size", "shown"), [((28, 28), (7, 14)), ((5, 3), (2, 2)), ((96, 96), (8, 16)), ((33, 40), (4, 10))]
)
def test_large_images_are_averaged_down(size: tuple[int, int], shown: tuple[int, int]) -> None:
    _, *lines = strips_text([("", _images(1.0, size, channels=3))], 80, Look()).plain.split("\n")
    assert (len(lines), len(lines[0])) == shown
