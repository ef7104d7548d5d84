"""What every contender does: the same network, weights, batches and optimizer on the same images."""

from pathlib import Path

from engine.spec import KeepSpec, ModelSpec, OptimSpec, RunSpec

BATCH_SIZE = 256
DATASET = "mnist-5k"
"""Real digits that come with the packages: the same on every machine, without a download."""
DATA_DIR = Path()
"""Where they lie: in no folder."""
MAX_BATCHES = 15
"""Of its 4,000 training images."""
WIDTH, DEPTH, HIDDEN = 16, 3, 32
"""16, 32, 64 channels; with fully connected layers that small, 7.1 MFLOP an image forward and backward."""
_ENDLESS = 1_000_000


def task(num_batches: int, threads: int, seed: int, device: str) -> RunSpec:
    """A plain autoencoder with a code of 6, by Adam, ``num_batches`` of 256 images a pass.

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
        model=ModelSpec(latent_dim=6, width=WIDTH, depth=DEPTH, hidden=HIDDEN),
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
