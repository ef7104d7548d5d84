"""What ``settings.toml`` may say."""

from pathlib import Path

import pytest

from engine.settings import SETTINGS_VARIABLE, Defaults, Settings, read_settings, usual_settings
from store.errors import RequestError


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "settings.toml"
    monkeypatch.setenv(SETTINGS_VARIABLE, str(path))
    return path


def test_without_a_file_it_is_what_is_built_in(file: Path) -> None:
    assert read_settings() == Settings(slots={}, defaults=Defaults(), gpu_free_gb=2.0, says="")


def test_all_of_it_is_read_from_the_users_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(SETTINGS_VARIABLE, raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    (tmp_path / "aetui").mkdir()
    (tmp_path / "aetui" / "settings.toml").write_text(
        '[slots]\ncpu = 2\n"cuda:0" = 0\n[defaults]\ndataset = "~/photos"\nepochs = 20\nseed = 1\ndevice = "cpu"\n'
        "threads = 3\n[placing]\ngpu_free_gb = 0.5\n"
    )
    found = read_settings()
    assert found.slots == {"cpu": 2, "cuda:0": 0}
    assert found.defaults == Defaults(dataset="~/photos", epochs=20, seed=1, device="cpu", threads=3)
    assert found.gpu_free_gb == 0.5
    assert found.says == (
        "slots cpu=2, cuda:0=0; defaults dataset=~/photos, epochs=20, seed=1, device=cpu, threads=3; "
        "placing gpu_free_gb=0.5"
    )


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("slots = ", "is not TOML"),
        ("[slot]\ncpu = 2", "'slot' means nothing; it takes slots, defaults, placing"),
        ("slots = 2", "slots is to be a table, as [slots]"),
        ("[slots]\ngpu = 2", "'gpu' in [slots] is no device"),
        ("[slots]\ncpu = 1025", "cpu in [slots] is to be a whole number from 0 to 1024"),
        ("[slots]\ncpu = true", "cpu in [slots] is to be a whole number"),
        ("[defaults]\nepoch = 3", "'epoch' in [defaults] means nothing; it takes dataset, epochs, seed, device, thr"),
        ('[defaults]\nepochs = "3"', "epochs is to be a whole number"),
        ("[defaults]\nepochs = 0", "epochs=0 is out of range"),
        ("[defaults]\nthreads = 0", "threads=0 is out of range"),
        (f"[defaults]\nseed = 0x{'f' * 5000}", "seed is to be a whole number"),
        ('[defaults]\ndevice = "gpu"', "There is no device 'gpu'"),
        ('[defaults]\ndataset = "photos"', "there is no data set 'photos'; take one of"),
        ("[placing]\nfree = 2", "'free' in [placing] means nothing; it takes gpu_free_gb"),
        ("[placing]\ngpu_free_gb = nan", "gpu_free_gb is to be a number of GB from 0"),
        ("[placing]\ngpu_free_gb = -1", "gpu_free_gb is to be a number of GB from 0"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(file: Path, text: str, says: str) -> None:
    file.write_text(text)
    with pytest.raises(RequestError) as refused:
        read_settings()
    assert says in str(refused.value)
    assert str(file) in str(refused.value)
    assert usual_settings() == Settings(), "what works already goes on"
