"""``crossval`` with real workers."""

import json
import signal
from collections.abc import Callable
from contextlib import closing

import pytest

from engine import crossval
from store import listing, queue, workers
from store.database import Database, open_database
from store.names import RunName
from store.paths import Root
from tests.cli.command_line import TINY, CommandLine
from tests.cli.test_cli_requests import assert_one_sentence
from tests.live import epochs_of, wait_for


@pytest.fixture(scope="module")
def validated(make_command_line: Callable[[], CommandLine]) -> CommandLine:
    """A root with two complete configurations."""
    aetui = make_command_line()
    for setting in ("lr=0.01", "lr=0.001"):
        assert aetui("run", "cae", *TINY, "--epochs", "2", "--set", setting).status == 0
    return aetui


def test_the_folds_stand_beside_their_hold_out(validated: CommandLine) -> None:
    said = validated("crossval", "cae-digits", "--top", "1", "--folds", "2", "--json")
    assert said.status == 0
    found = said.json()
    assert (found["experiment"], found["of"], found["folds"]) == ("cae-digits-crossval", "cae-digits", 2)
    (configuration,) = found["configurations"]
    runs = validated("ls", "cae-digits", "--json").json()
    best = min(runs, key=lambda run: run["value"])
    assert configuration["origin"] == best["run"]
    assert configuration["origin_value"] == best["value"]
    folds = validated("ls", "cae-digits-crossval", "--json").json()
    assert [run["state"] for run in folds] == ["complete"] * 3
    values = [run["value"] for run in folds]
    assert len(set(values)) == 3  # other images, other errors
    assert [fold["value"] for fold in configuration["folds"]] == values[:2]
    mean = sum(values[:2]) / 2
    assert configuration["mean"] == pytest.approx(mean)
    assert configuration["difference_percent"] == pytest.approx(100 * (values[2] - mean) / mean)


def test_again_it_trains_only_what_is_missing_and_prints_the_table(validated: CommandLine) -> None:
    before = validated("crossval", "cae-digits", "--top", "1", "--folds", "2", "--json").json()
    said = validated("crossval", "cae-digits", "--top", "2", "--folds", "2")
    assert said.status == 0
    assert "3 runs queued, 3 were there" in said.err
    head, first, second = said.out.splitlines()
    assert head.split() == [
        *("configuration", "of", "value", "fold", "0", "fold", "1"),
        "mean",
        "std",
        "hold-out",
        "difference",
    ]
    assert first.startswith(before["configurations"][0]["origin"])
    assert second.endswith("%")
    assert len(validated("ls", "cae-digits-crossval", "--json").json()) == 6


@pytest.mark.timeout(300)
def test_ctrl_c_stops_it_and_again_it_goes_on(aetui: CommandLine) -> None:
    # Long enough not to end by itself before a worker hears of the stop, at its next heartbeat.
    assert aetui("run", "cae", *TINY, "--epochs", "80", "--set", "patience=0", "--queue-only").status == 0
    with closing(open_database(Root(aetui.root))) as database:
        end_untrained(database, "cae-digits/0", 0.1)
        crossval.queue_missing(database, "cae-digits", top=1, folds=2)
        for number in (1, 2):  # one fold is enough to be stopped: of the others only their values are asked for
            end_untrained(database, f"cae-digits-crossval/{number}", 0.1 * number)
    process = aetui.start("crossval", "cae-digits", "--top", "1", "--folds", "2", "--json")
    metrics = aetui.root / "cae-digits-crossval" / "0" / "metrics.jsonl"
    wait_for(lambda: metrics.is_file() and epochs_of(metrics), "an epoch of cae-digits-crossval/0")
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert json.loads(out)["configurations"][0]["mean"] is None
    assert "aetui resume cae-digits-crossval/0" in err
    stopped = aetui("show", "cae-digits-crossval/0", "--json").json()
    said = aetui("crossval", "cae-digits", "--top", "1", "--folds", "2", "--json")
    assert said.status == 0
    (configuration,) = said.json()["configurations"]
    assert configuration["folds"][0]["run"] != "cae-digits-crossval/0"
    resumed = aetui("show", configuration["folds"][0]["run"], "--json").json()
    assert epochs_of(aetui.root / resumed["run"] / "metrics.jsonl")[-1] == 80
    assert stopped["state"] == "stopped"
    assert configuration["difference_percent"] is not None


def end_untrained(database: Database, run: str, value: float) -> None:
    workers.register(database, "here@cpu", "cpu", None)
    trial_id = listing.run(database, RunName.parse(run)).trial_id
    with database.write() as connection:
        claim = queue.take(connection, trial_id, "here@cpu", "cpu")
    assert claim is not None
    queue.finish(database, claim, "COMPLETE", value=value)
    workers.unregister(database, "here@cpu")


@pytest.mark.parametrize(
    "line", ["nope", "../x", "cae-digits --folds 1", "cae-digits --top 0", "cae-digits --folds 101"]
)
def test_wrong_requests(validated: CommandLine, line: str) -> None:
    before = validated.listed()
    assert_one_sentence(validated("crossval", *line.split()))
    assert validated.listed() == before


def test_a_fresh_root_is_not_made(aetui: CommandLine) -> None:
    assert_one_sentence(aetui("crossval", "cae-digits"))
    assert not aetui.root.exists()


def test_detached_it_only_queues(validated: CommandLine) -> None:
    said = validated("crossval", "cae-digits", "--top", "1", "--folds", "3", "--detach")
    assert said.status == 0
    assert "aetui crossval cae-digits" in said.out
    assert len(validated("ls", "cae-digits-crossval", "--json").json()) == 10
