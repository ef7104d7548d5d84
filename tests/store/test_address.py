import os
from pathlib import Path

import pytest

from store.address import STORAGE_FILE_VARIABLE, STORAGE_VARIABLE, find_storage
from store.errors import RequestError
from store.settings_file import load_toml


@pytest.fixture(autouse=True)
def nothing_said(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (STORAGE_VARIABLE, STORAGE_FILE_VARIABLE):
        monkeypatch.delenv(variable, raising=False)


def test_what_is_said_on_the_command_line_comes_before_the_variable_and_that_before_the_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert find_storage() is None
    file = tmp_path / "address"
    file.write_text("\n  in://the/file \nand a second line\n")
    monkeypatch.setenv(STORAGE_FILE_VARIABLE, str(file))
    assert find_storage() == find_storage(f"@{file}") == "in://the/file"
    monkeypatch.setenv(STORAGE_VARIABLE, "in://the/variable")
    assert find_storage() == "in://the/variable"
    assert find_storage("said://here") == "said://here"


@pytest.mark.parametrize("content", [None, b"", b"\n \n", b"hunter2\xff"])
def test_a_file_without_an_address_is_named_and_its_content_is_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    file = tmp_path / "address"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv(STORAGE_FILE_VARIABLE, str(file))
    with pytest.raises(RequestError) as caught:
        find_storage()
    assert str(file) in str(caught.value)
    assert "hunter2" not in str(caught.value)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["pipe", "device"])
def test_what_never_ends_is_not_read(tmp_path: Path, kind: str) -> None:
    file = tmp_path / "pipe" if kind == "pipe" else Path("/dev/zero")
    if kind == "pipe":
        os.mkfifo(file)
    with pytest.raises(RequestError, match="not a regular file"):
        find_storage(f"@{file}")
    with pytest.raises(RequestError, match="not a regular file"):
        load_toml(file, "The settings")


def test_a_sqlite_file_is_told_by_its_absolute_path_for_workers_that_work_elsewhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    here, folder = tmp_path / "here", tmp_path / "folder"
    for each in (here, folder):
        each.mkdir()
    monkeypatch.chdir(here)
    assert find_storage("sqlite:///my runs.db?timeout=5") == f"sqlite:///{here}/my runs.db?timeout=5"
    file = folder / "address"
    file.write_text("sqlite:///../all.db\n")
    assert find_storage(f"@{file}") == f"sqlite:///{folder}/../all.db"  # as it stands in the file, wherever it is read
    for absolute in ("sqlite:////srv/all.db", "sqlite:///:memory:", "postgresql+psycopg://host/name"):
        assert find_storage(absolute) == absolute
