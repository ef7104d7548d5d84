"""Runs on the queue for tests of the store, whose configuration nobody trains."""

from store.database import Database
from store.experiments import ensure_experiment
from store.names import RunName
from store.queue import enqueue


def add_run(database: Database, experiment: str = "cae-digits", *, epochs: int = 3, device: str = "auto") -> RunName:
    study_id = ensure_experiment(database, experiment, "cae", "digits")
    spec = {"kind": "cae", "dataset": "digits", "seed": 0, "threads": 1, "model": {"latent_dim": 6}, "optim": {}}
    return enqueue(database, study_id, experiment, spec, device=device, epochs=epochs, user_attrs={"latent_dim": 6})
