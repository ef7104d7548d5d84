"""``aetui bench``: this machine's speed beside what others would write."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from engine.bench.race import Plan, Say, race
from engine.devices import check_device, worker_devices
from tui.commands.errors import DONE
from tui.commands.options import Options
from tui.commands.output import console, is_terminal, note, print_json, print_table, printable, say

_COMPARED = {
    "ratio_plain_loop": "the plain loop, 2 loader workers",
    "ratio_plain_loop_no_workers": "the plain loop, no loader workers",
    "ratio_pythae": "pythae's trainer",
    "ratio_lightning": "Lightning's Trainer",
    "ratio_plain_loop_loaded": "the plain loop, both beside a busy process",
    "ratio_concurrent": "one of our workers alone",
}


def bench(options: Options, *, quick: bool, device: str, seed: int) -> int:
    """Raises RequestError: the device is not here, or a contender failed."""
    device = worker_devices(check_device(device), None)[0]  # one device is raced, also where there are several
    plan = Plan.quick(device, seed) if quick else Plan(device=device, seed=seed)
    with _progress() as show:
        found = race(plan, show)
    if options.json:
        print_json(found)
    else:
        _say(found)
    return DONE


def _say(found: Mapping[str, Any]) -> None:
    speed = found["images_per_second"]["ours"]
    threads = "1 thread" if found["threads"] == 1 else f"{found['threads']} threads"
    workers = "1 worker" if found["workers"] == 1 else f"{found['workers']} workers"
    kernels = ", with compiled kernels" if found["kernels"] == "compiled" else ""
    where = f"{found['device']}, torch {found['versions']['torch']}{kernels}"
    say(f"{speed:,.0f} images a second: {workers} of {threads} on {where}")
    say("")
    rows = []
    for key, name in _COMPARED.items():
        if (ratio := found[key]) is None:
            rows.append((f"as {name}", "-", found["why_null"][key]))
        else:
            low, high = found["spread"][key]
            rows.append((f"as {name}", f"{ratio:.2f}", f"{low:.2f} to {high:.2f}"))
    print_table(("as fast", "times", "spread"), rows, right=("times",))


@contextmanager
def _progress() -> Iterator[Say]:
    if not is_terminal(sys.stderr):
        note("Racing; that takes minutes.")
        yield lambda done, total, says: None
        return
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = TextColumn("racing"), BarColumn(), TimeElapsedColumn(), TextColumn("{task.description}")
    with Progress(*columns, console=console(sys.stderr), transient=True) as bars:
        task = bars.add_task("", total=None)
        yield lambda done, total, says: bars.update(task, completed=done, total=total, description=printable(says))
