"""Tells one notice as the user's ``notify.toml`` says: ``python -P -m engine.notify --notice JSON``.

A process of its own: neither a command that hangs nor a webhook that is down holds a worker up. What it logs never
holds the webhook's address, which may be a secret.
"""

import argparse
import http.client
import json
import os
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence

from engine.notices import Notice, read_notify
from store.errors import RequestError

COMMAND_S = 60.0
WEBHOOK_S = 15.0
_TRIES = 3
_REST_S = 5.0


def deliver(notice: Notice) -> list[str]:
    """Tell it; returns what went wrong, a sentence each.

    Raises:
        RequestError: ``notify.toml`` is wrong.
    """
    notify = read_notify()
    problems = []
    if notify.command and (problem := _run(notify.command, notice)):
        problems.append(problem)
    if notify.webhook and (problem := _post(notify.webhook, notice)):
        problems.append(problem)
    return problems


def _run(command: Sequence[str], notice: Notice) -> str:
    words = [word.replace("{text}", notice.text).replace("{subject}", notice.subject) for word in command]
    known = {"AETUI_EVENT": notice.event, "AETUI_SUBJECT": notice.subject, "AETUI_TEXT": notice.text}
    try:
        done = subprocess.run(
            words,
            input=json.dumps(notice.as_json()),
            encoding="utf-8",
            errors="replace",
            capture_output=True,
            timeout=COMMAND_S,
            env={**os.environ, **known},
            check=False,
        )
    except (OSError, ValueError, subprocess.SubprocessError) as error:
        return f"The command {command[0]} of notify.toml failed: {error}."
    if done.returncode:
        said = "".join(f": {line}" for line in done.stderr.strip().splitlines()[-1:])
        return f"The command {command[0]} of notify.toml ended with status {done.returncode}{said}."
    return ""


def _post(address: str, notice: Notice) -> str:
    try:
        request = urllib.request.Request(
            address,
            data=json.dumps(notice.as_json()).encode(),
            headers={"Content-Type": "application/json", "User-Agent": "aetui"},
        )
    except ValueError:
        return "The webhook of notify.toml failed: it is no address."
    cause = ""
    for number in range(_TRIES):
        if number:
            time.sleep(_REST_S)
        try:
            with urllib.request.urlopen(request, timeout=WEBHOOK_S):
                return ""
        except urllib.error.HTTPError as error:
            cause = f"HTTP {error.code}"
            if error.code < 500:
                break
        except (OSError, ValueError, http.client.HTTPException) as error:
            cause = str(getattr(error, "reason", None) or type(error).__name__)
    return f"The webhook of notify.toml failed: {cause}."


def _notice(data: Mapping[str, str]) -> Notice:
    return Notice(event=str(data["event"]), subject=str(data["subject"]), text=str(data["text"]))


def main() -> int:
    parser = argparse.ArgumentParser(prog="engine.notify")
    parser.add_argument("--notice", type=json.loads, required=True)
    notice = _notice(parser.parse_args().notice)
    try:
        problems = deliver(notice)
    except RequestError as error:
        problems = [str(error)]
    for problem in problems:
        print(f"{notice.text!a} was not told: {problem}", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
