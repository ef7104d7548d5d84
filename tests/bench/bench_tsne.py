"""t-SNE and PCA of 6-D codes beside scikit-learn's, in turns, with how good the pictures are: ``make bench``.

The codes are of digits (mnist-5k and copies of them that are moved a little), by an autoencoder trained for a moment.
"""

import argparse
import statistics
import time
from dataclasses import replace

import numpy as np
import torch
from sklearn.decomposition import PCA
from sklearn.manifold import TSNE, trustworthiness

from engine.analysis.projections import Pca
from engine.analysis.tsne import tsne
from engine.bench.contenders.shared import images_of
from engine.bench.task import task
from engine.data.images import Images
from engine.models.building import build_model
from engine.training.evaluate import encode
from engine.training.optimizers import build_optimizer
from engine.training.warping import warp

_JUDGED = 2_500
"""Trustworthiness takes the square of this in memory: of so many codes, drawn at random."""
LIMIT = 3.0


def codes(num_codes: int) -> np.ndarray:
    spec = task(15, threads=torch.get_num_threads(), seed=0, device="cpu")
    torch.manual_seed(0)
    images = images_of(spec)
    model = build_model(spec, images)
    optimizer = build_optimizer(spec.optim, model.parameters())
    model.train()
    for _ in range(8):
        for batch in torch.randperm(len(images)).split(256):
            loss = model.batch_losses(images.batch(batch), images.labels[batch], 0.0, None).loss
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return encode(model, _more(images, num_codes)).double().numpy()


def _more(images: Images, number: int) -> Images:
    taken = torch.arange(number) % len(images)
    moved = [warp(images.batch(part), 1.0) for part in taken.split(1000)]
    pixels = (torch.cat(moved) * 255).round().to(torch.uint8).contiguous()
    return replace(images, pixels=pixels, labels=images.labels[taken])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="2,000 codes, one round")
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    number, rounds = (2_000, 1) if options.quick else (10_000, options.rounds)
    torch.set_flush_denormal(True)
    found = codes(number)
    single = found.astype(np.float32)
    judged = np.random.default_rng(0).permutation(number)[:_JUDGED]
    pairs, ours, theirs = [], None, None
    for _ in range(rounds):
        began = time.perf_counter()
        ours = tsne(found)
        between = time.perf_counter()
        theirs = TSNE(random_state=0).fit_transform(single)
        ended = time.perf_counter()
        pairs.append((between - began, ended - between))
        print(f"{number:,} codes: ours {pairs[-1][0]:.1f} s, scikit-learn {pairs[-1][1]:.1f} s", flush=True)
    ratios = [long / short for short, long in pairs]
    kept = [trustworthiness(found[judged], picture[judged], n_neighbors=5) for picture in (ours, theirs)]
    verdict = "ok" if statistics.median(ratios) >= LIMIT else "MISSED"
    print(
        f"scikit-learn's time over ours: {statistics.median(ratios):.2f} ({min(ratios):.2f} to {max(ratios):.2f})  "
        f"{verdict} ({LIMIT})\ntrustworthiness (5 neighbours): ours {kept[0]:.4f}, scikit-learn {kept[1]:.4f}"
    )
    many = np.tile(found, (60_000 // number, 1)) + np.random.default_rng(0).normal(scale=1e-3, size=(60_000, 6))
    began = time.perf_counter()
    Pca.fit(many).project(many)
    between = time.perf_counter()
    PCA(2).fit_transform(many)
    print(f"PCA of 60,000: ours {between - began:.3f} s, scikit-learn {time.perf_counter() - between:.3f} s")


if __name__ == "__main__":
    main()
