"""Helper process: project the codes of an epoch and leave the points in a file.

``python -P -m engine.analysis.project NPZ --method tsne --out FILE [--reference FILE]``; ``FILE`` then holds ``points``
float32 [N, 2] beside the codes' ``labels`` and ``indices``. Exit status 2: the codes cannot be read.
"""

import argparse
import os
import sys
import zipfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.analysis.arrays import save_aside
from engine.analysis.projections import Pca, align, projection_path, read_projection


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="engine.analysis.project", description=__doc__)
    parser.add_argument("codes", type=Path, metavar="NPZ")
    parser.add_argument("--method", choices=("pca", "tsne"), required=True)
    parser.add_argument("--out", type=Path, help="default: EPOCH.METHOD.npz beside the codes")
    parser.add_argument("--reference", type=Path, help="a projection of the same images to lie as close to as can be")
    options = parser.parse_args(arguments)
    try:
        with np.load(options.codes, allow_pickle=False) as archive:
            codes, labels, indices = (archive[name] for name in ("codes", "labels", "indices"))
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        print(f"{options.codes} holds no codes that can be read ({error}).", file=sys.stderr)
        return 2
    reference = read_projection(options.reference) if options.reference else None
    if reference is not None and len(reference) != len(codes):
        reference = None  # of another sample
    if options.method == "tsne":
        # Before OpenMP starts: threads that spin at its barriers starve each other beside a training (22 s for 1).
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        from engine.analysis.tsne import tsne  # over a second, which PCA need not wait for

        points = tsne(codes, reference)
    else:
        points = Pca.fit(codes).project(codes)
    if reference is not None:
        points = align(points, reference)
    out = options.out or projection_path(options.codes, options.method)
    save_aside(out, points=points.astype(np.float32), labels=labels, indices=indices)
    return 0


if __name__ == "__main__":
    sys.exit(main())
