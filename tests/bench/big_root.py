"""A root as large as a long year makes it, built in seconds. As a script: the workers that are still at it."""

import json
import math
import random
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Table, insert

from engine.spec import ModelSpec, OptimSpec, RunSpec
from store import clock, queue, schema, workers
from store.database import Database, open_database
from store.experiments import ensure_experiment
from store.metrics import MetricsWriter, encode
from store.names import RunName
from store.paths import Root, RunPaths
from store.records import Claim

LIVE = "live"
"""The experiment in which runs are still trained: the one a screen opens at."""
EPOCHS = 60
STEP_S, EPOCH_S, BEAT_S = 1.0, 10.0, 2.0
"""How often a worker writes a line, ends an epoch (one of MNIST takes twice that on two cores), says that it lives."""
_ENDINGS = ["COMPLETE"] * 17 + ["PRUNED"] * 2 + ["FAIL"]
_WITH_FILES = 60
"""Of the finished runs beside the live ones, so many have metrics, latent codes and a log."""


def build(root: Root, *, num_experiments: int, num_runs: int, num_live: int, storage: str | None = None) -> Database:
    """``num_runs`` in experiments of one size; ``num_live`` of `LIVE` wait for workers."""
    database = open_database(root, storage, create=True)
    names = [LIVE, *(f"sweep-{number:03}" for number in range(1, num_experiments))]
    studies = {name: ensure_experiment(database, name, "cae", "digits") for name in names}
    chance = random.Random(7)
    settings = [_settings(chance) for _ in range(200)]
    trial_id = 0
    with database.write() as connection:
        for place, (name, study_id) in enumerate(studies.items()):
            rows = defaultdict[Table, list[dict[str, Any]]](list)
            count = num_runs // num_experiments + (place < num_runs % num_experiments)
            num_waiting = num_live if name == LIVE else 0
            for number in range(count):
                trial_id += 1
                state = chance.choice(_ENDINGS) if number < count - num_waiting else "WAITING"
                for table, values in _rows(state, settings[trial_id % len(settings)], chance):
                    rows[table].append({"trial_id": trial_id, **values})
                rows[schema.trials][-1] |= {"study_id": study_id, "number": number}
                rows[schema.runs][-1] |= {"study_id": study_id, "position": float(trial_id)}
            for table, lines in rows.items():
                connection.execute(insert(table), lines)
            for number in range(max(0, count - num_waiting - _WITH_FILES), count - num_waiting if num_waiting else 0):
                _write_files(root.run(RunName(name, number)), chance)
    return database


def _settings(chance: random.Random) -> tuple[str, dict[str, str]]:
    """A configuration and the user attributes that a run of it has, both as they are stored."""
    spec = RunSpec(
        kind="cae",
        dataset="digits",
        epochs=EPOCHS,
        model=ModelSpec(latent_dim=chance.randint(2, 16)),
        optim=OptimSpec(optimizer=chance.choice(["adam", "sgd", "adamw"]), lr=10 ** chance.uniform(-4, -1)),
    )
    return json.dumps(spec.as_json()), {key: json.dumps(value) for key, value in spec.user_attrs().items()}


def _rows(
    state: str, settings: tuple[str, dict[str, str]], chance: random.Random
) -> Iterator[tuple[Table, dict[str, Any]]]:
    """What the tables hold of one run, but for its place."""
    spec_json, attributes = settings
    value = 0.02 + 0.1 * chance.random()
    epoch = 0 if state == "WAITING" else EPOCHS if state == "COMPLETE" else chance.randint(1, EPOCHS)
    yield schema.trials, {"state": state}
    yield (
        schema.runs,
        {
            "spec_json": spec_json,
            "device": "cpu",
            "epochs": EPOCHS,
            "epoch": epoch,
            "last_value": value if epoch else None,
            "attempt": 1 if epoch else 0,
            "reason": "RuntimeError: out of luck" if state == "FAIL" else None,
            "host": clock.host() if epoch else None,
            "duration_s": chance.uniform(30, 4000) if epoch else 0.0,
            "test_json": json.dumps({"mse": value, "psnr": 20.0}) if state == "COMPLETE" else None,
        },
    )
    if state in ("COMPLETE", "PRUNED"):
        yield schema.trial_values, {"objective": 0, "value": value, "value_type": "FINITE"}
    for key, setting in attributes.items():
        yield schema.trial_user_attributes, {"key": key, "value_json": setting}


def _write_files(paths: RunPaths, chance: random.Random) -> None:
    paths.latents.mkdir(parents=True)
    lines = []
    for epoch in range(1, EPOCHS + 1):
        lines += [_step_line(epoch, step, chance) for step in range(10)]
        lines.append(_epoch_line(epoch, chance))
    paths.metrics.write_text("".join(map(encode, lines)))
    paths.log.write_text("".join(f"epoch {epoch}: so far, so good\n" for epoch in range(1, 400)))
    centres = np.random.default_rng(7).normal(size=(10, 6)) * 3
    labels = np.arange(2000) % 10
    for epoch in (1, EPOCHS):
        codes = centres[labels] * epoch / EPOCHS + np.random.default_rng(epoch).normal(size=(2000, 6))
        np.savez(paths.latents_of(epoch), codes=codes.astype(np.float16), labels=labels, indices=np.arange(2000))


def _loss(epoch: float, chance: random.Random) -> float:
    return 0.02 + 0.2 * math.exp(-epoch / 8) * (1 + 0.2 * chance.random())


def _step_line(epoch: int, step: int, chance: random.Random) -> dict[str, Any]:
    at = (epoch - 1) * 10 + step
    return {"kind": "step", "epoch": epoch, "step": at, "loss": _loss(at / 10, chance), "time": float(at)}


def _epoch_line(epoch: int, chance: random.Random) -> dict[str, Any]:
    value = _loss(epoch, chance)
    line: dict[str, Any] = {"kind": "epoch", "epoch": epoch, "step": epoch * 10, "lr": 0.001, "time": 10.0 * epoch}
    for part, factor in (("train", 0.9), ("val", 1.0)):
        line |= {f"{part}_loss": value * factor, f"{part}_mse": value * factor}
    return line


class _Training:
    """One worker: writes, reports and beats as real ones do, and computes nothing."""

    def __init__(self, database: Database, number: int) -> None:
        self.worker_id = f"bench-{number}"
        self.chance = random.Random(number)
        workers.register(database, self.worker_id, "cpu", None)
        claim = queue.claim(database, self.worker_id, "cpu")
        assert claim is not None
        self.claim: Claim = claim
        paths = database.root.run(claim.name)
        paths.latents.mkdir(parents=True, exist_ok=True)
        paths.log.write_text("begins\n")
        self.metrics = MetricsWriter(paths.metrics, claim.attempt, lambda: None, [])
        self.log = paths.log
        self.epoch = 0
        for _ in range(20):
            self.end_epoch(database)
        now = time.monotonic() + number / 4
        self.due = {"step": now + STEP_S, "epoch": now + EPOCH_S * (number + 1) / 4, "beat": now + BEAT_S}
        self.step = 0

    def end_epoch(self, database: Database) -> None:
        self.epoch, self.step = self.epoch + 1, 0
        line = _epoch_line(self.epoch, self.chance)
        self.metrics.append(line)
        with self.log.open("a") as log:
            log.write(f"epoch {self.epoch}: {line['val_loss']:.4f}\n")
        queue.report(database, self.claim, self.epoch, line["val_loss"])

    def go_on(self, database: Database) -> None:
        now = time.monotonic()
        due = [what for what, at in self.due.items() if at <= now]
        for what in due:
            self.due[what] += {"step": STEP_S, "epoch": EPOCH_S, "beat": BEAT_S}[what]
        if "step" in due:
            self.metrics.append(_step_line(self.epoch + 1, min(self.step, 9), self.chance))
            self.step += 1
        if "epoch" in due:
            self.end_epoch(database)
        if "beat" in due:
            queue.heartbeat(database, self.claim)
            workers.beat(database, self.worker_id)


def train(root: Root, num_workers: int) -> None:
    """Take ``num_workers`` waiting runs and go on with them until killed; says ``ready`` once all are live."""
    database = open_database(root)
    trainings = [_Training(database, number) for number in range(num_workers)]
    print("ready", flush=True)
    while True:
        for training in trainings:
            training.go_on(database)
        time.sleep(0.05)


if __name__ == "__main__":
    train(Root(Path(sys.argv[1])), int(sys.argv[2]))
