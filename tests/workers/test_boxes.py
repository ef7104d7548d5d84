"""Many machines over PostgreSQL and S3, as README's section of that name has them; what dies there is taken over."""

import json
import os
import re
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, suppress
from functools import partial
from pathlib import Path

import psutil
import pytest
from sqlalchemy import select, update

from store import listing, schema
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from store.records import Run
from tests import s3 as s3_server
from tests.live import curve, epochs_of, wait_for, weights
from tests.postgres import postgres as postgres
from tests.s3 import s3 as s3
from tests.servers import fresh_database
from tests.workers.boxes import Box, need_boxes

pytestmark = pytest.mark.timeout(450)  # a dozen commands

README = Path(__file__).parents[2] / "README.md"
SETTINGS = "--threads 1 --set width=4 --set depth=2 --set hidden=16 --set patience=0"
SMALL = f"--dataset digits --set train_limit=700 {SETTINGS}"
EPOCHS = 50


@pytest.fixture
def shared(tmp_path: Path, postgres: str, s3: str, request: pytest.FixtureRequest) -> Mapping[str, str]:
    """What all boxes of a test have in their environment."""
    need_boxes()
    address = tmp_path / "storage"
    address.write_text(fresh_database(postgres).replace("aetui@", "aetui:not-shown-anywhere@") + "\n")
    return {
        **s3_server.environment(s3),
        "AETUI_STORAGE_FILE": str(address),
        "AETUI_ARTIFACTS": f"s3://runs/{request.node.name}",
        "AETUI_SHARE_S": "0.2",
        "AETUI_IDLE_S": "60",
    }


@pytest.fixture
def boxes(tmp_path: Path, shared: Mapping[str, str]) -> Iterator[tuple[Box, Box, Box]]:
    made = [Box(name, tmp_path, shared) for name in ("ada", "bob", "cy")]
    yield made[0], made[1], made[2]
    for box in made:
        box.pull_the_plug()


@pytest.fixture
def storage(tmp_path: Path, shared: Mapping[str, str]) -> Iterator[Callable[[], Database]]:
    """Opens what the boxes share, once one of them has made it."""
    with ExitStack() as opened:

        def open_it() -> Database:
            address = Path(shared["AETUI_STORAGE_FILE"]).read_text().strip()
            found = open_database(Root(tmp_path / "looks"), address, artifacts=shared["AETUI_ARTIFACTS"])
            return opened.enter_context(closing(found))

        yield open_it


def shown(box: Box, run: str) -> dict[str, object]:
    found = json.loads(box(f"aetui show {run} --json"))
    assert isinstance(found, dict)
    return found


def looks_at(database: Database, run: str) -> Run:
    """Costs nothing of those that are waited for; a command would take seconds from them."""
    return listing.run(database, RunName.parse(run))


def has_shared(database: Database, path: str) -> bool:
    with database.read() as connection:
        shared = select(schema.artifacts.c.path).where(schema.artifacts.c.path == path)
        return connection.execute(shared).first() is not None


def test_a_box_that_disappears_gives_its_run_back_and_another_goes_on_to_the_same_numbers(
    boxes: tuple[Box, Box, Box], storage: Callable[[], Database]
) -> None:
    ada, bob, cy = boxes
    cy(f"aetui run cae {SMALL} --name e --epochs {EPOCHS} --queue-only")
    database = storage()
    ada.start("aetui worker --slots 1")
    wait_for(lambda: has_shared(database, "metrics.jsonl"), "ada to train, and to upload how far it is")
    ada.freeze()
    # Another host sees its curve as long as it trains there, without being told anything but the addresses.
    assert "training" in cy("aetui show e/0")
    ada.pull_the_plug()
    at = shown(cy, "e/0")
    assert at["state"] in ("running", "stalled")
    assert (at["host"], at["attempt"]) == ("ada", 1)
    assert epochs_of(cy.root / "e/0/metrics.jsonl")

    cy(f"aetui run cae {SMALL} --name apart --epochs {EPOCHS} --queue-only")
    with database.engine.begin() as connection:  # 30 s of silence, without the wait
        for table in (schema.leases, schema.workers):
            connection.execute(update(table).values(heartbeat_at=0.0))
    bob.start("aetui worker --slots 1")
    for run in ("apart/0", "e/0"):
        wait_for(lambda run=run: looks_at(database, run).state == "complete", f"bob to end {run}")
    done = shown(cy, "e/0")
    assert (done["host"], done["attempt"], done["epoch"]) == ("bob", 2, EPOCHS)
    cy("aetui evaluate e/0")  # brings the weights there
    assert epochs_of(cy.root / "e/0/metrics.jsonl") == list(range(1, EPOCHS + 1))
    assert curve(cy.root / "e/0/metrics.jsonl") == curve(bob.root / "apart/0/metrics.jsonl")
    assert weights(cy.root / "e/0/last.safetensors") == weights(bob.root / "apart/0/last.safetensors")
    # The last line is written, and uploaded, after the run's end is told.
    wait_for(lambda: "complete" in cy("aetui logs e/0"), "the end of its log")
    log = (cy.root / "e/0/log.txt").read_text()
    assert re.search(r"attempt 1 on cpu.*goes on after epoch [1-9]\d*.*complete", log, re.DOTALL), log


def test_readmes_section_on_many_machines_is_what_happens(
    boxes: tuple[Box, Box, Box], storage: Callable[[], Database]
) -> None:
    ada, bob, _ = boxes
    section = README.read_text(encoding="utf-8").split("\n## Many machines\n")[1].split("\n## ")[0]
    blocks = re.findall(r"```sh\n(.*?)```", section, re.DOTALL)
    lines = [line.partition("  #")[0].strip() for line in blocks[0].splitlines()]
    exported = [line for line in lines if line.startswith("export ")]
    assert [line.split("=")[0].split()[1] for line in exported] == ["AETUI_STORAGE_FILE", "AETUI_ARTIFACTS"]
    commands = [line for line in lines if line.startswith("aetui ")]
    assert len(commands) >= 6
    worker = ada.start(commands[0])
    assert commands[0].startswith("aetui worker ")
    out = {}
    for command in commands[1:]:
        name = command.split()[1]
        out[name] = bob(f"{command} {SETTINGS} --set train_limit=500 --epochs 3" if name == "run" else command)
        if name == "run":
            looks = partial(looks_at, storage(), "cae-mnist-5k/0")
            wait_for(lambda looks=looks: looks().state == "complete", "the run to end")
    assert "ada" in out["workers"]
    assert "cae-mnist-5k/0 loss" in out["show"]
    assert (bob.root / "figures" / "report.html").is_file()
    for box in (ada, bob):
        logs = [file for file in box.folder.rglob("*") if file.suffix in (".log", ".out", ".txt", ".json")]
        said = "".join(file.read_text(errors="replace") for file in logs)
        assert "not-shown-anywhere" not in said
    for process in (*ada.processes(), *bob.processes()):
        with suppress(psutil.Error):  # it has ended meanwhile
            assert not any("not-shown-anywhere" in word for word in process.cmdline())
    worker.terminate()


@pytest.mark.slow
def test_a_run_waits_where_the_artifact_store_does_not_answer_and_goes_on_then(
    boxes: tuple[Box, Box, Box], storage: Callable[[], Database]
) -> None:
    ada, bob, _ = boxes
    bob(f"aetui run cae {SMALL} --name e --epochs 3 --queue-only")
    database = storage()
    cut_off = Box("ada", ada.folder, {**ada.environment, "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9"})
    cut_off.start("aetui worker --slots 1")
    # It trains, and waits with its end until others can have its files.
    wait_for(lambda: looks_at(database, "e/0").epoch == 3, "the epochs to be trained")
    assert shown(bob, "e/0")["state"] == "running"
    for process in cut_off.processes():
        with suppress(ProcessLookupError):
            os.kill(process.pid, signal.SIGTERM)
    wait_for(lambda: looks_at(database, "e/0").state == "waiting", "it to be given back")
    waiting = shown(bob, "e/0")
    cut_off.pull_the_plug()
    assert "The artifact store s3://" in str(waiting["reason"])
    assert "goes on by itself" in str(waiting["reason"])
    ada.start("aetui worker --slots 1")
    wait_for(lambda: looks_at(database, "e/0").state == "complete", "it to end")
    assert epochs_of(ada.root / "e/0/metrics.jsonl") == [1, 2, 3]
