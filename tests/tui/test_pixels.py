"""Images as cells of a terminal."""

import numpy as np
import pytest
from rich.segment import Segment

from tui.look import Look
from tui.pictures.pixels import lines, row_of, sized

FEW = Look(has_few_colours=True)
RED, GREEN = (255, 0, 0), (0, 255, 0)


def colours(segment: Segment) -> tuple[tuple[int, ...] | None, tuple[int, ...] | None]:
    """Of the upper and of the lower half."""
    style = segment.style
    assert style is not None
    below = tuple(style.bgcolor.get_truecolor()) if style.bgcolor else None
    return (tuple(style.color.get_truecolor()) if style.color else below), below


def test_a_half_block_is_two_pixels_in_their_colours() -> None:
    image = np.zeros((3, 3, 2), np.uint8)
    image[0, 0], image[1, 1], image[:, 2] = 255, 255, 255
    first, second = lines(image, Look())
    assert [(segment.text, *colours(segment)) for segment in first] == [("▀▀", RED, GREEN)]
    (segment,) = second
    assert segment.text == "▀▀"
    assert colours(segment) == ((255, 255, 255), None), "an odd last line leaves the terminal's own colour below"


def test_even_cells_need_no_glyph() -> None:
    image = np.full((1, 4, 6), 255, np.uint8)
    assert [line[0].text for line in lines(image, Look())] == [" " * 6] * 2
    assert colours(lines(image, Look())[0][0]) == ((255,) * 3, (255,) * 3)


@pytest.mark.parametrize("grey", [0, 40, 128, 200, 255])
def test_sixteen_colours_have_four_greys_that_make_up_the_others(grey: int) -> None:
    cells = [(len(s.text), colours(s)) for line in lines(np.full((1, 16, 16), grey, np.uint8), FEW) for s in line]
    greys = np.array([half[0] for length, halves in cells for _ in range(length) for half in halves if half])
    assert set(greys.tolist()) <= {0, 85, 170, 255}
    assert greys.mean() == pytest.approx(grey, abs=4)


@pytest.mark.parametrize(("scale", "size"), [(2, (56, 60)), (1, (28, 30)), (-3, (9, 10)), (-16, (1, 1)), (-40, (1, 1))])
def test_whole_factors(scale: int, size: tuple[int, int]) -> None:
    images = np.random.default_rng(1).integers(0, 256, (2, 1, 28, 30), dtype=np.uint8)
    found = sized(images, scale)
    assert found.shape == (2, 1, *size)
    if scale == -3:
        assert found[1, 0, 2, 4] == round(images[1, 0, 6:9, 12:15].mean())
    if scale > 0:
        assert (found[:, :, ::scale, ::scale] == images).all()


def test_a_row_of_pictures_for_sixels() -> None:
    row = row_of(np.full((3, 10, 20, 3), 9, np.uint8), 0.5, (1, 2, 3))
    assert row.shape == (10, 80, 3)
    assert (row[:, 20:30] == (1, 2, 3)).all()
    assert (row[:, 30:50] == 9).all()
