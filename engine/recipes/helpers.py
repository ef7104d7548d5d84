"""Helper processes of a recipe: whatever needs torch beside the workers. What each answered is kept in a file."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from engine.worker import prepare_environment
from store import listing
from store.artifacts import written_aside
from store.database import Database
from store.json_file import read_object
from store.names import RunName
from store.paths import DATA_VARIABLE
from store.sharing.upload import upload

MAX_HELPERS = 2
_TAIL_CHARACTERS = 300


@dataclass(frozen=True, kw_only=True)
class Helper:
    """One question about one run: ``module`` is run with ``arguments``; the answer goes into ``answer`` as JSON."""

    module: str
    run: RunName
    arguments: tuple[str, ...]
    answer: Path

    def read(self) -> dict[str, Any] | None:
        """What was answered to this very question; None if it was not asked yet."""
        kept = read_object(self.answer)
        if kept.get("arguments") != list(self.arguments):
            return None
        figures = kept.get("figures")
        return figures if isinstance(figures, dict) else None

    def keep(self, figures: Mapping[str, Any]) -> None:
        text = json.dumps({"arguments": list(self.arguments), "figures": figures}, indent=2)
        with written_aside(self.answer) as aside:
            aside.write_text(text + "\n", encoding="utf-8")


def evaluation(database: Database, run: RunName, noise: tuple[str, ...]) -> Helper:
    """The test figures of ``run``."""
    arguments = [word for each in noise for word in ("--noise", each)]
    return Helper(
        module="engine.analysis.evaluate",
        run=run,
        arguments=(str(run), *arguments),
        answer=database.root.run(run).folder / "evaluation.json",
    )


def latent(database: Database, run: RunName, method: str, limit: int) -> Helper:
    """The codes of ``run`` on the test images, projected by ``method``; the arrays lie beside the answer."""
    file = f"latent-test-{method}.npz"
    arguments = ("--split", "test", "--method", method, "--limit", str(limit), "--out", file)
    folder = database.root.run(run).folder
    return Helper(
        module="engine.analysis.latent",
        run=run,
        arguments=(str(run), *arguments),
        answer=(folder / file).with_suffix(".json"),
    )


@dataclass
class _Process:
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    errors: IO[bytes]


@dataclass
class Helpers:
    """Runs helpers, a few at a time; each is asked once, and not again after it failed."""

    database: Database
    data_dir: Path
    reasons: dict[Helper, str] = field(default_factory=dict)
    """Why those failed that did."""
    _running: dict[Helper, _Process] = field(default_factory=dict)

    def ask(self, helper: Helper) -> dict[str, Any] | None:
        """The answer if it is there; else None, and the helper is on its way as soon as there is room (or failed)."""
        if helper in self._running:
            self._collect(helper)
        if (answer := helper.read()) is not None:
            return answer
        if helper not in self._running and helper not in self.reasons and len(self._running) < MAX_HELPERS:
            self._running[helper] = self._start(helper)
        return None

    def end(self) -> None:
        """Kill those that still run: nothing of theirs is lost but time."""
        for running in self._running.values():
            running.process.kill()
            running.process.wait()
        self._running.clear()

    def _start(self, helper: Helper) -> _Process:
        prepare_environment()
        command = [sys.executable, "-P", "-m", helper.module, "--root", str(self.database.root.path)]
        # Of a run that another host trained, nothing need be here yet.
        helper.answer.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # Files, not pipes: nobody reads while it runs. They live as long as the process does.
        output, errors = tempfile.TemporaryFile(), tempfile.TemporaryFile()  # noqa: SIM115
        process = subprocess.Popen(
            [*command, *helper.arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=errors,
            cwd=helper.answer.parent,  # where the arrays go
            start_new_session=True,  # a Ctrl-C is ours to obey
            env={
                **os.environ,
                **self.database.addresses.environment(),
                DATA_VARIABLE: str(self.data_dir),
            },
        )
        return _Process(process, output, errors)

    def _collect(self, helper: Helper) -> None:
        running = self._running[helper]
        if running.process.poll() is None:
            return
        del self._running[helper]
        with running.output, running.errors:
            text, errors = _text(running.output), _text(running.errors)
        try:
            figures = json.loads(text) if running.process.returncode == 0 else None
        except ValueError:
            figures = None
        if isinstance(figures, dict):
            helper.keep(figures)
            upload(self.database, listing.run(self.database, helper.run))
        else:
            told = errors.strip().splitlines() or [f"it ended with status {running.process.returncode}"]
            self.reasons[helper] = f"{helper.module} {helper.run}: {told[-1][:_TAIL_CHARACTERS]}"


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode(errors="replace")
