"""The only module that imports Optuna (about 0.4 s): its tables, its samplers, pruners and importances."""

import warnings
import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import optuna
from optuna.exceptions import ExperimentalWarning
from sqlalchemy import URL

from store.backend import check_connects, engine_options, set_up
from store.database import Database
from store.errors import RequestError
from store.records import Claim

Sampler = Literal["tpe", "random", "qmc", "gp", "cmaes"]
Pruner = Literal["percentile", "median", "hyperband", "halving", "none"]
ImportanceMethod = Literal["pedanova", "fanova"]

# The percentile pruner lets small latent dimensions live that the median would prune for being small.
_PERCENTILE, _STARTUP_TRIALS, _WARMUP_EPOCHS = 75.0, 5, 2

optuna.logging.set_verbosity(optuna.logging.WARNING)
warnings.filterwarnings("ignore", category=ExperimentalWarning)


def create_optuna_tables(url: URL) -> None:
    """Let Optuna make its tables; the caller holds the schema lock, since several at once would fail."""
    storage = optuna.storages.RDBStorage(url.render_as_string(hide_password=False))
    storage.remove_session()
    storage.engine.dispose()


def upgrade_optuna_tables(url: URL) -> None:
    """Bring tables of an older Optuna up to date; the caller holds the schema lock and has made a copy."""
    storage = optuna.storages.RDBStorage(
        url.render_as_string(hide_password=False), skip_compatibility_check=True, skip_table_creation=True
    )
    try:
        storage.upgrade()
    finally:
        storage.remove_session()
        storage.engine.dispose()


def optuna_storage(database: Database) -> optuna.storages.RDBStorage:
    """Optuna's own storage over the same database, with our settings.

    Raises:
        StorageAway: its server does not answer.
    """
    check_connects(database.engine)  # Optuna's own first connection is made before it has our settings
    storage = optuna.storages.RDBStorage(
        database.url.render_as_string(hide_password=False),
        engine_kwargs=engine_options(database.url),
        skip_compatibility_check=True,
        skip_table_creation=True,
    )
    set_up(storage.engine)
    storage.engine.dispose()  # drops connections made before the settings
    return storage


def draw(
    database: Database, claim: Claim, parameters: Sequence[Mapping[str, Any]], sampler: Sampler, seed: int
) -> dict[str, Any]:
    """Draw the settings of the claimed run: those that are fixed for it as they are, the others by ``sampler``.

    The sampler is seeded by ``seed`` and the run's number, so that a run whose worker died is drawn the same again.
    ``parameters`` are as ``engine.space.Space.as_json`` writes them.

    Raises:
        RequestError: the sampler cannot be had here, or the experiment was searched over another space before.
    """
    study = _load(database, claim, sampler=_sampler(sampler, seed, claim.name.number))
    study.get_trials(deepcopy=False)  # Optuna's cache writes only to trials that it has seen in their study
    trial = optuna.Trial(study, claim.trial_id)
    drawn: dict[str, Any] = {}
    try:
        for parameter in parameters:
            when = parameter["when"]
            if when is None or drawn.get(when[0]) == when[1]:
                drawn[parameter["name"]] = _suggest(trial, parameter)
    except ValueError as error:
        raise RequestError(f"{claim.name.experiment} cannot be searched over this space: {error}") from error
    return drawn


def should_prune(database: Database, claim: Claim, pruner: Pruner) -> bool:
    """Whether ``pruner`` gives the claimed run up, by all that was reported so far."""
    study = _load(database, claim, pruner=_pruner(pruner))
    return bool(study.pruner.prune(study, study._storage.get_trial(claim.trial_id)))


def importances(database: Database, experiment: str, method: ImportanceMethod) -> dict[str, float]:
    """How much each searched setting matters to the value, in parts of 1, largest first.

    PED-ANOVA (Watanabe et al. 2023) or fANOVA (Hutter et al. 2014).

    Raises:
        RequestError: too few runs are complete.
    """
    study = optuna.load_study(study_name=experiment, storage=optuna_storage(database))
    evaluator = (
        optuna.importance.PedAnovaImportanceEvaluator()
        if method == "pedanova"
        else optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    try:
        return dict(optuna.importance.get_param_importances(study, evaluator=evaluator))
    except (ValueError, RuntimeError) as error:
        raise RequestError(f"{experiment} cannot tell yet what matters: {error}") from error


def _load(database: Database, claim: Claim, **options: Any) -> optuna.Study:
    return optuna.load_study(study_name=claim.name.experiment, storage=optuna_storage(database), **options)


def _suggest(trial: optuna.Trial, parameter: Mapping[str, Any]) -> Any:
    name, low, high, step = (parameter[key] for key in ("name", "low", "high", "step"))
    if parameter["choices"]:
        return trial.suggest_categorical(name, list(parameter["choices"]))
    if parameter["is_int"]:
        return trial.suggest_int(name, int(low), int(high), step=int(step or 1), log=parameter["log"])
    return trial.suggest_float(name, low, high, step=step, log=parameter["log"])


def _sampler(name: Sampler, seed: int, number: int) -> optuna.samplers.BaseSampler:
    seed = zlib.crc32(f"{seed}/{number}".encode())
    match name:
        case "tpe":
            return optuna.samplers.TPESampler(seed=seed)
        case "random":
            return optuna.samplers.RandomSampler(seed=seed)
        case "qmc":
            # One sequence for all runs: each takes its own place in it.
            return optuna.samplers.QMCSampler(seed=0, scramble=True, warn_asynchronous_seeding=False)
        case "gp":
            return optuna.samplers.GPSampler(seed=seed, warn_independent_sampling=False)
        case "cmaes":
            try:
                return optuna.samplers.CmaEsSampler(seed=seed, warn_independent_sampling=False)
            except ImportError:
                raise RequestError("The sampler cmaes needs a package: `pip install 'aetui[search]'`.") from None


def _pruner(name: Pruner) -> optuna.pruners.BasePruner:
    match name:
        case "percentile":
            return optuna.pruners.PercentilePruner(
                _PERCENTILE, n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_WARMUP_EPOCHS
            )
        case "median":
            return optuna.pruners.MedianPruner(n_startup_trials=_STARTUP_TRIALS, n_warmup_steps=_WARMUP_EPOCHS)
        case "hyperband":
            return optuna.pruners.HyperbandPruner()
        case "halving":
            return optuna.pruners.SuccessiveHalvingPruner()
        case "none":
            return optuna.pruners.NopPruner()
