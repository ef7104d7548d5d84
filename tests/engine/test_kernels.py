"""The compiled functions: they come from the system's compiler, and nothing hangs on there being one."""

import logging
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.kernels import compiler
from tests.live import small_spec

TOP = Path(__file__).parents[2]
SOURCES = sorted(Path(compiler.__file__).parent.glob("*.c"))

needs_compiler = pytest.mark.skipif(compiler.find_compiler() is None, reason="there is no C compiler here")


@pytest.fixture
def _anew() -> Iterator[None]:
    compiler._compiled.cache_clear()
    compiler._begun.cache_clear()
    yield
    compiler._compiled.cache_clear()
    compiler._begun.cache_clear()


@needs_compiler
@pytest.mark.parametrize("processor", ["native", "x86-64", "x86-64-v3", "x86-64-v4"])
def test_the_c_is_without_warnings_for_any_processor(processor: str, tmp_path: Path) -> None:
    if processor != "native" and os.uname().machine != "x86_64":
        pytest.skip("for processors like this one")
    command = [compiler.find_compiler(), "-std=gnu11", "-O3", f"-march={processor}", "-fopenmp", "-fPIC", "-shared"]
    warnings = ["-Wall", "-Wextra", "-Wconversion", "-Wno-sign-conversion", "-Wshadow", "-Werror"]
    done = subprocess.run([*command, *warnings, *SOURCES, "-o", tmp_path / "x.so", "-lm"], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()


@needs_compiler
@pytest.mark.parametrize("processor", ["x86-64", "x86-64-v3"])
def test_lesser_processors_get_the_same_numbers(processor: str, tmp_path: Path) -> None:
    """The tests of the layers, with vectors of 4 and of 8 numbers, whatever this processor has."""
    if "avx2" not in Path("/proc/cpuinfo").read_text():
        pytest.skip("for processors that have AVX2 at least")
    wrapper = tmp_path / "cc"
    wrapper.write_text(f'#!/bin/sh\nexec {compiler.find_compiler()} "$@" -march={processor}\n')
    wrapper.chmod(0o755)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-k",
        "compiled",
        "tests/engine/test_layers.py",
    ]
    environment = {**os.environ, "CC": str(wrapper)}
    done = subprocess.run(command, cwd=TOP, env=environment, capture_output=True, text=True, timeout=110, check=False)
    assert done.returncode == 0, done.stdout
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


@needs_compiler
@pytest.mark.usefixtures("_anew")
def test_nothing_is_left_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    compiler.begin()
    assert len(list(tmp_path.iterdir())) == 1, "begun already"
    assert compiler.compiled().library is not None
    assert compiler.compiled() is compiler.compiled()
    assert not list(tmp_path.iterdir())


@pytest.mark.usefixtures("_anew")
@pytest.mark.parametrize("text", ["#!/bin/sh\necho 'no room' >&2; exit 1\n", "#!/bin/sh\nexit 0\n", "not a program"])
def test_a_compiler_that_fails_is_told_of_and_done_without(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    broken = tmp_path / "broken"
    broken.write_text(text)
    broken.chmod(0o755)
    monkeypatch.setenv("CC", str(broken))
    with caplog.at_level(logging.WARNING, "aetui"):
        assert compiler.kernels("cuda:0") == "torch"
        assert not caplog.records
        assert compiler.kernels("cpu") == "torch"
    assert len(caplog.records) == 1
    assert "torch's own layers are used, which are slower" in caplog.text


@pytest.mark.usefixtures("_anew")
def test_without_a_compiler_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CC", raising=False)
    assert compiler.find_compiler() is None
    assert compiler.kernels("cpu") == "torch"
    assert not caplog.records


_TRAINS = """
import json, sys
from pathlib import Path
from engine import jobs
from store import listing
from store.database import open_database
from store.paths import Root
from tests.live import small_spec
root = Root(Path(sys.argv[1]))
database = open_database(root, create=True)
name = jobs.enqueue(database, small_spec(epochs=2), "x")
jobs.run_inline(database)
config = json.loads(root.run(name).config.read_text())
print(listing.run(database, name).value, config["kernels"])
"""


@needs_compiler
def test_a_run_ends_at_the_same_value_with_and_without(tmp_path: Path) -> None:
    found = []
    for kernels in ("", "", "torch"):
        environment = {**os.environ, compiler.OFF_VARIABLE: kernels}
        command = [sys.executable, "-c", _TRAINS, tmp_path / f"root{len(found)}"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=100, check=True)
        found.append(done.stdout.split())
    assert small_spec(epochs=2).threads
    assert found[0] == found[1], "the same seed gives the same numbers"
    assert [kernels for _, kernels in found] == ["compiled", "compiled", "torch"]
    assert float(found[0][0]) == pytest.approx(float(found[2][0]), rel=0.02)
