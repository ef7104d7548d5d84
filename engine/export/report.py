"""``report.html``: all of an export on one page that needs nothing from anywhere else."""

import base64
import html
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from engine.export.tables import Grid
from store.printable import printable

_TYPES = {".png": "image/png", ".svg": "image/svg+xml", ".gif": "image/gif"}
_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 60rem; margin: 2rem auto; padding: 0 1rem; }
h1, h2, h3 { line-height: 1.2; }
figure { margin: 2rem 0; }
figure img { max-width: 100%; height: auto; background: GROUND; }
figcaption { font-size: 0.9rem; opacity: 0.85; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.85rem; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.7rem; text-align: right; border-bottom: 1px solid #8884; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
nav ul { columns: 2; }
code { font-size: 0.85em; }
"""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A figure: ``picture`` is a file that a browser shows; ``files`` are named below it."""

    name: str
    caption: str
    picture: Path
    files: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class Missing:
    """``scope`` is "" for what lies flat, ``command`` where none would help."""

    scope: str
    figure: str
    reason: str
    command: str


@dataclass(frozen=True, kw_only=True)
class Section:
    title: str
    folder: str
    table: Grid
    figures: Sequence[Shown]
    missing: Sequence[Missing] = field(default_factory=tuple)


def render(title: str, sections: Sequence[Section], ground: str) -> str:
    """``ground`` is the colour behind the figures."""
    contents = "".join(
        f'<li><a href="#{_escaped(section.folder or "top")}">{_escaped(section.title)}</a></li>' for section in sections
    )
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{_escaped(title)}</title><style>{_STYLE.replace('GROUND', ground)}</style></head><body>",
            f"<h1>{_escaped(title)}</h1>",
            f"<nav><ul>{contents}</ul></nav>" if len(sections) > 1 else "",
            *map(_section, sections),
            "</body></html>\n",
        ]
    )


def _escaped(text: str) -> str:
    return html.escape(printable(text))


def _section(section: Section) -> str:
    parts = [
        f'<section id="{_escaped(section.folder or "top")}"><h2>{_escaped(section.title)}</h2>',
        _table(section.table),
        *map(_figure, section.figures),
    ]
    if section.missing:
        lines = "".join(
            f"<li><b>{_escaped(each.figure)}</b>: {_escaped(each.reason)}. "
            + (f"<code>{_escaped(each.command)}</code>" if each.command else "")
            + "</li>"
            for each in section.missing
        )
        parts.append(f"<h3>Not drawn yet</h3><ul>{lines}</ul>")
    return "\n".join([*parts, "</section>"])


def _table(table: Grid) -> str:
    head = "".join(f"<th>{_escaped(heading)}</th>" for heading in table.headings)
    rows = "".join("<tr>" + "".join(f"<td>{_escaped(cell)}</td>" for cell in row) + "</tr>" for row in table.rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>'


def _figure(shown: Shown) -> str:
    data = base64.b64encode(shown.picture.read_bytes()).decode("ascii")
    source = f"data:{_TYPES[shown.picture.suffix]};base64,{data}"
    files = ", ".join(f"<code>{_escaped(file)}</code>" for file in shown.files)
    caption = f"<b>{_escaped(shown.name)}</b>. {_escaped(shown.caption)} <br>{files}"
    alternative = _escaped(shown.caption)
    return f'<figure><img alt="{alternative}" src="{source}"><figcaption>{caption}</figcaption></figure>'
