"""The typeface of all figures: a cut of DejaVu Sans, which comes with matplotlib, without what a figure never needs.

Each pdf has a font cut to its own letters. Of the whole DejaVu Sans that takes longer than all else of a pdf, for its
tables of Arabic ligatures and the like; of this cut a tenth.
"""

import functools
import os
from pathlib import Path

import matplotlib as mpl
from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from matplotlib.font_manager import fontManager

from store.artifacts import written_aside

_WHOLE = "DejaVu Sans"
_CUT = "aetui Sans"
_VERSION = 1
_LETTERS = (
    *range(0x20, 0x180),  # Latin
    *range(0x370, 0x400),  # Greek
    *range(0x2010, 0x2040),  # dashes, quotes
    0x2212,  # the minus of an axis
)
_NAMES_OF_FAMILY = (1, 4, 16)


@functools.cache
def families() -> list[str]:
    """The cut, and for letters that it lacks the whole; known to matplotlib from the first call on."""
    cut = Path(mpl.get_cachedir()) / f"aetui-sans-{_VERSION}-matplotlib-{mpl.__version__}.ttf"
    if not cut.is_file():
        _write(cut)
    fontManager.addfont(cut)
    return [_CUT, _WHOLE]


def _write(path: Path) -> None:
    options = Options(layout_features=[], notdef_outline=True)
    options.drop_tables += ["GDEF", "GPOS", "GSUB", "FFTM"]
    with TTFont(Path(mpl.get_data_path(), "fonts", "ttf", "DejaVuSans.ttf"), recalcTimestamp=False) as font:
        cutter = Subsetter(options)
        cutter.populate(unicodes=_LETTERS)
        cutter.subset(font)
        for record in font["name"].names:
            if record.nameID in _NAMES_OF_FAMILY:
                record.string = _CUT
        with written_aside(path) as aside:
            font.save(os.fspath(aside))
