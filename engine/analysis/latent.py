"""Helper process: the codes of a run's images, their projection, and what the decoder makes of places between them.

``python -P -m engine.analysis.latent --root DIR RUN --split validation|test|train --method pca|tsne|raw [--limit N]
[--between I J] --out FILE.npz`` prints quality figures as one JSON object (see ``engine.analysis.quality``, and
``file``), keeps those of the validation images in the run's record, and leaves these arrays in FILE; in the run's own
folder the figures too, as JSON beside it. Images are uint8 [..., C, H, W]; N images, K classes, D-dimensional codes:

- ``codes`` float32 [N, D], ``labels`` int64 [N] (-1: none), ``indices`` int64 [N] (positions in the split)
- ``points`` float32 [N, 2] by the method; [N, D], the codes themselves, by ``raw``
- ``pca_mean`` [D], ``pca_components`` [2, D], ``pca_explained`` [2]: by ``pca``, points = (codes - mean) @ components.T

and, of a run that has a decoder:

- ``grid_points`` [G, G, 2], ``grid_codes`` [G, G, D], ``grid_images`` [G, G, ...]: a regular grid over the middle 98 %
  of the cloud, first row on top; the codes themselves for 2-D codes, else through the inverse of the PCA
- ``interpolation_indices`` [2], ``interpolation_codes`` [S, D], ``interpolation_images`` [S, ...]: the straight line
  between the codes of two images (``--between``, positions in the split; else the first of two classes)
- of labelled images, ``class_labels`` [K], ``class_means`` [K, D], ``class_images`` [K, ...]: the mean code of a class;
  ``mixture_labels`` [P, 2], ``mixture_weights`` [W] (of the first), ``mixture_images`` [P, W, ...]: of each two classes
- of a variational run, ``sample_codes`` [64, D], ``sample_images`` [64, ...]: drawn from the prior

Exit status 2: the request was wrong.
"""

import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from engine.analysis import process
from engine.analysis.arrays import save_aside
from engine.worker import prepare_environment
from store import listing, results
from store.artifacts import replaced
from store.database import Database
from store.errors import RequestError
from store.names import RunName
from store.sharing.upload import upload

_COMPARED = ("knn_accuracy", "linear_probe_accuracy", "silhouette", "trustworthiness")
"""Figures that the run's record keeps; the last depends on the projection too, and is that of the PCA."""
_MAX_TSNE = 5000
"""Images for t-SNE where no limit is given: some 8 s."""


def main(arguments: Sequence[str] | None = None) -> int:
    parser = process.parser("engine.analysis.latent", __doc__)
    parser.add_argument("--split", choices=("validation", "test", "train"), default="validation")
    parser.add_argument("--method", choices=("pca", "tsne", "raw"), default="pca")
    parser.add_argument("--limit", type=int, help=f"images at most, stratified; default: all, by t-SNE {_MAX_TSNE}")
    parser.add_argument("--between", type=int, nargs=2, metavar=("I", "J"))
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    limit = options.limit or (_MAX_TSNE if options.method == "tsne" else None)

    def find(database: Database, name: RunName) -> Mapping[str, Any]:
        out = options.out.absolute()
        if not out.parent.is_dir():
            raise RequestError(f"There is no folder {out.parent} to write {out.name} into.")
        if limit is not None and limit < 1:
            raise RequestError(f"limit={limit} leaves no image.")
        prepare_environment()
        # As scikit-learn's own threads spin too.
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        from engine.analysis.loaded import load_run  # torch and scikit-learn, 4 s
        from engine.analysis.places import survey
        from engine.analysis.quality import quality

        run = load_run(database, name, options.device)
        images = getattr(run.splits, options.split).to(run.device)
        arrays = survey(run.model, images, options.method, limit, options.between)
        save_aside(out, **arrays)
        figures: dict[str, Any] = {
            "num_images": len(arrays["codes"]),
            **quality(arrays["codes"], arrays["labels"], arrays["points"]),
        }
        if options.split == "validation":  # the same images for all runs, so that these can be compared
            told = set(_COMPARED if options.method == "pca" else _COMPARED[:-1])
            results.add_latent(database, name, {key: figures[key] for key in figures.keys() & told})
        if out.parent == database.root.run(name).folder:
            with replaced(out.with_suffix(".json"), 0, lambda: None) as aside:
                aside.write_text(json.dumps({"figures": figures}, indent=2) + "\n", encoding="utf-8")
            upload(database, listing.run(database, name))
        return {**figures, "file": str(out)}

    return process.answer(options, find)


if __name__ == "__main__":
    sys.exit(main())
