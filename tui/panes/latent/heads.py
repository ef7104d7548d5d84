"""The lines that say which cloud is shown, and how far the next one is. Pure functions."""

import time
from collections.abc import Sequence

from rich.text import Text

from tui.bindings import key_of
from tui.canvas import class_legend
from tui.look import Look
from tui.panes.latent.cloud import Cloud
from tui.panes.latent.embedding import Embedded, Wish
from tui.panes.latent.frames import Frame
from tui.panes.latent.view import LatentView

_BAR = 12


def head(cloud: Cloud, frame: Frame, view: LatentView, wish: Wish | None, look: Look) -> Text:
    """Epoch, axes, number of codes, how well neighbours tell the classes; how far another epoch's t-SNE is."""
    newest, knn = cloud.all[-1].epoch, cloud.frames.knn if cloud.frames else None
    line = Text(no_wrap=True).append(f"epoch {frame.epoch}", style="bold")
    line.append(f" of {cloud.run.epochs if cloud.run else 0}")
    line.append("" if frame.epoch == newest else f" (newest {newest})", style="dim")
    line.append(f"  {frame.axes}  {len(frame.points):,} codes", style="dim")
    line.append("  density" if view.shows_density else "", style="dim")
    line.append(f"  knn {knn:.1%}" if knn is not None else "", style="dim")
    if wish is not None and wish.epoch != frame.epoch:
        line.append(f"  epoch {wish.epoch}: ").append_text(making(wish, cloud.embedded, look))
    return line


def with_legend(line: Text, frame: Frame, view: LatentView, look: Look, width: int) -> list[Text]:
    """``line`` and the classes, in as many lines as they need."""
    legend = Text() if view.shows_density else class_legend(frame.labels, look, view.only)
    if line.cell_len + 2 + legend.cell_len <= width:
        lines = [line.append(" " * (width - line.cell_len - legend.cell_len)).append_text(legend)]
    else:
        lines = [line, legend]
    return [cut(each, width, look) for each in lines]


def cut(line: Text, width: int, look: Look) -> Text:
    line.truncate(width, overflow="ellipsis" if look.is_unicode else "crop")
    return line


def making(wish: Wish, embedded: Embedded | None, look: Look, between: str = " ") -> Text:
    """``4 s`` and, after ``between``, a bar."""
    if embedded is None or embedded.working != wish.epoch:
        return Text("waits")
    done = round(embedded.part * _BAR)
    seconds = f"{int(time.monotonic() - embedded.began_at)} s{between}"
    line = Text(seconds, no_wrap=True).append(look.pick("━", "=") * done)
    return line.append(look.pick("─", "-") * (_BAR - done), style="dim")


def instead(wish: Wish | None, embedded: Embedded | None, frame: Frame, look: Look) -> list[Text]:
    """Where there is no picture: what is being done about it, or why not."""
    if wish is None:
        why = embedded.says if embedded else ""
        return [Text(), Text(f"   Epoch {frame.epoch} has no t-SNE: {why or 'it cannot be made.'}", style="dim")]
    line = Text(f"   t-SNE of epoch {wish.epoch}, {len(frame.codes):,} codes: ", no_wrap=True)
    line.append_text(making(wish, embedded, look, between="\n   "))
    return [Text(), *line.split("\n"), Text(f"   {key_of('go.back')} gives it up", style="dim")]


def filled(lines: Sequence[Text], height: int) -> list[Text]:
    return [*lines[:height], *(Text() for _ in range(height - len(lines)))]
