"""How fast the screen is with 50,000 runs, what it costs to leave it open, and what it sends: ``make bench``.

In a terminal of 120x36, first with 200 experiments, then with all runs in one; four runs are live, written by processes
that do all that workers do but train. ``--quick`` takes 2,000 runs.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from big_root import LIVE, build
from terminal import Lines, Terminal

from store.paths import Root

COMMAND = str(Path(sys.executable).parent / "aetui")
LEFT = 49
"""Columns of the tables; the panes begin there."""
UP, DOWN, RIGHT, LEFT_KEY, PAGE_UP, PAGE_DOWN = "\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[5~", "\x1b[6~"
TAB, ENTER, ESCAPE, CLEAR = "\t", "\r", "\x1b", "\x15"


def cursors(lines: Lines) -> Any:
    """The rows under the cursors of the tables."""
    return [line[:LEFT] for line in lines if line.startswith("▸")]


def table(lines: Lines) -> Any:
    """The tables and the filter line, but for what is live and changes by itself."""
    return [line[:LEFT] for line in lines[2:-1] if "running" not in line and LIVE not in line]


def pane(lines: Lines) -> Any:
    return [line[LEFT + 1 :] for line in lines[2:-1]]


def title(lines: Lines) -> Any:
    """The run that the pane shows."""
    return lines[2][LEFT + 1 :].split("  ")[1:2]


def everything(lines: Lines) -> Any:
    return lines[1:]


@dataclass
class Keys:
    """Seconds from keys to their repaint, by what they do."""

    terminal: Terminal
    first: dict[str, list[float]] = field(default_factory=dict)
    last: dict[str, list[float]] = field(default_factory=dict)

    def press(self, what: str, part: Callable[[Lines], Any], *keys: str) -> None:
        for key in keys:
            first, last = self.terminal.press(key, part)
            self.first.setdefault(what, []).append(first)
            self.last.setdefault(what, []).append(last)

    def walk(self) -> None:
        """Through all that a user does, and back to the beginning; the cursor stands on a live run."""
        self.press("moving among runs", cursors, *[UP] * 12, PAGE_UP, PAGE_DOWN, "g", "G", "g", "G", *[UP] * 8)
        for number in "23456":
            self.press("another pane", pane, number)
        self.press("another pane", pane, "1", "]")
        self.press("moving, latent pane", title, *[UP] * 4)
        self.press("moving, latent pane", pane, "1")
        self.press("marking", everything, " ", " ", "u")
        self.terminal.type(TAB)
        self.press("loss cursor, zoom", pane, *[LEFT_KEY] * 6, "+", "+", "-", "0", ">", ">", "<", "<", "L", "L")
        self.terminal.type(ESCAPE)
        self.terminal.type("/")
        for word in ("complete", "lr<0.01", "adam"):
            self.press("filter, a letter", table, *word)
            self.terminal.type(" ")
        self.terminal.type("\x7f")
        self.press("filter, a letter", table, *["\x7f"] * 4)
        self.terminal.type(ESCAPE)
        self.press("sort: its form", everything, "s")
        self.terminal.type(CLEAR)
        self.press("sort: its form", everything, "l", "r")
        self.press("sort", table, ENTER)
        self.terminal.type("s", CLEAR, *"number")
        self.press("sort", table, ENTER)
        self.terminal.type("G")

    def walk_experiments(self) -> None:
        self.terminal.type(LEFT_KEY)
        self.press("another experiment", title, *[DOWN] * 8, *[UP] * 8)
        self.terminal.type(RIGHT)

    def report(self) -> float:
        print(f"  {'from key to repaint':<24}{'keys':>6}{'p50 ms':>8}{'p95 ms':>8}{'at rest p95':>13}")
        rows = {**self.first, "all": [took for each in self.first.values() for took in each]}
        ends = {**self.last, "all": [took for each in self.last.values() for took in each]}
        for what, took in rows.items():
            figures = f"{1e3 * statistics.median(took):8.0f}{1e3 * p95(took):8.0f}{1e3 * p95(ends[what]):13.0f}"
            print(f"  {what:<24}{len(took):6}{figures}")
        return 1e3 * p95(rows["all"])


def p95(values: list[float]) -> float:
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


@contextmanager
def workers(root: Root, number: int) -> Iterator[None]:
    """That many workers, once they are at it."""
    command = [sys.executable, str(Path(__file__).with_name("big_root.py")), str(root.path), str(number)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield
    finally:
        process.kill()
        process.wait()


def cost(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """Percent of one core, and bytes a second, while nobody presses a key."""
    processor, sent, began = terminal.processor_s(), terminal.num_bytes, time.perf_counter()
    time.sleep(seconds)
    took = time.perf_counter() - began
    return 100 * (terminal.processor_s() - processor) / took, (terminal.num_bytes - sent) / took


def told(what: str, figure: float, unit: str, limit: float) -> None:
    verdict = "ok" if figure <= limit else "MISSED"
    load = os.getloadavg()[0]
    print(f"  {what:<44}{figure:9.1f} {unit:<5} limit {limit:6g}  {verdict:<7} load {load:.1f}", flush=True)


def measure(root: Root, num_starts: int, seconds: float, *, several: bool) -> None:
    command = [COMMAND, "--root", str(root.path)]

    def is_listed(lines: Lines) -> bool:
        return any(line.startswith("▸") and "/60" in line[:LEFT] for line in lines)

    starts = []
    for _ in range(num_starts):
        with Terminal(command) as terminal:
            starts.append(terminal.until(is_listed))
    told(f"list on the screen, median of {num_starts}", statistics.median(starts), "s", 1.5)
    with Terminal(command) as terminal:
        terminal.until(is_listed)
        time.sleep(5 if several else 10)  # all of 50,000 runs are there after that, and memory is settled
        idle, sent = cost(terminal, seconds)
        told("idle: processor", idle, "%", 2)
        told("idle: on the wire", sent, "B/s", 0)
        with workers(root, 4):
            terminal.type("G")
            time.sleep(2)
            live, sent = cost(terminal, 2 * seconds)
            told("4 live runs: processor", live, "%", 8)
            told("4 live runs: on the wire", sent / 1000, "kB/s", 15)
            keys = Keys(terminal)
            keys.walk()
            if several:
                keys.walk_experiments()
            told("from key to repaint, p95", keys.report(), "ms", 100)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 runs, shorter")
    num_runs, num_starts, seconds = (2_000, 1, 3.0) if parser.parse_args().quick else (50_000, 3, 8.0)
    for num_experiments in (num_runs // 250, 1):
        with tempfile.TemporaryDirectory() as folder:
            root = Root(Path(folder) / "runs")
            began = time.perf_counter()
            build(root, num_experiments=num_experiments, num_runs=num_runs, num_live=4).close()
            print(f"{num_runs} runs in {num_experiments} experiments (built in {time.perf_counter() - began:.0f} s)")
            measure(root, num_starts, seconds, several=num_experiments > 1)


if __name__ == "__main__":
    main()
