"""What a run's model shows of the test images: everything in a figure that takes torch."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from engine.analysis import showing
from engine.analysis.loaded import LoadedRun
from engine.analysis.noisy import under_noise
from engine.analysis.places import survey
from engine.data.images import Images, scale
from engine.data.splitting import stratified_order
from engine.models.base import Autoencoder
from engine.noise import Noise
from engine.training.evaluate import details, measure
from engine.training.keeping import Sample
from store.errors import RequestError

Arrays = dict[str, npt.NDArray[Any]]

NUM_PICTURES = 10
_MOST_CODES = 2000
_MOST_EMBEDDED, _ITERATIONS = 500, 600
"""For t-SNE: of so few images it has settled by then."""
_PLACES_BETWEEN = 9


@dataclass(eq=False)
class Sights:
    """Of one loaded run. Each is worked out once, when it is asked for."""

    run: LoadedRun

    @property
    def test(self) -> Images:
        return self.run.splits.test.to(self.run.device)

    @property
    def class_names(self) -> tuple[str, ...]:
        return self.run.splits.test.class_names

    @property
    def autoencoder(self) -> Autoencoder:
        """Raises RequestError: it makes no images."""
        if not isinstance(self.run.model, Autoencoder):
            raise RequestError(f"a {self.run.spec.kind} makes no images")
        return self.run.model

    @cached_property
    @torch.inference_mode()
    def reconstructions(self) -> Arrays:
        """``originals`` and ``reconstructions`` uint8 [N, C, H, W] of test images, one a class as far as they go.

        ``labels`` int64 [N], ``indices`` int64 [N] (positions in the test images), ``errors`` float [N].
        """
        sample = Sample.draw_strip(self.test, NUM_PICTURES)
        clean = scale(sample.images.pixels)
        made = self.autoencoder(clean).clamp(0, 1)
        return {
            "originals": sample.images.pixels.cpu().numpy(),
            "reconstructions": (made * 255).round().to(torch.uint8).cpu().numpy(),
            "labels": sample.images.labels.cpu().numpy(),
            "indices": sample.indices.numpy(),
            "errors": (made - clean).square().mean(dim=(1, 2, 3)).cpu().numpy(),
        }

    @cached_property
    def survey(self) -> Arrays:
        """Codes of test images and what is decoded of the places among them, as `engine.analysis.latent` has it."""
        return survey(self.run.model, self.test, "pca", _MOST_CODES)

    @cached_property
    def embedded(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
        """Positions [M] of some of the codes of `survey`, and their points [M, 2] by t-SNE."""
        from engine.analysis.tsne import tsne  # scikit-learn and scipy, a second

        taken = some(self.survey["labels"], _MOST_EMBEDDED)
        return taken, tsne(self.survey["codes"][taken], iterations=_ITERATIONS)

    @cached_property
    def classes(self) -> Arrays:
        """As `showing.class_means`, of the test images."""
        return showing.class_means(self.autoencoder, self.test)

    @cached_property
    def samples(self) -> npt.NDArray[np.uint8]:
        return showing.samples(self.autoencoder, self.test)

    @cached_property
    def details(self) -> dict[str, Any]:
        return details(self.run.model, self.test)

    @cached_property
    def tables(self) -> dict[str, Any]:
        return dict(measure(self.run.model, self.test).tables)

    def noisy(self, *noises: Noise) -> Arrays:
        return under_noise(self.autoencoder, self.test, noises)

    @cached_property
    def between(self) -> tuple[npt.NDArray[np.uint8], list[tuple[str, str]]]:
        """uint8 [P, W, C, H, W']: along the straight lines between the codes of two images each, and their classes."""
        from engine.analysis.places import decode
        from engine.training.evaluate import encode

        found = self.reconstructions
        codes = encode(self.autoencoder, self.test.take(torch.from_numpy(found["indices"]))).double().cpu().numpy()
        half = len(codes) // 2
        lines = np.stack(
            [np.linspace(start, end, _PLACES_BETWEEN) for start, end in zip(codes[:half], codes[half:], strict=False)]
        )
        names = [self._name(label) for label in found["labels"]]
        return decode(self.autoencoder, lines), list(zip(names[:half], names[half:], strict=False))

    def _name(self, label: int) -> str:
        return self.class_names[label] if label >= 0 else "?"


def some(labels: npt.NDArray[np.int64], at_most: int) -> npt.NDArray[np.int64]:
    """Positions of a stratified part of the images with ``labels`` [N], in order."""
    found: npt.NDArray[np.int64] = stratified_order(torch.from_numpy(labels))[:at_most].sort().values.numpy()
    return found
