"""Running out of memory, in this process, in the kernel's eyes, and over and over."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from sqlalchemy import insert

from engine import catalog, jobs
from engine.memory import out_of_memory
from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.spec import RunSpec
from store import clock, listing, queue, schema, takeover
from store.database import Database
from store.memory import OomWatch
from store.names import RunName
from store.records import Run, RunState
from tests import own_kinds
from tests.faults.undisturbed import short_spec
from tests.live import small_spec, wait_for
from tests.queued import add_run

_TRAINS_IN_LITTLE = """
import resource, sys
from pathlib import Path
import psutil
import engine.training.fit
from engine import jobs
from store.database import open_database
from store.paths import Root
most = psutil.Process().memory_info().vms + 300 * 2**20
resource.setrlimit(resource.RLIMIT_AS, (most, most))
jobs.run_inline(open_database(Root(Path(sys.argv[1]))))
"""


def test_a_batch_that_does_not_fit_is_told_with_the_half_of_it(database: Database) -> None:
    spec = small_spec(epochs=1, batch_size="1200", width="128", train_limit="0")
    name = jobs.enqueue(database, spec, "large")
    done = subprocess.run(
        [sys.executable, "-c", _TRAINS_IN_LITTLE, database.root.path], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    found = listing.run(database, name)
    assert (found.state, found.attempt) == (RunState.FAILED, 1)
    assert found.reason == (
        "out of memory on cpu: its batch_size is 1200: try --set batch_size=600, or a smaller model"
    )
    assert "Traceback" in database.root.run(name).log.read_text()


def test_a_gpu_that_is_full_is_told_the_same_way_and_half_of_it_trains(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch_losses = ConvolutionalAutoencoder.batch_losses

    def on_a_small_card(self: ConvolutionalAutoencoder, inputs: torch.Tensor, *rest: object) -> object:
        if self.training and len(inputs) > 40:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...")
        return batch_losses(self, inputs, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(ConvolutionalAutoencoder, "batch_losses", on_a_small_card)
    names = [jobs.enqueue(database, short_spec(epochs=1, batch_size=size), "card") for size in ("64", "32")]
    jobs.run_inline(database)
    large, half = (listing.run(database, name) for name in names)
    assert (large.state, large.attempt) == (RunState.FAILED, 1)
    assert "try --set batch_size=32" in (large.reason or "")
    assert half.state is RunState.COMPLETE


@pytest.mark.parametrize(
    ("error", "is_it"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory."), True),
        (RuntimeError("[enforce fail at alloc_cpu.cpp:117] DefaultCPUAllocator: can't allocate memory: you ..."), True),
        (RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"), True),
        (RuntimeError("could not create a primitive"), True),
        (RuntimeError("mat1 and mat2 shapes cannot be multiplied"), False),
        (OSError("no"), False),
    ],
)
def test_what_counts_as_out_of_memory(error: Exception, is_it: bool) -> None:
    assert (out_of_memory(error, "cpu", small_spec().as_json()) is not None) is is_it


def test_where_not_even_torch_can_be_loaded_a_smaller_batch_is_no_help() -> None:
    error = ImportError("/lib/torch/_C.so: failed to map segment from shared object")
    said = out_of_memory(error, "cpu", small_spec().as_json())
    assert said == "out of memory on cpu before its training began: resume it once others here need less"
    assert out_of_memory(ImportError("No module named 'torch'"), "cpu", small_spec().as_json()) is None


def test_of_a_single_image_there_is_no_half() -> None:
    said = out_of_memory(MemoryError(), "cuda:0", small_spec(batch_size="1").as_json())
    assert said == "out of memory on cuda:0: try a smaller model"


def die_as_a_worker(database: Database) -> None:
    """A process enters itself, claims, and is killed."""
    process = subprocess.Popen(["sleep", "100"])
    with database.write() as connection:
        now = clock.now(connection)
        connection.execute(
            insert(schema.workers).values(
                worker_id=f"{process.pid}@cpu",
                host=clock.host(),
                pid=process.pid,
                pid_started=clock.process_started(process.pid),
                device="cpu",
                started_at=now,
                heartbeat_at=now,
            )
        )
    assert queue.claim(database, f"{process.pid}@cpu", "cpu") is not None
    assert takeover.requeue_dead(database) == []
    process.kill()
    process.wait()


@pytest.mark.parametrize("is_kernel", [True, False])
def test_the_kernels_kills_for_lack_of_memory_are_told_apart(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_kernel: bool
) -> None:
    counters = tmp_path / "vmstat"
    counters.write_text("nr_free_pages 5\noom_kill 4\n")
    monkeypatch.setattr(takeover, "oom_watch", OomWatch(counters))
    name = add_run(database)
    for _ in range(takeover.MAX_TRIES):
        assert not listing.run(database, name).state.is_finished
        die_as_a_worker(database)
        if is_kernel:
            counters.write_text(f"nr_free_pages 5\noom_kill {5 + listing.run(database, name).attempt}\n")
        assert takeover.requeue_dead(database) == [name]
        assert ("out of memory" in (listing.run(database, name).reason or "")) is is_kernel
    found = listing.run(database, name)
    assert found.state is RunState.FAILED
    assert found.reason is not None
    assert "died 3 times without finishing an epoch" in found.reason
    assert found.reason.endswith(f": see {database.root.run(name).log}")


@pytest.fixture
def deadly(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A kind of a user's own, installed, that kills each worker that is to train it."""
    own_kinds.install(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    catalog.kinds.cache_clear()
    yield "deadly"
    catalog.kinds.cache_clear()


@pytest.mark.timeout(180)
def test_a_run_that_kills_its_workers_is_given_up_and_the_next_one_trained(database: Database, deadly: str) -> None:
    model = catalog.kind(deadly).spec()
    bad = jobs.enqueue(database, RunSpec(kind=deadly, dataset="digits", epochs=1, device="cpu", model=model))
    good = jobs.enqueue(database, short_spec(epochs=1))
    jobs.ensure_workers(database, slots=1)

    def found(name: RunName) -> Run:
        return listing.run(database, name)

    wait_for(lambda: found(good).state.is_finished, "the end of the good run", 170)
    assert found(good).state is RunState.COMPLETE
    assert (found(bad).state, found(bad).attempt) == (RunState.FAILED, takeover.MAX_TRIES)
    assert str(database.root.run(bad).log) in (found(bad).reason or "")
    assert "attempt 3 on cpu" in database.root.run(bad).log.read_text()
