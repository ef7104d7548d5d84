from pathlib import Path

import pytest

from store.errors import RequestError
from store.names import RunName
from store.paths import Root, find_data_dir


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AETUI_ROOT", "AETUI_DATA", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)


def test_root_is_the_explicit_one_before_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AETUI_ROOT", str(tmp_path / "variable"))
    assert Root.find(tmp_path / "given").path == tmp_path / "given"
    assert Root.find(None, start=tmp_path).path == tmp_path / "variable"


def test_root_is_the_nearest_runs_with_a_database_upward(tmp_path: Path) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "aetui.db").touch()
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    (tmp_path / "a" / "runs").mkdir()  # no database in it: passed by
    assert Root.find(None, start=below).path == tmp_path / "runs"


def test_root_is_runs_here_when_there_is_none(tmp_path: Path) -> None:
    assert Root.find(None, start=tmp_path).path == tmp_path / "runs"


def test_an_experiment_from_a_database_cannot_lead_out_of_the_root(tmp_path: Path) -> None:
    with pytest.raises(RequestError):
        Root(tmp_path).run(RunName("../../etc", 0))


def test_kept_epochs_are_listed_in_order(tmp_path: Path) -> None:
    paths = Root(tmp_path).run(RunName("cae", 0))
    paths.latents.mkdir(parents=True)
    for name in ("10.npz", "2.npz", ".3.npz.1.99.tmp", "x.npz"):
        (paths.latents / name).touch()
    assert paths.latent_epochs() == [2, 10]


def test_data_folder_follows_the_variable_then_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert find_data_dir() == tmp_path / "aetui"
    monkeypatch.setenv("AETUI_DATA", str(tmp_path / "data"))
    assert find_data_dir() == tmp_path / "data"
    assert find_data_dir(tmp_path / "given") == tmp_path / "given"
