"""The command lines that produce a recipe's numbers one by one."""

import shlex
from collections.abc import Sequence

from engine import catalog
from engine.recipes.hand_picked import hand_picked
from engine.recipes.steps import Crossval
from engine.search import SearchSpec
from engine.space import reference_space
from engine.spec import RunSpec
from store.names import RunName


def train(spec: RunSpec, experiment: str) -> str:
    """``aetui run`` for this configuration; settings that are the kind's defaults are left out."""
    words = ["aetui", "run", spec.kind, *_common(spec, experiment)]
    if spec.start_from is not None:
        words += ["--from", spec.start_from]
    return shlex.join(words + _settings(spec))


def search(work: SearchSpec, experiment: str) -> str:
    base = work.base
    words = ["aetui", "search", base.kind, *_common(base, experiment), "--trials", str(work.num_trials)]
    words += ["--sampler", work.sampler, "--pruner", work.pruner]
    ours = hand_picked(work.space) if work.space == reference_space() else ()
    if work.first != ours and list(work.first) == list(ours[: len(work.first)]):
        words += ["--first", str(len(work.first))]
    for key, least in work.at_least.items():
        words += ["--at-least", f"{key}={least}"]
    return shlex.join(words + _settings(base))


def cross_validate(work: Crossval, experiment: str) -> str:
    return shlex.join(["aetui", "crossval", experiment, "--top", str(work.top), "--folds", str(work.folds)])


def evaluate(run: RunName, noise: Sequence[str] = ()) -> str:
    return shlex.join(["aetui", "evaluate", str(run), *(word for each in noise for word in ("--noise", each))])


def latent(run: RunName, method: str) -> str:
    return shlex.join(["aetui", "latent", str(run), "--split", "test", "--method", method])


def _common(spec: RunSpec, experiment: str) -> list[str]:
    words = ["--dataset", spec.dataset, "--name", experiment, "--epochs", str(spec.epochs)]
    words += ["--seed", str(spec.seed), "--threads", str(spec.threads)]
    return words if spec.device == "auto" else [*words, "--device", spec.device]


def _settings(spec: RunSpec) -> list[str]:
    plain = RunSpec(kind=spec.kind, dataset=spec.dataset, epochs=1, model=catalog.kind(spec.kind).spec()).settings()
    changed = {key: value for key, value in spec.settings().items() if value != plain[key]}
    return [word for key, value in changed.items() for word in ("--set", f"{key}={value}")]
