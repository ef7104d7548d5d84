"""What a storage takes at 10,000 runs and more, and what 1,000 workers would ask of it: ``make bench`` (minutes).

    python tests/bench/bench_scale.py --runs 10000 100000 --backend postgresql

Runs are made by copying a small root's rows within the database. Each operation is timed alone; throughput is that of
processes which do nothing else. What is said of 1,000 workers is calculated from these numbers.
"""

import argparse
import multiprocessing
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier
from pathlib import Path
from typing import Any

import sqlalchemy
from big_root import build
from sqlalchemy import Connection, Table, event, func, insert, select, text, update

from store import clock, leases, listing, queue, schema, searches, takeover, workers
from store.database import Database, open_database
from store.listing_reader import ListingReader
from store.paths import Root
from store.records import Claim
from tests import postgres
from tests.servers import fresh_database

leases.LEASE_S = takeover.LEASE_S = 86_400.0  # the workers of the other host are silent here, and are to seem alive

BASE = 10_000
NUM_EXPERIMENTS = 40
NUM_RUNNING = NUM_WAITING = 1_000
EPOCHS = 10
HEARTBEAT_S, POLL_S, LOOK_S = 2.0, 0.5, 0.5
EPOCH_S = 10.0
NUM_WORKERS, NUM_SCREENS, NUM_RUNS = 1_000, 10, 10_000_000
_SECONDS = 4.0
_PARTIAL = "CREATE INDEX bench_unfinished ON trials (state, trial_id) WHERE state IN ('WAITING', 'RUNNING')"


@dataclass(frozen=True)
class Cost:
    """Of one operation: milliseconds, and queries (BEGIN and COMMIT not counted)."""

    ms: float
    least_ms: float
    queries: float


@contextmanager
def fresh(backend: str) -> Iterator[tuple[Root, str | None]]:
    with tempfile.TemporaryDirectory(prefix="aetui-scale-") as folder:
        root = Root(Path(folder) / "runs")
        if backend == "sqlite":
            yield root, None
            return
        binaries = postgres.find_binaries()
        if binaries is None:
            raise SystemExit("PostgreSQL is not installed here (Debian: postgresql)")
        with (
            tempfile.TemporaryDirectory(prefix="aetui-postgres-") as data,
            postgres.server(Path(data), binaries) as address,
        ):
            yield root, fresh_database(address)


def fill(database: Database, num_runs: int) -> None:
    """Copy the rows that are there, all of whose runs are at an end, until there are ``num_runs`` (a power of ten)."""
    with database.engine.begin() as connection:
        while (there := _count(connection, schema.trials)) < num_runs:
            num_studies = _count(connection, schema.studies)
            for number in range(1, min(10, num_runs // there)):
                _copy(connection, number, there, num_studies)
        steps = " UNION ALL ".join(f"SELECT {step} AS step" for step in range(1, EPOCHS + 1))
        connection.execute(
            text(
                "INSERT INTO trial_intermediate_values (trial_id, step, intermediate_value, intermediate_value_type) "
                f"SELECT trial_id, step, 0.05, 'FINITE' FROM aetui_runs, ({steps}) AS s"
            )
        )
        if connection.dialect.name == "postgresql":
            for table, key in (("trials", "trial_id"), ("studies", "study_id")):
                sequence = f"pg_get_serial_sequence('{table}', '{key}')"
                connection.execute(text(f"SELECT setval({sequence}, (SELECT max({key}) FROM {table}))"))


def _copy(connection: Connection, number: int, num_runs: int, num_studies: int) -> None:
    shift = {"trial_id": number * num_runs, "study_id": number * num_studies, "position": number * num_runs}
    for table in (
        *(schema.studies, schema.study_user_attributes, schema.study_directions),
        *(schema.trials, schema.runs, schema.trial_values, schema.trial_user_attributes),
    ):
        columns = [column for column in table.columns if column.name in shift or not column.primary_key]
        names = ", ".join(column.name for column in columns)
        values = ", ".join(
            f"{column.name} + {shift[column.name]}"
            if column.name in shift
            else f"{column.name} || '-{number}-{num_runs}'"
            if column.name == "study_name"
            else column.name
            for column in columns
        )
        key = "trial_id" if "trial_id" in table.columns else "study_id"
        most = num_runs if key == "trial_id" else num_studies
        connection.execute(
            text(f"INSERT INTO {table.name} ({names}) SELECT {values} FROM {table.name} WHERE {key} <= {most}")
        )


def _count(connection: Connection, table: Table) -> int:
    return int(connection.execute(select(func.count()).select_from(table)).scalar_one())


def let_run(database: Database) -> None:
    """Let the newest runs run on another host, and those before them wait."""
    with database.engine.begin() as connection:
        now = clock.now(connection)
        newest = connection.execute(
            select(schema.trials.c.trial_id).order_by(schema.trials.c.trial_id.desc()).limit(NUM_RUNNING + NUM_WAITING)
        ).scalars()
        ids = list(newest)
        process = {"host": "elsewhere", "pid": 1, "pid_started": 1.0, "heartbeat_at": now}
        for state, some in (("RUNNING", ids[:NUM_RUNNING]), ("WAITING", ids[NUM_RUNNING:])):
            connection.execute(update(schema.trials).where(schema.trials.c.trial_id.in_(some)).values(state=state))
        connection.execute(
            insert(schema.leases),
            [
                {"trial_id": trial_id, "attempt": 1, "worker_id": f"w{trial_id}", "claimed_at": now, **process}
                for trial_id in ids[:NUM_RUNNING]
            ],
        )
        connection.execute(
            insert(schema.workers),
            [
                {"worker_id": f"w{trial_id}", "device": "cpu", "started_at": now, **process}
                for trial_id in ids[:NUM_RUNNING]
            ],
        )
    if database.engine.dialect.name == "postgresql":
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    else:
        with database.engine.begin() as connection:
            connection.execute(text("ANALYZE"))


def timed(database: Database, operation: Callable[[], object], times: int = 30) -> Cost:
    num_queries = 0

    def count(*_arguments: object) -> None:
        nonlocal num_queries
        num_queries += 1

    operation()
    event.listen(database.engine, "before_cursor_execute", count)
    took = []
    for _ in range(times):
        began = time.perf_counter()
        operation()
        took.append(1000 * (time.perf_counter() - began))
    event.remove(database.engine, "before_cursor_execute", count)
    return Cost(statistics.median(took), min(took), num_queries / times)


def costs(database: Database) -> dict[str, Cost]:
    """Of everything that a worker, a supervisor and a screen do again and again."""
    workers.register(database, "bench@cpu", "cpu", None)
    claims: list[Claim] = []

    def claim() -> None:
        claims.append(_claimed(database))

    found = {
        "claim (`requeue_dead` in it)": timed(database, claim),
        "requeue_dead": timed(database, lambda: takeover.requeue_dead(database), 10),
    }
    held, epochs = claims[0], iter(range(1, 100_000))
    reader = ListingReader(database)
    for _ in range(2):
        reader.read(None)

    def look_after_change() -> None:
        queue.report(database, held, next(epochs), 0.5)
        reader.read(None)

    found |= {
        "report": timed(database, lambda: queue.report(database, held, next(epochs), 0.5)),
        "check_lease": timed(database, lambda: leases.check_lease(database, held)),
        "heartbeat": timed(database, lambda: queue.heartbeat(database, held)),
        "beat": timed(database, lambda: workers.beat(database, "bench@cpu")),
        "finish": timed(database, lambda: queue.finish(database, claims.pop(), "COMPLETE", value=0.5), 10),
        "queue_length": timed(database, lambda: listing.queue_length(database), 10),
        "num_running": timed(database, lambda: listing.num_running(database), 10),
        "num_wanted": timed(database, lambda: searches.num_wanted(database), 10),
        "workers": timed(database, lambda: workers.workers(database), 10),
        "change_token": timed(database, lambda: listing.change_token(database)),
        "screen, nothing new": timed(database, lambda: reader.read(None), 10),
        "screen, after a report (the report in it)": timed(database, look_after_change, 10),
        "experiments (`aetui ls`)": timed(database, lambda: listing.experiments(database), 3),
    }
    return found


def _claimed(database: Database) -> Claim:
    claim = queue.claim(database, "bench@cpu", "cpu")
    assert claim is not None
    return claim


def _work(
    root: Path, storage: str | None, what: str, number: int, results: "multiprocessing.Queue[int]", barrier: Barrier
) -> None:
    database = open_database(Root(root), storage)
    worker_id = f"busy-{number}@cpu"
    workers.register(database, worker_id, "cpu", None)
    claim = queue.claim(database, worker_id, "cpu")
    assert claim is not None
    done = 0
    barrier.wait()
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        done += 1
        match what:
            case "report":
                queue.report(database, claim, done, 0.5)
            case "heartbeat":
                queue.heartbeat(database, claim)
            case "poll":
                takeover.requeue_dead(database)
            case "claim and give back":
                queue.give_back(database, claim)
                claim = queue.claim(database, worker_id, "cpu")
                assert claim is not None
    results.put(done)


def throughput(database: Database, what: str, num_processes: int) -> float:
    """Operations a second of so many processes at once."""
    context = multiprocessing.get_context("spawn")
    results: multiprocessing.Queue[int] = context.Queue()
    barrier = context.Barrier(num_processes)
    arguments = (database.root.path, database.storage, what)
    processes = [context.Process(target=_work, args=(*arguments, n, results, barrier)) for n in range(num_processes)]
    for process in processes:
        process.start()
    done = sum(results.get(timeout=300) for _ in processes)
    for process in processes:
        process.join()
    trials, leases = schema.trials, schema.leases
    with database.engine.begin() as connection:  # for the next ones
        theirs = select(leases.c.trial_id).where(leases.c.worker_id.like("busy-%"))
        connection.execute(update(trials).where(trials.c.trial_id.in_(theirs)).values(state="WAITING"))
        for table in (leases, schema.workers):
            connection.execute(table.delete().where(table.c.worker_id.like("busy-%")))
    return done / _SECONDS


def bytes_a_run(database: Database, num_runs: int) -> dict[str, float]:
    """By table, its indices included."""
    if database.engine.dialect.name == "sqlite":
        with database.engine.begin() as connection:
            pages = int(connection.execute(text("PRAGMA page_count")).scalar_one())
            return {"all": pages * int(connection.execute(text("PRAGMA page_size")).scalar_one()) / num_runs}
    with database.read() as connection:
        names = sqlalchemy.inspect(connection).get_table_names()
        sizes = {
            name: int(connection.execute(text(f"SELECT pg_total_relation_size('{name}')")).scalar_one())
            for name in names
        }
    return {name: size / num_runs for name, size in sorted(sizes.items(), key=lambda item: -item[1]) if size > num_runs}


def explain(database: Database) -> None:
    """How the database finds what waits."""
    asked: list[tuple[str, Any]] = []

    def remember(_connection: object, _cursor: object, statement: str, parameters: object, *_rest: object) -> None:
        asked.append((statement, parameters))

    event.listen(database.engine, "before_cursor_execute", remember)
    _claimed(database)
    event.remove(database.engine, "before_cursor_execute", remember)
    query = next(each for each in asked if "position" in each[0] and "LIMIT" in each[0])
    is_postgres = database.engine.dialect.name == "postgresql"
    how = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF)" if is_postgres else "EXPLAIN QUERY PLAN"
    with database.read() as connection:
        for row in connection.exec_driver_sql(f"{how} {query[0]}", query[1]):
            print(f"      {row[-1]}")


def calculate(found: dict[str, Cost], bytes_of_run: float, ceiling: float, num_runs: int) -> None:
    """1,000 workers, all of them busy, or all of them idle; what each asks by itself, from the counts above."""
    busy = {
        "beat": NUM_WORKERS / HEARTBEAT_S,
        "heartbeat": NUM_WORKERS / HEARTBEAT_S,
        "check_lease": 3 * NUM_WORKERS / EPOCH_S,
        "report": NUM_WORKERS / EPOCH_S,
        "screen, nothing new": NUM_SCREENS / LOOK_S,
    }
    idle = {
        "beat": NUM_WORKERS / HEARTBEAT_S,
        "requeue_dead": 2 * NUM_WORKERS / POLL_S,
        "queue_length": NUM_WORKERS / POLL_S,  # for the query that finds what waits, and nothing
        "num_wanted": NUM_WORKERS / POLL_S,
    }
    for title, rates in (("busy", busy), ("idle, a thousand other runs going on", idle)):
        queries = sum(rate * found[what].queries for what, rate in rates.items())
        seconds = sum(rate * found[what].ms / 1000 for what, rate in rates.items())
        told = f"{queries:,.0f} queries a second, which take {seconds:,.1f} s one after the other"
        print(f"    {NUM_WORKERS:,} workers {title}: {told}")
    print(f"    reports {busy['report']:,.0f} a second of {ceiling:,.0f} that were reached")
    print(f"    {NUM_RUNS:,} runs of {EPOCHS} epochs: {NUM_RUNS * bytes_of_run / 1e9:,.0f} GB (from {num_runs:,})")


def measure(backend: str, num_runs: int, counts: Sequence[int]) -> None:
    with fresh(backend) as (root, storage):
        if storage is not None:
            open_database(root, storage, create=True).close()
        began = time.perf_counter()
        database = build(root, num_experiments=NUM_EXPERIMENTS, num_runs=BASE, num_live=0, storage=storage)
        fill(database, num_runs)
        let_run(database)
        print(f"\n{backend}, {num_runs:,} runs (made in {time.perf_counter() - began:.0f} s)", flush=True)
        sizes = bytes_a_run(database, num_runs)
        told = ", ".join(f"{name} {size:,.0f}" for name, size in sizes.items())
        print(f"    {sum(sizes.values()):,.0f} bytes a run: {told}")
        found = costs(database)
        _show(found)
        explain(database)
        ceiling = 0.0
        for what in ("report", "heartbeat", "poll", "claim and give back"):
            speeds = [throughput(database, what, count) for count in counts]
            if what == "report":
                ceiling = max(speeds)
            told = ", ".join(f"{count}: {speed:,.0f}" for count, speed in zip(counts, speeds, strict=True))
            print(f"    {what} a second, by processes at once: {told}", flush=True)
        calculate(found, sum(sizes.values()), ceiling, num_runs)
        with database.engine.begin() as connection:
            connection.execute(text(_PARTIAL))
        print("    with an index of the unfinished runs:")
        _show(costs_of_finding(database))
        database.close()


def costs_of_finding(database: Database) -> dict[str, Cost]:
    """What looks for the few that are not at their end among all."""
    return {
        "claim (`requeue_dead` in it)": timed(database, lambda: _claimed(database), 20),
        "requeue_dead": timed(database, lambda: takeover.requeue_dead(database), 10),
        "queue_length": timed(database, lambda: listing.queue_length(database), 10),
        "num_running": timed(database, lambda: listing.num_running(database), 10),
    }


def _show(found: dict[str, Cost]) -> None:
    for name, cost in found.items():
        print(
            f"    {name:<42} {cost.ms:>9.2f} ms (least {cost.least_ms:,.2f})  {cost.queries:>5.1f} queries", flush=True
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="10,000 runs")
    parser.add_argument("--runs", type=int, nargs="+", default=[10_000, 100_000], help="powers of ten from 10,000 on")
    parser.add_argument("--backend", choices=("sqlite", "postgresql"), action="append", help="repeatable [both]")
    parser.add_argument("--processes", type=int, nargs="+", default=[1, 4, 16], help="that work at once")
    options = parser.parse_args()
    for backend in options.backend or ["sqlite", "postgresql"]:
        for num_runs in [BASE] if options.quick else options.runs:
            measure(backend, num_runs, options.processes)


if __name__ == "__main__":
    main()
