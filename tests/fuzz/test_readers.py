"""The first rounds of the fuzzer; `python -m tests.fuzz.readers --minutes 10` goes on for longer."""

from pathlib import Path

import pytest

from tests.fuzz.doors import doors, environment
from tests.fuzz.readers import Finding, fuzz

_ROUNDS = 1200


def test_the_fuzzer_finds_nothing_in_its_first_rounds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment(tmp_path):
        monkeypatch.setenv(name, "")  # put back afterwards
    found = [each for each in fuzz(tmp_path, 0, num_rounds=_ROUNDS) if isinstance(each, Finding)]
    assert not found, found[0].traceback


def test_the_same_seed_makes_the_same_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in environment(tmp_path):
        monkeypatch.setenv(name, "")
    once, again = (list(fuzz(tmp_path, 7, num_rounds=len(doors(tmp_path)))) for _ in range(2))
    assert once == again
