"""How the screen tells of runs that have ended: a toast, the bell, a notification of the terminal's (OSC 9)."""

import os
from collections.abc import Mapping
from typing import Any

from textual.app import App

from store.records import RunState
from tui.bindings import key_of
from tui.listing import Listing
from tui.look import printable
from tui.messages import NewsCame
from tui.news import digest

_MOST_TOLD = 3  # runs that one toast names
_AWAY_S = 20.0


def tell(app: App[Any], listing: Listing, news: NewsCame) -> None:
    """Tell of ``news``; what happened in nobody's presence in one sentence, without a sound."""
    if news.away_s is not None:
        states = [state for experiment in listing.experiments for state in experiment.states.items()]
        num_running = sum(count for state, count in states if state is RunState.RUNNING)
        sentence = digest(news.ended, num_running, listing.queue, news.away_s)
        app.notify(f"{sentence} {key_of('news.show')} shows them.", timeout=_AWAY_S, markup=False)
    elif news.notices:
        text = "\n".join(printable(notice.text) for notice in news.notices[:_MOST_TOLD])
        if len(news.notices) > _MOST_TOLD:
            text += f"\nand {len(news.notices) - _MOST_TOLD} more: {key_of('news.show')} shows them"
        is_bad = any(notice.event in ("failed", "died") for notice in news.notices)
        app.notify(text, severity="error" if is_bad else "information", markup=False)
        if news.rings:
            app.bell()
        if news.shows_outside:
            _write(app, notification(f"aetui: {printable(news.notices[0].text)}", os.environ))


def notification(text: str, environ: Mapping[str, str]) -> str:
    """The escape that asks the terminal to show ``text`` outside it; "" where it would be printed instead.

    iTerm2 began it; kitty, WezTerm, ghostty, foot, Windows Terminal and others take it, most others drop it. tmux
    passes it on where ``allow-passthrough`` is on.
    """
    if environ.get("TERM", "").startswith("linux"):
        return ""
    escape = f"\x1b]9;{text}\x07"
    return f"\x1bPtmux;\x1b{escape}\x1b\\" if environ.get("TMUX") else escape


def _write(app: App[Any], escape: str) -> None:
    # Textual's own way to the terminal (as its `bell` goes): anything else would cut into what it is writing.
    if escape and app._driver is not None and not app.is_headless:
        app._driver.write(escape)
