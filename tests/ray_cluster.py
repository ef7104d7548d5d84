"""A Ray cluster of the tests' own: several nodes on this machine, added and killed at will."""

import os
import secrets
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.live import wait_for
from tests.servers import free_port

RAY = Path(sys.executable).parent / "ray"
_STARTS_S = 240.0


@dataclass(frozen=True, eq=False)
class Node:
    """A node that ``ray start --block`` holds."""

    process: psutil.Process
    log: Path
    num_cpus: int

    def processes(self) -> list[psutil.Process]:
        try:
            return [self.process, *self.process.children(recursive=True)]
        except psutil.NoSuchProcess:
            return []

    def has_begun(self) -> bool:
        said = self.log.read_text()
        assert self.process.status() != psutil.STATUS_ZOMBIE, said
        return "Ray runtime started" in said

    def holds(self, pid: int) -> bool:
        return pid in {process.pid for process in self.processes()}

    def kill(self) -> None:
        """End everything on it, the training too."""
        _kill(self.processes())

    def kill_raylet(self) -> None:
        """End Ray's own process alone."""
        _kill([process for process in self.processes() if process.name() == "raylet"])


@dataclass
class Cluster:
    """``folder`` holds Ray's sessions; ``environment`` is what its nodes and who joins it need."""

    folder: Path
    environment: dict[str, str]
    port: int
    nodes: list[Node] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def add(self, num_cpus: int, *options: str) -> Node:
        """A node, soon: see `Node.has_begun`."""
        log = self.folder / f"{len(self.nodes)}.log"
        command = [RAY, "start", "--block", "--node-ip-address=127.0.0.1", f"--num-cpus={num_cpus}"]
        # A folder for each: two nodes that begin at once would choose the same names for their sockets.
        command += [f"--temp-dir={self.folder}/{len(self.nodes)}", "--object-store-memory=80000000"]
        command += ["--disable-usage-stats"]
        with log.open("wb") as output:
            process = subprocess.Popen(
                [*command, *(options or (f"--address={self.address}",))],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                cwd="/",
                env=self.environment,
            )
        self.nodes.append(Node(psutil.Process(process.pid), log, num_cpus))
        return self.nodes[-1]

    def make_room(self) -> None:
        """See to it that some node has two processors."""
        if not any(node.num_cpus == 2 and node.processes() for node in self.nodes):
            wait_until_begun(self.add(2))

    def call(self, code: str) -> str:
        """What ``code`` prints in a process that has joined it."""
        joined = f"import logging, ray; ray.init(address={self.address!r}, logging_level=logging.ERROR); {code}"
        done = subprocess.run(
            [sys.executable, "-P", "-c", joined], env=self.environment, capture_output=True, text=True, timeout=100
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def cluster(environment: dict[str, str]) -> Iterator[Cluster]:
    """A head that trains nothing; nothing of it is left behind, whatever happens."""
    # Sockets lie in it, and their paths have room for little more than a hundred characters.
    with tempfile.TemporaryDirectory(prefix="aetui-ray-", dir="/tmp", ignore_cleanup_errors=True) as folder:
        own = {
            **environment,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_health_check_initial_delay_ms": "1000",  # a killed node is to be missed after seconds
            "RAY_health_check_period_ms": "500",
            "RAY_health_check_timeout_ms": "5000",
            "RAY_health_check_failure_threshold": "3",
            # Ray listens beyond this machine too: nobody else is to run anything in it.
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": secrets.token_hex(32),
        }
        made = Cluster(Path(folder), own, free_port())
        try:
            head = made.add(0, "--head", f"--port={made.port}", "--include-dashboard=false",
                            f"--ray-client-server-port={free_port()}")  # fmt: skip
            wait_for(head.has_begun, "the head of a Ray cluster", _STARTS_S)
            yield made
        finally:
            for node in reversed(made.nodes):
                node.kill()
            _kill([process for process in psutil.process_iter() if folder in _words(process)])


def wait_until_begun(*nodes: Node) -> None:
    for node in nodes:
        wait_for(node.has_begun, "a node of a Ray cluster", _STARTS_S)


def without_settings() -> dict[str, str]:
    """This process' environment without what the user has set for aetui and for Ray."""
    return {key: value for key, value in os.environ.items() if not key.startswith(("AETUI_", "RAY_"))}


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGKILL)
    psutil.wait_procs(processes, timeout=10)


def _words(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""
