"""The screen as SVG: the same text for the same screen, and no address of a font in it."""

import asyncio
import re
from pathlib import Path

from textual.pilot import Pilot

_FONTS = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
_UNIQUE = re.compile(r"terminal-\d+")
_STILL_S = 0.3


def drawn(pilot: Pilot[object], title: str) -> str:
    svg = pilot.app.export_screenshot(title=title, simplify=True)
    svg = _UNIQUE.sub("terminal", _FONTS.sub("", svg)).replace("Fira Code", "monospace")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


async def at_rest(pilot: Pilot[object], title: str) -> str:
    """What is drawn once it no longer changes."""
    last, svg = "", drawn(pilot, title)
    while svg != last:
        await asyncio.sleep(_STILL_S)
        await pilot.pause()
        last, svg = svg, drawn(pilot, title)
    return svg


def write(path: Path, svg: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(svg, encoding="utf-8")
