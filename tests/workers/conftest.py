import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from store.database import Database, open_database
from store.paths import Root
from tests.live import processes_of


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh root with an awkward path; whatever still works for it is ended afterwards."""
    monkeypatch.setenv("AETUI_IDLE_S", "3")
    root = Root(tmp_path / "Läufe und mehr" / "runs")
    opened = open_database(root, create=True)
    yield opened
    opened.close()
    for _ in range(3):  # a worker and its supervisor start each other again
        for process in processes_of(root):
            try:
                process.send_signal(signal.SIGKILL)
            except psutil.NoSuchProcess:
                continue
