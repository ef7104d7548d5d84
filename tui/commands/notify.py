"""``notify`` tells something now, as ``notify.toml`` says, so that a user sees whether it arrives."""

from engine.notices import Notice, notify_file, read_notify
from engine.notify import deliver
from tui.commands.errors import DONE, FAILED
from tui.commands.options import Options
from tui.commands.output import note, print_json, printable, say

_TRIAL = Notice(event="complete", subject="aetui", text="aetui can tell you when a run ends")


def try_notify(options: Options) -> int:
    notify = read_notify()
    problems = deliver(_TRIAL)
    if options.json:
        told = [way for way, is_used in (("command", notify.command), ("webhook", notify.webhook)) if is_used]
        print_json({"file": str(notify_file()), "told_by": told, "problems": problems})
    elif problems:
        for problem in problems:
            note(printable(problem))
    elif notify.needs_process:
        say(f"Told, as {printable(str(notify_file()))} says.")
    else:
        note(f"Only an open screen tells: {printable(str(notify_file()))} names no command and no webhook.")
    return FAILED if problems else DONE
