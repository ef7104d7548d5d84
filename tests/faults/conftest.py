import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from store.database import Database, open_database
from store.paths import Root
from tests.cli.command_line import CommandLine
from tests.faults.disks import Disk, mount, unmount
from tests.faults.undisturbed import Undisturbed, short_spec, train_undisturbed
from tests.live import end_processes


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """Of 24 MiB, in memory."""
    folder = tmp_path / "kleine Platte"
    folder.mkdir()
    mount("-t", "tmpfs", "-o", "size=24m", "tmpfs", folder)
    yield Disk(folder)
    end_processes(Root(folder / "runs"))
    unmount(folder)


@pytest.fixture
def seal(tmp_path: Path) -> Iterator[Callable[[Path], Path]]:
    """Shows a folder at another place, where it can only be read, by root too."""
    sealed: list[Path] = []

    def bind(folder: Path) -> Path:
        place = tmp_path / f"nur lesbar {len(sealed)}"
        place.mkdir()
        mount("--bind", folder, place)
        sealed.append(place)
        mount("-o", "remount,bind,ro", place)
        return place

    yield bind
    for place in sealed:
        unmount(place)


@pytest.fixture
def on_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What lies under the test's folder is said to lie on NFS, to this process and to those that it starts."""
    table = tmp_path.with_name(f"{tmp_path.name}.mountinfo")
    table.write_text(
        "22 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
        f"90 22 0:52 / {tmp_path} rw,relatime shared:9 master:2 - nfs4 server:/export rw,vers=4.2\n"
    )
    monkeypatch.setenv("AETUI_MOUNTINFO", str(table))


@pytest.fixture
def command_line(tmp_path: Path) -> Callable[[Path], CommandLine]:
    """``aetui`` on a root, the user's own settings shut out."""

    def on(root: Path) -> CommandLine:
        shut_out = ("XDG_", "AETUI_IDLE_S", "AETUI_ROOT", "NO_COLOR", "TERM")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(shut_out)}
        return CommandLine(root, {**kept, "HOME": str(tmp_path), "LANG": "C.UTF-8", "AETUI_IDLE_S": "2"})

    return on


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    return train_undisturbed(tmp_path_factory.mktemp("undisturbed"), short_spec())


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    monkeypatch.setenv("AETUI_IDLE_S", "2")
    opened = open_database(Root(tmp_path / "Läufe" / "runs"), create=True)
    yield opened
    opened.close()
    end_processes(opened.root)
