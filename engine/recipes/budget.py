"""How long steps should take on two one-thread workers: what is printed before anything is paid for.

Rough on purpose: measured speeds replace it as soon as a step has runs behind it (see `engine.recipes.progress`).
"""

import math

from engine import catalog
from engine.recipes.steps import Crossval, Evaluate, Importance, Latent, Train, Work
from engine.search import SearchSpec
from engine.spec import ClassifierSpec, RunSpec

NUM_WORKERS = 2
_IMAGES_A_SECOND = 2200.0
"""Trained by one thread of a common server, convolutions of 32-64-128 channels."""
_REFERENCE_WIDTH = 32
_RUN_OVERHEAD_S = 2.0
"""Reading the data set, writing checkpoints, test figures."""
_HELPER_S = 10.0
"""A helper process: mostly the import of torch."""
_ENCODER_SHARE = 0.5
_FROZEN_SHARE = 0.4
_LOOK_SHARE = 1 / 3
"""What an image costs in validation, beside one in training."""
_PRUNED_SHARE = 0.25
"""Runs of a search that are pruned on top of those that complete, as full-length runs."""
_OWN_FILES_IMAGES = 10_000


def run_s(spec: RunSpec) -> float:
    """Seconds of one worker for one run."""
    sizes = catalog.dataset(spec.dataset).sizes
    training, validation = sizes[:2] if any(sizes) else (_OWN_FILES_IMAGES, _OWN_FILES_IMAGES // 10)
    if spec.folds:
        pooled = training + validation
        validation = pooled // spec.folds
        training = pooled - validation
    if spec.train_limit:
        training = min(training, spec.train_limit)
    share = 1.0
    if isinstance(spec.model, ClassifierSpec):
        share = _ENCODER_SHARE if spec.model.freeze == "none" else _FROZEN_SHARE
    # Between the cost of the convolutions (with the square) and that of everything around them.
    share *= math.pow(spec.model.width / _REFERENCE_WIDTH, 1.5)
    images = spec.epochs * (training + _LOOK_SHARE * validation)
    return _RUN_OVERHEAD_S + share * images / _IMAGES_A_SECOND


def step_s(work: Work, crossval_of: RunSpec | None = None) -> float:
    """Its share of the wall-clock of `NUM_WORKERS` workers in seconds, other steps going on beside it: they add up.

    ``crossval_of`` is a run of what a `Crossval` is about.
    """
    match work:
        case Train(plans=plans):
            return sum(run_s(plan.spec) for plan in plans) / NUM_WORKERS
        case SearchSpec(base=base, num_trials=num_trials):
            return run_s(base) * num_trials * (1 + _PRUNED_SHARE) / NUM_WORKERS
        case Crossval(top=top, folds=folds):
            assert crossval_of is not None
            return run_s(crossval_of) * top * (folds + 1) / NUM_WORKERS
        case Evaluate(of=of):
            return _HELPER_S * len(of)
        case Latent(methods=methods):
            return _HELPER_S * len(methods)
        case Importance():
            return 1.0
