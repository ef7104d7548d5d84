from collections.abc import Iterator
from pathlib import Path

import pytest

from store.database import Database
from tests.live import worked_on_database


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A fresh root with an awkward path; whatever still works for it is ended afterwards."""
    monkeypatch.setenv("AETUI_IDLE_S", "3")
    with worked_on_database(tmp_path / "Läufe und mehr" / "runs") as opened:
        yield opened
