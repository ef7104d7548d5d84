"""Helper process: project the codes of an epoch and leave the points in a file.

``python -P -m engine.analysis.project NPZ --method tsne --out FILE [--reference FILE]``; ``FILE`` then holds ``points``
float32 [N, 2] beside the codes' ``labels`` and ``indices``, and ``source``, by which it is known of which codes it is.
What of it is done is printed meanwhile, a number from 0 to 1 a line. Exit status 2: the codes cannot be read.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from engine.analysis.arrays import save_aside
from engine.analysis.projections import Pca, align, projection_path, read_projection, source_of
from engine.arrays_file import UnreadableArrays
from engine.kept_codes import read_codes

_NICENESS = 10  # a training beside it goes first


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="engine.analysis.project", description=__doc__)
    parser.add_argument("codes", type=Path, metavar="NPZ")
    parser.add_argument("--method", choices=("pca", "tsne"), required=True)
    parser.add_argument("--out", type=Path, help="default: EPOCH.METHOD.npz beside the codes")
    parser.add_argument("--reference", type=Path, help="a projection of the same images to lie as close to as can be")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # and leave nothing half-written
    out = options.out or projection_path(options.codes, options.method)
    try:
        source = source_of(options.codes)
        kept = read_codes(options.codes)
    except (OSError, UnreadableArrays) as error:
        print(f"{options.codes} holds no codes that can be read ({error}).", file=sys.stderr)
        return 2
    codes = kept.codes.astype(np.float64)
    reference = read_projection(options.reference) if options.reference else None
    if reference is not None and len(reference) != len(codes):
        reference = None  # of another sample
    if options.method == "tsne":
        # Before OpenMP starts: threads that spin at its barriers starve each other beside a training (22 s for 1).
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        os.nice(_NICENESS)
        from engine.analysis.tsne import tsne  # over a second, which PCA need not wait for

        points = tsne(codes, reference, tell=_say)
    else:
        points = Pca.fit(codes).project(codes)
    if reference is not None:
        points = align(points, reference)
    try:
        save_aside(
            out, points=points.astype(np.float32), labels=kept.labels, indices=kept.indices, source=np.array(source)
        )
    except OSError as error:
        print(f"{out} cannot be written: {error.strerror}.", file=sys.stderr)
        return 1
    return 0


def _say(part: float) -> None:
    print(f"{part:.2f}", file=sys.__stdout__, flush=True)


if __name__ == "__main__":
    sys.exit(main())
