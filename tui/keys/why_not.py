"""Why a key does nothing here or now, in one sentence."""

import re
from dataclasses import dataclass

from textual.binding import Binding

from tui.bindings import key_of
from tui.panes import PANES


@dataclass(frozen=True, kw_only=True)
class Place:
    """``name`` is the title of the group of keys of the screen; ``pane`` "" where there is none."""

    name: str
    pane: str = ""
    has_run: bool = False


_ELSEWHERE = {
    "recipe": "That is for the recipes; {recipes.show} shows them.",
    "queue": "That is for the queue; {queue.show} shows it.",
    "news": "That is for the news; {news.show} shows them.",
    "columns": "That is for choosing the columns of the runs.",
}
"""By the first word of ids: keys that only one screen has."""

_NOW = {
    "run.stop": "No run under the cursor, or marked, can be stopped.",
    "run.pause": "No run under the cursor, or marked, can be paused.",
    "run.resume": "No run under the cursor, or marked, can go on.",
    "run.delete": "No run under the cursor, or marked, can be deleted: stop it first, or unlock it.",
    "run.undo": "Nothing has been deleted since this screen was opened.",
    "run.unmark": "No run is marked.",
    "run.workers": "No run waits without a worker.",
    "go.filter": "There is nothing to filter yet.",
    "go.back": "There is nothing to go back from; {app.quit} leaves the screen.",
    "latent.end": "There is no cursor on the cloud; {latent.inspect} in the latent pane puts one there.",
}


def why_not(binding: Binding, place: Place) -> str:
    """For a ``binding`` that does not work in ``place`` now."""
    family = str(binding.id).partition(".")[0]
    if family in _ELSEWHERE and (not place.pane or family not in place.name):
        return _with_keys(_ELSEWHERE[family])
    if family == "move":
        return _with_keys("That is for a list; {go.side} goes to the next place.")
    if not place.pane:
        return "That is for the main screen."
    panes = [pane for pane in PANES if pane in binding.tooltip.partition(":")[0].lower() or pane == family]
    if panes and place.pane not in panes:
        return _with_keys(f"That is for the {panes[0]} pane; {{pane.{panes[0]}}} shows it.")
    if str(binding.id) in _NOW:
        return _with_keys(_NOW[str(binding.id)])
    if not place.has_run:
        return _with_keys("There is no run under the cursor; {run.new} starts one.")
    return "There is nothing to do it to just now."


def _with_keys(sentence: str) -> str:
    """``{id}`` replaced by the key of that action."""
    return re.sub(r"\{(.+?)\}", lambda found: key_of(found[1]), sentence)
