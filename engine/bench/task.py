"""What every contender does: the same network, weights, batches and optimizer on the same images."""

from dataclasses import replace
from pathlib import Path

from engine.spec import KeepSpec, ModelSpec, OptimSpec, RunSpec

BATCH_SIZE = 256
DATASET = "mnist-5k"
"""Real digits that come with the packages: the same on every machine, without a download."""
MAX_BATCHES = 15
"""Of its 4,000 training images."""
_ENDLESS = 1_000_000


def task(num_batches: int, threads: int, seed: int, device: str) -> RunSpec:
    """A plain autoencoder of 16, 32, 64 channels and a code of 6, by Adam, ``num_batches`` of 256 images a pass.

    What the others do not do is off: no average of the weights, no schedule, no pictures kept.
    """
    return RunSpec(
        kind="cae",
        dataset=DATASET,
        epochs=_ENDLESS,
        seed=seed,
        device=device,
        threads=threads,
        train_limit=num_batches * BATCH_SIZE,
        model=ModelSpec(latent_dim=6, width=16, depth=3, hidden=32),
        optim=OptimSpec(
            optimizer="adam",
            lr=1e-3,
            schedule="constant",
            batch_size=BATCH_SIZE,
            ema=0.0,
            precision="float32",
            patience=0,
        ),
        keep=KeepSpec(latent_samples=0, latent_epochs=1, image_samples=1),
    )


def with_threads(spec: RunSpec, threads: int) -> RunSpec:
    return replace(spec, threads=threads)


DATA_DIR = Path()
"""Where the images lie that come with the packages: nowhere."""
