"""Workers as actors of a Ray cluster of several nodes, which are killed and added while they train."""

import signal
import socket
import subprocess
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import pytest

pytest.importorskip("ray", reason="the ray extra is not installed")

import engine.placing.ray
from engine import jobs
from store import listing, workers
from store.database import Database, open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.cli.command_line import COMMAND
from tests.live import curve, end_processes, epochs_of, is_alive, small_spec, wait_for, weights
from tests.placing_lines import readmes_lines
from tests.postgres import postgres as postgres
from tests.ray_cluster import Cluster, Node, cluster, wait_until_begun, without_settings
from tests.servers import fresh_database
from tui.commands.placing import Wanted

EPOCHS = 40
PASSWORD = "Parole-9f31"
LIMIT_S = 240.0
"""Of all waiting here: on two cores that others work on too, a worker alone can take half a minute to begin."""


@dataclass(frozen=True)
class Place:
    """A fresh root whose storage all nodes reach, its address with a password."""

    database: Database
    address: str
    cluster: Cluster

    def start(self, *options: str) -> "subprocess.Popen[str]":
        return self.start_line("aetui", "worker", "--on", "ray", "--address", self.cluster.address, *options)

    def start_line(self, _aetui: str, *words: str, **variables: str) -> "subprocess.Popen[str]":
        """A whole command line, with ``variables`` in its environment."""
        environment = {
            **self.cluster.environment,
            **variables,
            "AETUI_STORAGE": self.address,
            "AETUI_ROOT": str(self.database.root.path),
            "AETUI_IDLE_S": "3",
        }
        with self.said.open("a") as said:
            return subprocess.Popen(
                [COMMAND, *words],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    @property
    def said(self) -> Path:
        return self.database.root.path / "said.txt"

    def state(self, name: RunName) -> RunState:
        return listing.run(self.database, name).state

    def pids(self) -> list[int]:
        return [each.pid for each in workers.workers(self.database) if each.alive]

    def at_work(self, name: RunName) -> int | None:
        """The process that has trained two epochs of ``name``, or more."""
        found = [each.pid for each in workers.workers(self.database) if each.alive and each.run == name]
        return found[0] if found and listing.run(self.database, name).epoch >= 2 else None


@pytest.fixture(scope="module")
def ray() -> Iterator[Cluster]:
    with cluster(without_settings()) as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, postgres: str, ray: Cluster) -> Iterator[Place]:
    address = fresh_database(postgres).replace("aetui@", f"aetui:{PASSWORD}@", 1)
    database = open_database(Root(tmp_path / "Läufe und mehr"), address, create=True)
    yield Place(database, address, ray)
    database.close()
    end_processes(database.root)


@contextmanager
def ending(process: "subprocess.Popen[str]") -> Iterator["subprocess.Popen[str]"]:
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_runs_of_nodes_that_are_killed_go_on_where_one_is_added(place: Place) -> None:
    nodes = [place.cluster.add(1), place.cluster.add(1)]
    names = [jobs.enqueue(place.database, small_spec(epochs=EPOCHS, train_limit=300), "killed") for _ in range(3)]
    wait_until_begun(*nodes)
    with ending(place.start("--slots", "2")) as attending:
        pids = wait_for(lambda: len(found := place.pids()) == 2 and found, "two workers", LIMIT_S)
        assert {node for node in nodes for pid in pids if node.holds(pid)} == set(nodes)
        # The first as where a machine loses its power; of the second, what Ray began must end by itself.
        for name, kill in zip(names, (Node.kill, Node.kill_raylet), strict=False):
            pid = wait_for(lambda name=name: place.at_work(name), f"{name} to be trained", LIMIT_S)
            kill(next(node for node in nodes if node.holds(pid)))
        wait_until_begun(place.cluster.add(2))
        for name in names:
            wait_for(lambda name=name: place.state(name).is_finished, f"the end of {name}", LIMIT_S)
        assert attending.wait(LIMIT_S) == 0, place.said.read_text()
    assert "raylet" not in place.said.read_text()
    assert [listing.run(place.database, name).attempt for name in names] == [2, 2, 1]
    assert_same_end(place, names)


@pytest.mark.timeout(400)
def test_an_actor_that_is_killed_comes_back_and_so_does_its_run(place: Place) -> None:
    names = [jobs.enqueue(place.database, small_spec(epochs=EPOCHS, train_limit=300), "killed") for _ in range(2)]
    place.cluster.make_room()
    with ending(place.start("--json")) as attending:
        pid = wait_for(lambda: place.at_work(names[0]), f"{names[0]} to be trained", LIMIT_S)
        trainer = psutil.Process(pid)
        trainer.parent().kill()  # what it began must end by itself
        assert attending.wait(LIMIT_S) == 0, place.said.read_text()
    wait_for(lambda: not is_alive(trainer), "the end of the one that trained")
    assert [listing.run(place.database, name).attempt for name in names] == [2, 1]
    assert_same_end(place, names)


def assert_same_end(place: Place, names: Sequence[RunName]) -> None:
    """All of the experiment is complete, the interrupted runs as the last one, which nobody disturbed."""
    assert {run.name for run in listing.runs(place.database, names[0].experiment)} == set(names)
    undisturbed = place.database.root.run(names[-1])
    for name in names:
        paths = place.database.root.run(name)
        assert place.state(name) is RunState.COMPLETE
        assert epochs_of(paths.metrics) == list(range(1, EPOCHS + 1))
        assert curve(paths.metrics) == curve(undisturbed.metrics)
        assert weights(paths.last) == weights(undisturbed.last)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_ctrl_c_lets_the_workers_go_and_their_runs_wait(place: Place) -> None:
    name = jobs.enqueue(place.database, small_spec(epochs=100_000, schedule="constant"))
    place.cluster.make_room()
    with ending(place.start("--slots", "3")) as attending:  # for one of which there is no room
        trainer = psutil.Process(wait_for(lambda: place.at_work(name), "two epochs", LIMIT_S))
        assert_nowhere(PASSWORD, place)
        attending.send_signal(signal.SIGINT)
        assert attending.wait(LIMIT_S) == 130, place.said.read_text()
    wait_for(lambda: not is_alive(trainer), "the end of the one that trained")
    assert place.state(name) is RunState.WAITING
    assert workers.workers(place.database) == []


@pytest.mark.timeout(400)
def test_readmes_actors_share_a_gpu(place: Place) -> None:
    # A GPU that only Ray believes in: who joins there with nothing to train needs none.
    wait_until_begun(place.cluster.add(2, f"--address={place.cluster.address}", "--num-gpus=1"))
    line = readmes_lines("ray")[0].replace("HOST:6379", place.cluster.address)
    with ending(place.start_line(*line.split())) as attending:
        joined = wait_for(
            lambda: len(found := workers.workers(place.database)) == 2 and found, "two workers on one GPU", LIMIT_S
        )
        assert {worker.device for worker in joined} == {"cuda:0"}
        assert attending.wait(LIMIT_S) == 0, place.said.read_text()


@pytest.mark.timeout(400)
def test_readmes_detached_ones_work_on_without_us_and_leave_nothing_in_the_cluster(place: Place) -> None:
    name = jobs.enqueue(place.database, small_spec(epochs=3))
    place.cluster.make_room()
    line = readmes_lines("ray")[1]
    assert "--detach" in line
    with ending(place.start_line(*line.split(), "--json", RAY_ADDRESS=place.cluster.address)) as placing:
        assert placing.wait(LIMIT_S) == 0, place.said.read_text()
    assert '"id": "aetui-' in place.said.read_text()
    wait_for(lambda: place.state(name) is RunState.COMPLETE, f"the end of {name}", LIMIT_S)
    wait_for(lambda: not workers.workers(place.database), "the worker to leave", LIMIT_S)
    wait_for(lambda: place.cluster.call(_NAMED) == "[]\n", "their actors to end", LIMIT_S)


_NAMED = "print(ray.util.list_named_actors(all_namespaces=True))"
_ACTORS = (  # all that the cluster keeps of them, more than any of its views shows
    "from ray._private.state import state; print(state._connect_and_get_accessor().get_actor_table(None, None))"
)


def assert_nowhere(secret: str, place: Place) -> None:
    """Neither on a command line, nor in what Ray tells of its actors, nor in a file."""
    lines = [" ".join(_words(process)) for process in psutil.process_iter()]
    assert any("engine.worker" in line for line in lines)
    told = place.cluster.call(_ACTORS)
    assert "aetui-" in told
    files = [file for folder in (place.database.root.path, place.cluster.folder) for file in folder.rglob("*")]
    kept = {file: file.read_bytes() for file in files if file.is_file() and not file.is_symlink()}
    assert any(file.suffix == ".log" for file in kept)
    assert [line for line in lines if secret in line] == []
    assert secret not in told
    assert [file for file, content in kept.items() if secret.encode() in content] == []


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


@contextmanager
def silent_server() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def refused(tmp_path: Path) -> Callable[..., str]:
    """Calls ``aetui worker``, which is to refuse in one sentence and to make nothing; returns the sentence."""

    def call(
        *options: str, storage: str | None = "postgresql+psycopg://aetui@127.0.0.1:1/none", **variables: str
    ) -> str:
        environment = {**without_settings(), **variables, "AETUI_ROOT": str(tmp_path / "runs")}
        if storage:
            environment["AETUI_STORAGE"] = storage
        done = subprocess.run(
            [COMMAND, "worker", *options], env=environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 2, done.stderr
        assert done.stdout == ""
        assert done.stderr.startswith("aetui: ")
        assert done.stderr.count("\n") == 1
        assert not (tmp_path / "runs").exists()
        return done.stderr

    return call


def test_where_no_cluster_answers_it_says_what_to_do(
    refused: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "`ray start --head`" in refused("--on", "ray", "--address", "127.0.0.1:1")
    with silent_server() as address, pytest.raises(RequestError, match="`ray start --head`"):
        engine.placing.ray.join(address)
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:1")
    with pytest.raises(RequestError, match="`ray start --head`"):
        engine.placing.ray.join(None)


@pytest.mark.parametrize(
    ("said", "words"),
    [
        ({"on": "local", "gpus": 0.5}, "--gpus goes with"),
        ({"on": "local", "address": "127.0.0.1:6379"}, "--address goes with"),
        ({"on": "local", "slurm": ("partition=gpu",)}, "--slurm goes with"),
        ({"on": "ray", "slurm": ("partition=gpu",)}, "--slurm goes with"),
        ({"on": "slurm", "address": "127.0.0.1:6379"}, "only local"),
        ({"on": "cloud"}, "local, ray or slurm"),
        ({"on": "ray", "gpus": -1.0}, "no share of a GPU"),
        ({"on": "ray", "gpus": float("nan")}, "no share of a GPU"),
        ({"on": "ray", "gpus": 1.5}, "whole ones"),
        ({"on": "ray", "gpus": 1.0, "device": "cpu"}, "contradict"),
        ({"on": "ray", "gpus": 0.0, "device": "cuda"}, "--gpus 1"),
        ({"on": "ray", "device": "cuda:1"}, "choose which GPU"),
    ],
)
def test_what_does_not_go_together_is_refused(said: dict[str, Any], words: str) -> None:
    with pytest.raises(RequestError, match=words):
        Wanted(**{"slots": 1, "device": "auto", **said})


@pytest.mark.parametrize("address", ["local", "http://127.0.0.1:8265", "head:six", "head:99999", "ray://head:10001"])
def test_what_is_no_address_of_a_cluster_is_refused(address: str) -> None:
    with pytest.raises(RequestError, match="HOST:6379"):
        engine.placing.ray.join(address)


def test_on_the_command_line_too(refused: Callable[..., str]) -> None:
    assert "--slurm goes with" in refused("--on", "ray", "--slurm", "partition=gpu")


def test_a_storage_that_only_this_machine_has_is_refused(refused: Callable[..., str]) -> None:
    assert "postgresql+psycopg://" in refused("--on", "ray", "--address", "127.0.0.1:1", storage=None)


def test_what_is_missing_is_named(tmp_path: Path, refused: Callable[..., str]) -> None:
    (tmp_path / "ray.py").write_text("raise ModuleNotFoundError('no', name='ray')")
    assert "pip install 'aetui[ray]'" in refused("--on", "ray", PYTHONPATH=str(tmp_path))
