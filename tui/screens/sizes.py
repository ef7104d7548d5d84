"""What fits into a terminal of which size."""

from textual.geometry import Size

from tui.bindings import key_of

MIN_WIDTH, MIN_HEIGHT = 60, 16
WIDTHS = [(0, "-too-narrow"), (MIN_WIDTH, "-small"), (100, "-middle"), (160, "-large")]
HEIGHTS = [(0, "-too-low"), (MIN_HEIGHT, "-fits")]
TOO_SMALL = {"-too-narrow", "-too-low"}


def too_small() -> str:
    return f"aetui needs {MIN_WIDTH} columns and {MIN_HEIGHT} rows; {key_of('app.quit')} leaves."


def fitting(size: Size) -> list[str]:
    """The classes that Textual's breakpoints would set, but after a first layout that then is done again."""
    ways = (WIDTHS, size.width), (HEIGHTS, size.height)
    return [[name for bound, name in bounds if length >= bound][-1] for bounds, length in ways]
