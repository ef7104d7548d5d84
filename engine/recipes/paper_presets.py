"""What the reference study spends: `quick` shows every step in minutes, `full` is the study on all of MNIST."""

from dataclasses import dataclass
from typing import Literal

from engine import catalog

Preset = Literal["quick", "full"]


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a preset spends. Epochs and images of the search are cut first: it only has to rank configurations."""

    dataset: str
    width: int
    depth: int
    batch_size: int
    num_trials: int
    num_first: int
    at_least: int
    search_epochs: int
    search_limit: int
    train_limit: int
    cae_epochs: int
    dae_epochs: int
    dae_single_epochs: int
    vae_epochs: int
    classifier_epochs: int
    frozen_epochs: int
    frozen_batch_size: int
    few_labels_epochs: int
    candidate_epochs: int
    candidate_limit: int
    top: int
    folds: int
    latent_limit: int


QUICK = Scale(
    dataset=catalog.DEFAULT_DATASET,
    width=12,
    depth=2,
    batch_size=64,
    num_trials=8,
    num_first=6,
    at_least=2,
    search_epochs=3,
    search_limit=1000,
    train_limit=4000,
    cae_epochs=40,
    dae_epochs=20,
    dae_single_epochs=10,
    vae_epochs=20,
    classifier_epochs=8,
    frozen_epochs=8,
    frozen_batch_size=64,
    few_labels_epochs=8,
    candidate_epochs=4,
    candidate_limit=4000,
    top=2,
    folds=3,
    latent_limit=500,
)

FULL = Scale(
    dataset="mnist",
    width=32,
    depth=3,
    batch_size=128,
    num_trials=40,
    num_first=12,
    at_least=8,
    search_epochs=6,
    search_limit=10_000,
    train_limit=0,
    cae_epochs=50,
    dae_epochs=24,
    dae_single_epochs=12,
    vae_epochs=24,
    classifier_epochs=15,
    frozen_epochs=10,
    frozen_batch_size=512,
    few_labels_epochs=60,
    candidate_epochs=6,
    candidate_limit=20_000,
    top=5,
    folds=5,
    latent_limit=5000,
)

PRESETS: dict[str, Scale] = {"quick": QUICK, "full": FULL}
