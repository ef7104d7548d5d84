"""Optuna and its dashboard open the database while workers write."""

import json
import socket
import subprocess
import sys
import urllib.request

import optuna
import pytest

from engine import jobs
from store import listing
from store.database import Database
from tests.live import small_spec, wait_for


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_load_study_and_the_dashboard_read_while_workers_write(database: Database) -> None:
    pytest.importorskip("optuna_dashboard", reason="optuna-dashboard is in the dev extra")
    name = jobs.enqueue(database, small_spec(epochs=10_000))
    jobs.enqueue(database, small_spec(epochs=2))
    jobs.ensure_workers(database, slots=2)
    wait_for(lambda: listing.run(database, name).epoch >= 2, "two epochs")
    address = f"sqlite:///{database.root.database}"

    study = optuna.load_study(study_name=name.experiment, storage=address)
    trial = study.trials[0]
    assert trial.state is optuna.trial.TrialState.RUNNING
    assert len(trial.intermediate_values) >= 2
    assert trial.user_attrs["latent_dim"] == 2

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    code = "from optuna_dashboard._cli import main; main()"
    command = [sys.executable, "-c", code, address, "--host", "127.0.0.1", "--port", str(port)]
    dashboard = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        studies = wait_for(lambda: _get(port, "/api/studies"), "the dashboard")
        (summary,) = studies["study_summaries"]
        assert summary["study_name"] == name.experiment
        detail = wait_for(lambda: _get(port, f"/api/studies/{summary['study_id']}?after=0"), "its study")
        live = next(trial for trial in detail["trials"] if trial["number"] == name.number)
        assert live["state"] == "Running"
        reached = listing.run(database, name).epoch
        wait_for(lambda: listing.run(database, name).epoch > reached, "the worker to go on")
    finally:
        dashboard.kill()
        dashboard.wait()


def _get(port: int, path: str) -> dict[str, list[dict[str, object]]] | None:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=10) as answer:
            return dict(json.load(answer))
    except OSError:
        return None
