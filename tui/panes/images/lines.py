"""What the image pane shows, and how large: rows of pictures, page by page. Pure functions."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, Self, get_args

import numpy as np
from rich.text import Text

from store.names import RunName
from tui.bindings import key_of
from tui.look import Look, number_text, printable, run_colour
from tui.panes.decoding import Pictures
from tui.panes.images.kept import Album
from tui.pictures.pixels import SCALES, Line, side

ViewName = Literal["reconstructions", "worst", "best", "class means", "mixtures", "samples", "under noise"]
VIEWS: tuple[ViewName, ...] = get_args(ViewName)
DECODED_VIEWS = frozenset(VIEWS[1:6])
"""What is not in a run's folder, and asked of the decoder."""

_LEAST_LINES = 6
"""To which an image is made smaller so that more of them are seen, unless it is that small."""
_LEAST_PIXELS = 4
_WANTED = 6
"""Images to be seen at once, before they are made any larger."""


@dataclass(frozen=True, kw_only=True)
class ImageView:
    """``zoom`` in steps of `SCALES` from what fits; ``first`` image and ``top`` row that are seen."""

    name: ViewName = "reconstructions"
    zoom: int = 0
    first: int = 0
    top: int = 0

    def of(self, name: ViewName) -> Self:
        return replace(self, name=name, first=0, top=0)


@dataclass(frozen=True, kw_only=True, eq=False)
class Row:
    """``images`` uint8 [N, C, H, W], with a line of ``captions`` above them where there are any."""

    label: str
    images: np.ndarray
    captions: tuple[str, ...] = ()
    colour: str = ""
    gives_way: bool = False
    """Where there is no room for all."""

    @property
    def num_heads(self) -> int:
        return 1 + bool(self.captions)


@dataclass(frozen=True, kw_only=True, eq=False)
class Page:
    """Rows of the same images in the same order; the first stays when the others are scrolled. Or why there are none.

    ``says`` is added to the head.
    """

    rows: tuple[Row, ...] = ()
    says: str = ""
    problem: str = ""

    @property
    def essential(self) -> "Page":
        return replace(self, rows=tuple(row for row in self.rows if not row.gives_way))

    @property
    def num_images(self) -> int:
        return max((len(row.images) for row in self.rows), default=0)


@dataclass(frozen=True, kw_only=True)
class Layout:
    """``columns`` and ``lines`` of an image at ``scale``; so many ``across``, so many rows, and all that ``times``.

    ``gap`` columns lie between two: no caption is cut off.
    """

    scale: int
    columns: int
    lines: int
    gap: int
    across: int
    num_rows: int
    times: int

    @property
    def num_seen(self) -> int:
        return self.across * self.times


def lay_out(page: Page, width: int, height: int, dots: tuple[int, int], view: ImageView) -> Layout:
    """The largest scale at which all rows and enough images are seen, ``view.zoom`` steps from it."""
    layouts = [_at_scale(page, width, height, dots, scale) for scale in SCALES]
    smallest = min(page.rows[0].images.shape[2:])
    least = min(_LEAST_LINES * dots[1], smallest)
    readable = [at for at, scale in enumerate(SCALES) if side(smallest, scale) >= least]
    wanted = min(_WANTED, page.num_images)
    fitting = [
        at
        for at in readable
        if layouts[at].num_seen >= wanted and layouts[at].num_rows == len(page.rows) and layouts[at].columns <= width
    ]
    at = max(fitting, default=readable[0])
    lowest = next(at for at, scale in enumerate(SCALES) if side(smallest, scale) >= min(_LEAST_PIXELS, smallest))
    whole = [at for at, layout in enumerate(layouts) if layout.columns <= width and layout.lines + 2 <= height]
    return layouts[min(max(at + view.zoom, lowest), max(at, *whole, lowest))]


def _at_scale(page: Page, width: int, height: int, dots: tuple[int, int], scale: int) -> Layout:
    high, wide = (side(pixels, scale) for pixels in page.rows[0].images.shape[2:])
    columns, lines = -(-wide // dots[0]), -(-high // dots[1])
    heights = [row.num_heads + lines for row in page.rows]
    num_rows = _num_fitting(heights, height)
    gap = max(1, 1 + max((len(caption) for row in page.rows for caption in row.captions), default=0) - columns)
    across = max(1, (width + gap) // (columns + gap))
    times = max(1, height // sum(heights)) if num_rows == len(heights) else 1
    times = min(times, -(-page.num_images // across))
    return Layout(scale=scale, columns=columns, lines=lines, gap=gap, across=across, num_rows=num_rows, times=times)


def _num_fitting(heights: Sequence[int], height: int) -> int:
    total = 0
    for number, each in enumerate(heights):
        total += each
        if total > height:
            return max(1, number)
    return len(heights)


def page_lines(
    page: Page, layout: Layout, view: ImageView, paint: Callable[[np.ndarray, int], list[Line]]
) -> list[Text | Line]:
    """``paint`` makes the lines of a row of images [N, C, H, W], the first of which is the so-manieth line."""
    found: list[Text | Line] = []
    for start in range(view.first, min(page.num_images, view.first + layout.num_seen), layout.across):
        for row in seen_rows(page, layout, view):
            images = row.images[start : start + layout.across]
            label = row.label if start == view.first else ""
            found.append(Text(no_wrap=True).append(label, style=f"bold {row.colour}".strip()))
            if row.captions:
                found.append(_captions(row.captions[start : start + layout.across], layout.columns + layout.gap))
            if len(images):
                found += paint(images, len(found))
            else:
                found += [Text()] * layout.lines
    return found


def seen_rows(page: Page, layout: Layout, view: ImageView) -> tuple[Row, ...]:
    """The first of them always, then those from ``view.top`` on."""
    if layout.num_rows >= len(page.rows):
        return page.rows
    if layout.num_rows == 1:
        return page.rows[view.top : view.top + 1]
    return (page.rows[0], *page.rows[1 + view.top : view.top + layout.num_rows])


def turned(page: Page, layout: Layout, view: ImageView, across: int, down: int) -> ImageView:
    """So many pages of images on, and so many rows."""
    last = max(0, (page.num_images - 1) // layout.num_seen) * layout.num_seen
    first = min(max(0, view.first + across * layout.num_seen), last)
    return replace(view, first=first, top=min(max(0, view.top + down), len(page.rows) - layout.num_rows))


def _captions(captions: Sequence[str], columns: int) -> Text:
    line = "".join(caption.ljust(columns) for caption in captions)
    return Text(no_wrap=True).append(line.rstrip(), style="dim")


# What each view shows


def strips_page(albums: Mapping[RunName, Album], names: Sequence[RunName], colours: Mapping[RunName, str]) -> Page:
    """Of one run original, input and reconstruction; of several the reconstructions of the same images."""
    strips = [(name, albums[name].strip) for name in names if name in albums]
    rows: list[Row] = []
    shown: np.ndarray | None = None
    for name, strip in strips:
        if strip is None:
            continue
        is_wall = len(strips) > 1
        if shown is None or not np.array_equal(shown, strip.originals):
            label = "original" if shown is None else f"original, {name}"
            rows.append(Row(label=label, images=strip.originals, captions=tuple(map(_class, strip.labels))))
            shown = strip.originals
        if not is_wall and not np.array_equal(strip.inputs, strip.originals):
            rows.append(Row(label="input", images=strip.inputs, gives_way=True))
        label, errors = f"{name}  epoch {strip.epoch}" if is_wall else "reconstruction", _errors(strip.errors)
        rows.append(Row(label=label, images=strip.reconstructions, captions=errors, colour=colours[name]))
    return Page(rows=tuple(rows))


def extremes_page(
    end: str, answers: Mapping[RunName, Pictures], names: Sequence[RunName], colours: Mapping[RunName, str]
) -> Page:
    """The images that the first run reconstructs worst or best (``end``), and what every run makes of these."""
    first = answers[names[0]]
    assert first.originals is not None
    captions = tuple(f"#{index} {_class(label)}" for index, label in zip(first.indices, first.labels, strict=True))
    label = f"original, {end} of {names[0]}" if len(names) > 1 else "original"
    rows = [Row(label=label, images=first.originals, captions=captions)]
    problem = ""
    for name in names:
        answer = answers.get(name)
        if answer is None or answer.reconstructions is None:
            problem = problem or (f"{name}: {answer.says}" if answer else "")
            continue
        label = _by(name, answer) if len(names) > 1 else "reconstruction"
        if answer.originals is not None and not np.array_equal(answer.originals, first.originals):
            problem = problem or f"{name} has other validation images."
            continue
        errors = _errors(answer.errors)
        rows.append(Row(label=label, images=answer.reconstructions, captions=errors, colour=colours[name]))
    return Page(rows=tuple(rows), says=problem)


def means_page(answers: Mapping[RunName, Pictures], names: Sequence[RunName], colours: Mapping[RunName, str]) -> Page:
    rows = []
    for name in names:
        if (answer := answers.get(name)) and answer.means is not None:
            label = _by(name, answer) if len(names) > 1 else "mean codes, decoded"
            captions = tuple(map(_class, answer.labels))
            rows.append(Row(label=label, images=answer.means, captions=captions, colour=colours[name]))
    return Page(rows=tuple(rows))


def mixtures_page(answer: Pictures) -> Page:
    """Row by row a class, column by column a class; on the diagonal the means themselves."""
    assert answer.mixtures is not None
    labels = answer.labels[: len(answer.mixtures)]
    captions = tuple(f"half {label}" for label in labels)
    return Page(
        rows=tuple(
            Row(label=f"half {label}, and", images=images, captions=captions if number == 0 else ())
            for number, (label, images) in enumerate(zip(labels, answer.mixtures, strict=True))
        )
    )


def samples_page(answers: Mapping[RunName, Pictures], names: Sequence[RunName], colours: Mapping[RunName, str]) -> Page:
    rows = []
    for name in names:
        if (answer := answers.get(name)) and answer.samples is not None:
            origin = "from the prior" if answer.is_prior else "from a Gaussian fitted to the codes"
            label = f"{_by(name, answer)}, {origin}" if len(names) > 1 else origin
            rows.append(Row(label=label, images=answer.samples, colour=colours[name]))
    return Page(rows=tuple(rows))


def noise_page(album: Album) -> Page:
    noisy = album.noisy
    if noisy is None:
        measures = key_of("run.evaluate")
        return Page(problem=f"No pictures under noise: {measures} measures the run under some, and keeps pictures.")
    rows = [Row(label="original (test images)", images=noisy.originals, captions=tuple(map(_class, noisy.labels)))]
    for name, inputs, reconstructions in zip(noisy.noises, noisy.inputs, noisy.reconstructions, strict=True):
        rows.append(Row(label=printable(name), images=inputs))
        rows.append(Row(label="reconstruction", images=reconstructions))
    return Page(rows=tuple(rows))


def colours_of(numbers: Mapping[RunName, int], look: Look) -> dict[RunName, str]:
    """The colours that the runs have in the loss pane; of one that is not marked none."""
    return {name: run_colour(number, look) if look.has_colour else "" for name, number in numbers.items()}


def _by(name: RunName, answer: Pictures) -> str:
    return f"{name}  epoch {answer.epoch}"


def _class(label: int) -> str:
    return f"class {label}" if label >= 0 else ""


def _errors(errors: Sequence[float] | np.ndarray) -> tuple[str, ...]:
    return tuple(number_text(float(error)) for error in errors)
