"""A root with runs in every state, made through the store's own calls; no training."""

import math
from collections.abc import Callable

import numpy as np

from engine.spec import ModelSpec, RunSpec, VariationalSpec
from store import control, queue
from store.artifacts import replaced
from store.database import Database
from store.experiments import ensure_experiment
from store.metrics import MetricsWriter
from store.names import RunName
from store.paths import RunPaths

WORKER = "here@cpu"
NUM_CODES = 400


def add_run(
    database: Database,
    experiment: str,
    state: str,
    *,
    kind: str = "cae",
    epochs: int = 10,
    done: int = 0,
    log: str = "begins\n",
    loss: Callable[[int], float] = lambda epoch: 0.2 * math.exp(-epoch / 4) + 0.02,
    latent_dim: int = 6,
) -> RunName:
    """A run that has got through ``done`` epochs and is now ``state``. The next in the queue must be this one."""
    study = ensure_experiment(database, experiment, kind, "digits")
    model = (VariationalSpec if kind == "vae" else ModelSpec)(latent_dim=latent_dim)
    spec = RunSpec(kind=kind, dataset="digits", epochs=epochs, model=model)
    name = queue.enqueue(database, study, experiment, spec.as_json(), device="cpu", epochs=epochs, user_attrs={})
    if state == "held":
        control.pause(database, name)
    if state in ("held", "waiting"):
        return name
    claim = queue.claim(database, WORKER, "cpu")
    assert claim is not None
    assert claim.name == name, "runs that wait come last"
    paths = database.root.run(name)
    paths.latents.mkdir(parents=True)
    paths.log.write_text(log)
    with MetricsWriter(paths.metrics, claim.attempt, lambda: None, []) as metrics:
        for epoch in range(1, done + 1):
            metrics.append({"kind": "step", "epoch": epoch, "step": epoch, "loss": 0.3 / epoch, "time": epoch})
            value = loss(epoch)
            metrics.append(epoch_line(epoch, value, kind))
            queue.report(database, claim, epoch, value)
            write_codes(paths, epoch, latent_dim)
    if state == "complete":
        queue.finish(database, claim, "COMPLETE", value=loss(done), test={"mse": 0.0321})
    elif state == "stopped":
        queue.finish(database, claim, "PRUNED", value=loss(done), was_stopped=True)
    elif state == "failed":
        queue.finish(database, claim, "FAIL", reason="RuntimeError: out of luck")
    return name


def epoch_line(epoch: int, value: float, kind: str = "cae") -> dict[str, object]:
    line: dict[str, object] = {"kind": "epoch", "epoch": epoch, "step": 7 * epoch, "lr": 0.001, "time": 20.0 * epoch}
    for part, factor in (("train", 0.9), ("val", 1.0)):
        line |= {f"{part}_loss": value * factor, f"{part}_mse": value * factor}
        if kind == "vae":
            line[f"{part}_kl"] = 10.0 + epoch
    return line


def write_codes(paths: RunPaths, epoch: int, latent_dim: int) -> None:
    """Four classes, each around a place of its own that it moves to as the epochs go."""
    random = np.random.default_rng(7)
    labels = np.arange(NUM_CODES) % 4
    places = random.normal(size=(4, latent_dim)) * 4
    codes = places[labels] * (1 - 0.5**epoch) + random.normal(size=(NUM_CODES, latent_dim)) * 0.5
    paths.latents.mkdir(parents=True, exist_ok=True)
    with replaced(paths.latents_of(epoch), 1, lambda: None) as aside, aside.open("wb") as file:
        np.savez(file, codes=codes.astype(np.float16), labels=labels, indices=np.arange(NUM_CODES))
