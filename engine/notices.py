"""Telling a user who is not looking: what is told, and what ``notify.toml`` says about how.

```toml
on = ["complete", "failed", "died", "search", "recipe"]   # what is told; all of it if left out
command = ["notify-send", "aetui", "{text}"]              # started without a shell; the notice as JSON on its stdin
webhook = "https://..."                                   # gets the notice as JSON by POST
bell = true                                               # an open screen rings
osc9 = true                                               # and lets the terminal show a notification
```

It lies in the user's configuration folder (`AETUI_NOTIFY` names another file), for all roots.
"""

import json
import logging
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from engine.detach import start_detached
from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.news import Ended
from store.paths import Root, find_config_dir
from store.records import RunState
from store.settings_file import read_toml
from store.user_paths import user_path

NOTIFY_VARIABLE = "AETUI_NOTIFY"
EVENTS = ("complete", "failed", "died", "search", "recipe")

log = logging.getLogger("aetui")


@dataclass(frozen=True, kw_only=True)
class Notice:
    """``event`` is one of `EVENTS`; ``subject`` a run, an experiment or a recipe; ``text`` says it all in one line."""

    event: str
    subject: str
    text: str

    def as_json(self) -> dict[str, str]:
        return {"event": self.event, "subject": self.subject, "text": self.text}


@dataclass(frozen=True, kw_only=True)
class Notify:
    """What ``notify.toml`` says."""

    on: tuple[str, ...] = EVENTS
    command: tuple[str, ...] = ()
    webhook: str = ""
    bell: bool = True
    osc9: bool = True

    @property
    def needs_process(self) -> bool:
        return bool(self.command or self.webhook)


def notify_file() -> Path:
    """Where the settings are looked for."""
    named = os.environ.get(NOTIFY_VARIABLE)
    return user_path(named) if named else find_config_dir() / "notify.toml"


def read_notify() -> Notify:
    """What the file says; without a file, the screen rings and nothing else is told.

    Raises:
        RequestError: it cannot be read, or says something that has no meaning.
    """
    file = notify_file()
    found = read_toml(file)
    return Notify() if found is None else _checked(file, found)


_MEANINGS: Mapping[str, tuple[type, str]] = {
    "on": (list, "a list of words"),
    "command": (list, "a list of words"),
    "webhook": (str, "an address in quotes"),
    "bell": (bool, "true or false"),
    "osc9": (bool, "true or false"),
}


def _checked(file: Path, found: Mapping[str, Any]) -> Notify:
    for key, value in found.items():
        if key not in _MEANINGS:
            raise RequestError(f"{file}: {key!a} means nothing; it takes {', '.join(_MEANINGS)}.")
        kind, says = _MEANINGS[key]
        words = value if isinstance(value, list) else []
        if not isinstance(value, kind) or not all(isinstance(each, str) for each in words):
            raise RequestError(f"{file}: {key} is to be {says}.")
    for event in found.get("on", ()):
        if event not in EVENTS:
            raise RequestError(f"{file}: there is no event {event!a}; `on` takes {', '.join(EVENTS)}.")
    webhook = found.get("webhook", "")
    if webhook and not webhook.startswith(("https://", "http://")):
        raise RequestError(f"{file}: webhook is to begin with https:// or http://.")  # not shown: it may be a secret
    return Notify(
        on=tuple(found.get("on", EVENTS)),
        command=tuple(found.get("command", ())),
        webhook=webhook,
        bell=found.get("bell", True),
        osc9=found.get("osc9", True),
    )


def of_end(ended: Ended) -> Notice | None:
    """What is told of a run's end; None where it is no news: a user ended it, or it is one of a search's many."""
    is_one_of_many = ended.is_searched and ended.state is RunState.COMPLETE
    if ended.was_asked_for or is_one_of_many or ended.state is RunState.PRUNED:
        return None
    if ended.state is RunState.FAILED:
        reason = f": {ended.reason}" if ended.reason else ""
        return Notice(event="failed", subject=str(ended.name), text=f"{ended.name} has failed{reason}")
    error = f": error {ended.value:.4g}" if ended.value is not None else ""
    return Notice(event="complete", subject=str(ended.name), text=f"{ended.name} is complete{error}")


def notices_of(ended: Sequence[Ended], notify: Notify) -> tuple[Notice, ...]:
    """Those of ``ended`` that the user wants to be told of."""
    notices = [of_end(each) for each in ended]
    return tuple(notice for notice in notices if notice is not None and notice.event in notify.on)


def of_death(name: RunName) -> Notice:
    text = f"The worker of {name} died; another goes on from its last checkpoint"
    return Notice(event="died", subject=str(name), text=text)


def of_search(experiment: str, num_complete: int, best: float | None) -> Notice:
    error = f", the best with error {best:.4g}" if best is not None else ""
    return Notice(
        event="search", subject=experiment, text=f"The search of {experiment} is over: {num_complete} runs{error}"
    )


def of_recipe(name: str, num_done: int, num_steps: int) -> Notice:
    return Notice(event="recipe", subject=name, text=f"{name} is over: {num_done} of {num_steps} steps done")


def send(root: Root, notice: Notice) -> None:
    """Let a process of its own tell ``notice`` by command and webhook, where the user asked for either."""
    try:
        notify = read_notify()
    except RequestError as error:  # no reason to hold a training up
        log.warning("%s", error)
        return
    if notify.needs_process and notice.event in notify.on:
        command = [sys.executable, "-P", "-m", "engine.notify", "--notice", json.dumps(notice.as_json())]
        start_detached(command, root.worker_logs / "notify.log", {NOTIFY_VARIABLE: str(notify_file().absolute())})


def send_lost(database: Database, names: Sequence[RunName]) -> None:
    """Tell of runs whose workers died: they wait again, or have failed because that was once too often."""
    for name in names:
        run = listing.run(database, name)
        notice = of_end(Ended.of(run, is_searched=False)) if run.state.is_finished else of_death(name)
        if notice is not None:
            send(database.root, notice)
