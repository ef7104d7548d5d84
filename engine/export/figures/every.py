"""Every figure of an export, by name, and what it is about."""

from collections.abc import Callable
from dataclasses import dataclass

from engine.export.figures import codes, histories, measures, pictures, searches
from engine.export.figures.cast import Cast
from engine.export.figures.desk import Desk
from engine.export.figures.made import Made

SEARCH, CROSSVAL = "search", "crossval"
_IMAGING = frozenset({"cae", "dae", "vae"})


@dataclass(frozen=True)
class Entry:
    """``about``: it is of interest for runs of these kinds, for a search or a cross-validation."""

    name: str
    build: Callable[[Desk], Made]
    about: frozenset[str]


FIGURES = (
    Entry("optimization_history", searches.optimization, frozenset({SEARCH})),
    Entry("importance", searches.importance, frozenset({SEARCH})),
    Entry("parallel_coordinates", searches.parallel, frozenset({SEARCH})),
    Entry("error_over_latent_dim", searches.over_latent_dim, frozenset({SEARCH})),
    Entry("training_history", histories.training, frozenset({"cae"})),
    Entry("crossval_history", histories.crossval, frozenset({CROSSVAL})),
    Entry("reconstructions", pictures.reconstructions, frozenset({"cae", "dae"})),
    Entry("samples", pictures.samples, _IMAGING),
    Entry("interpolations", pictures.interpolations, _IMAGING),
    Entry("error_by_class", measures.by_class, _IMAGING | {"classifier"}),
    Entry("classifier_history", histories.classifiers, frozenset({"classifier"})),
    Entry("confusion_matrix", measures.confusion, frozenset({"classifier"})),
    Entry("noise", pictures.noise, frozenset({"dae"})),
    Entry("denoising_history", histories.denoising, frozenset({"dae"})),
    Entry("denoising_1x", pictures.denoising(1), frozenset({"dae"})),
    Entry("denoising_3x", pictures.denoising(3), frozenset({"dae"})),
    Entry("denoising_saltpepper", pictures.denoising(None), frozenset({"dae"})),
    Entry("mse_over_noise", measures.over_noise, frozenset({"dae"})),
    Entry("vae_history", histories.variational, frozenset({"vae"})),
    Entry("vae_reconstructions", pictures.vae_reconstructions, frozenset({"vae"})),
    Entry("prior_samples", pictures.prior_samples, frozenset({"vae"})),
    Entry("kl_by_unit", measures.kl_by_unit, frozenset({"vae"})),
    Entry("rate_distortion", searches.rate_distortion, frozenset({"vae"})),
    Entry("latent", codes.latent, _IMAGING),
    Entry("latent_pca_tsne", codes.latent_pca_tsne, frozenset()),
    Entry("latent_grid", pictures.latent_grid, _IMAGING),
    Entry("latent_grid_pca", pictures.latent_grid_pca, frozenset()),
    Entry("latent_epochs", codes.epochs, _IMAGING),
)
"""In the order of a report. What is about nothing is for whole studies alone."""


def wanted(cast: Cast) -> list[Entry]:
    """Those of interest for the cast's scope: of a whole study all."""
    if cast.scope.is_whole:
        return list(FIGURES)
    topics = cast.topics | ({SEARCH} if cast.scope.searches else set())
    return [entry for entry in FIGURES if entry.about & topics]
