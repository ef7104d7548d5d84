"""Half a minute of chaos, or as many as ``AETUI_CHAOS_MINUTES`` says."""

import os
import random
from pathlib import Path

import pytest

from tests.chaos.play import play

MINUTES = float(os.environ.get("AETUI_CHAOS_MINUTES") or 0.5)
SEED = int(os.environ.get("AETUI_CHAOS_SEED") or random.SystemRandom().randrange(10_000))


@pytest.mark.skipif(os.environ.get("CI") == "true", reason="`.ci/run` has `make chaos` for three minutes, alone")
@pytest.mark.timeout(600 + 120 * MINUTES)
def test_nothing_is_lost_doubled_or_torn(tmp_path: Path) -> None:
    print(f"seed {SEED}: AETUI_CHAOS_SEED draws it again")
    ledger = play(tmp_path, SEED, MINUTES)
    assert ledger.wrong == {}
    assert ledger.faults.total() > 0
    assert ledger.ended
