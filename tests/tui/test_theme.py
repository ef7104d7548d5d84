"""Light and dark: what has colours of its own changes them with the theme, and is readable on either ground."""

import itertools

import pytest
from rich.color import Color
from rich.color_triplet import ColorTriplet
from textual.pilot import Pilot

from engine.colours import CLASS_COLOURS, TRAIN_COLOUR
from store.names import RunName
from store.paths import Root
from tests.tui.conftest import Until
from tests.tui.test_screen import current, screen, sees
from tui.look import LOW_COLOURS, Ground, Look, class_colour, ink, run_colour

GROUNDS = {"dark": "#12161b", "light": "#fbfbf9"}


def luminance(colour: ColorTriplet) -> float:
    parts = [part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in colour.normalized]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), parts, strict=True))


def contrast(one: str, other: str) -> float:
    low, high = sorted(luminance(Color.parse(each).get_truecolor()) for each in (one, other))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("ground", list(GROUNDS))
def test_every_class_can_be_seen_and_told_from_the_others(ground: str) -> None:
    look = Look(ground=Ground(is_light=ground == "light"))
    colours = [class_colour(label, look) for label in range(-1, 10)]
    assert all(contrast(colour, GROUNDS[ground]) > 3 for colour in colours)
    assert len(set(colours)) == 11
    assert {run_colour(number, look) for number in range(10)} == set(colours[1:])
    for one, other in itertools.combinations([Color.parse(each).get_truecolor() for each in colours], 2):
        assert sum(abs(a - b) for a, b in zip(one, other, strict=True)) > 50
    few = Look(has_few_colours=True, ground=look.ground)
    assert len({class_colour(label, few) for label in range(10)}) == 10


def test_ink_is_not_taken_for_a_colour() -> None:
    look = Look(ground=Ground(is_light=True))
    for colour in (*CLASS_COLOURS, *LOW_COLOURS):
        assert ink(ink(colour, look), look) == ink(colour, look)


def colours_shown(pilot: Pilot[object]) -> set[str]:
    found = set()
    for strip in pilot.app.screen._compositor.render_strips():
        for segment in strip:
            if segment.text.strip() and segment.style and segment.style.color and segment.style.color.triplet:
                found.add(segment.style.color.triplet.hex)
    return found


async def test_a_theme_is_everywhere_at_once(root: Root, runs: dict[str, RunName], until: Until) -> None:
    light = Look(ground=Ground(is_light=True))
    async with screen(root) as pilot:
        await until(lambda: current(pilot) == runs["running"])
        await until(sees(pilot, "━━ val"))
        assert TRAIN_COLOUR in colours_shown(pilot)
        await pilot.press("T", *"aetui-light", "enter")
        await until(lambda: pilot.app.theme == "aetui-light")
        await until(lambda: ink(TRAIN_COLOUR, light) in colours_shown(pilot))
        assert TRAIN_COLOUR not in colours_shown(pilot)
        grounds = {
            segment.style.bgcolor.triplet.hex
            for strip in pilot.app.screen._compositor.render_strips()
            for segment in strip
            if segment.style and segment.style.bgcolor and segment.style.bgcolor.triplet
        }
        assert all(contrast(ground, "#ffffff") < 2 for ground in grounds), "nothing stays dark"
        await pilot.press("2")
        await until(lambda: class_colour(3, light) in colours_shown(pilot))
        assert CLASS_COLOURS[3] not in colours_shown(pilot)
