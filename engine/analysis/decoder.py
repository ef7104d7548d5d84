"""Helper process: keeps a run's model loaded and decodes places of its latent space as they are asked for.

``python -P -m engine.analysis.decoder --root DIR`` reads a question a line and writes an answer a line, JSON both, and
ends when its input does. Of a question ``{"run": EXP/NUMBER, "epoch": N, ...}``

- ``"codes"``, [N][D], is answered by ``images`` of them;
- ``"indices"``, [N] positions in the validation images, by ``originals``, ``reconstructions``, ``errors`` [N] (mean
  squared, a pixel) and ``labels`` [N] (-1: none);
- ``"between"``, [2] such positions, by ``line``: images along the straight line between their codes;
- ``"show": "worst"`` or ``"best"`` as ``indices`` is, by those of the validation images that are reconstructed worst or
  best, and by these ``indices``;
- ``"show": "classes"`` by ``labels`` [K], their ``means``, and ``mixtures`` [M, M, ...] of the first M classes;
- ``"show": "samples"`` by ``samples``; ``is_prior`` tells whether they are drawn from a prior, or from a Gaussian
  fitted to the codes of the validation images.

Without ``epoch`` the weights of the best one count; ``epoch`` in the answer is that of the weights. Images are
``{"shape": [N, C, H, W], "pixels": base64 of uint8}``. ``{"says": SENTENCE}`` tells why there is no answer.
"""

import argparse
import base64
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.worker import prepare_environment
from store import listing
from store.database import Database, open_inherited
from store.errors import RequestError
from store.names import RunName
from store.paths import Root, RunPaths
from store.sharing.download import Downloader

if TYPE_CHECKING:
    from engine.analysis.loaded import LoadedRun

_STEPS = 10
"""Images on the line between two codes."""


class Kept:
    """The run that was asked for last, with the weights of one of its epochs (None: the best)."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._key: object = None
        self._run: LoadedRun | None = None
        self.epoch = 0
        """Of the weights that were asked for last."""

    def of(self, name: RunName, epoch: int | None) -> "LoadedRun":
        """Raises RequestError: the run cannot be loaded, makes no images, or kept no weights of ``epoch``."""
        from engine.analysis.loaded import load_run
        from engine.models.base import Autoencoder
        from engine.training import checkpoints

        Downloader(self._database).fetch(listing.run(self._database, name), with_weights=True)
        paths = self._database.root.run(name)
        key = (name, epoch, _stamp(paths))
        if self._run is None or key != self._key:
            loaded = load_run(self._database, name, "cpu", epoch)
            if not isinstance(loaded.model, Autoencoder):
                raise RequestError(f"A {loaded.spec.kind} makes no images.")
            self._run, self._key = loaded, key
            self.epoch = epoch or checkpoints.read(paths.best if paths.best.is_file() else paths.last).epoch
        return self._run


def answer(kept: Kept, question: dict[str, Any]) -> dict[str, Any]:
    """Raises RequestError: it cannot be answered, and why."""
    import numpy as np
    import torch

    from engine.analysis import showing
    from engine.analysis.places import decode
    from engine.models.base import Autoencoder
    from engine.models.fidelity import squared_error
    from engine.models.variational import VariationalAutoencoder
    from engine.training.evaluate import encode

    run = kept.of(RunName.parse(str(question["run"])), question.get("epoch"))
    model, images = run.model, run.splits.validation
    assert isinstance(model, Autoencoder)
    found: dict[str, Any] = {"epoch": kept.epoch}
    match question.get("show"):
        case "worst" | "best" as end:
            found["indices"] = showing.extremes(model, images)[end].tolist()
            question = {**question, "indices": found["indices"]}
        case "classes":
            classes = showing.class_means(model, images)
            if not classes:
                raise RequestError("The validation images have no labels, so there are no classes.")
            found["labels"] = classes["labels"].tolist()
            found |= {name: _packed(classes[name]) for name in ("means", "mixtures")}
        case "samples":
            found["samples"] = _packed(showing.samples(model, images))
            found["is_prior"] = isinstance(model, VariationalAutoencoder)
    if "codes" in question:
        codes = np.array(question["codes"], dtype=np.float64).reshape(-1, model.latent_dim)
        found["images"] = _packed(decode(model, codes))
    if "indices" in question:
        taken = images.take(torch.tensor(question["indices"]))
        codes = encode(model, taken).double().numpy()
        with torch.inference_mode():
            errors = squared_error(model.decode(torch.from_numpy(codes).float()), taken.batch(slice(None)))
        found["originals"] = _packed(taken.pixels.numpy())
        found["reconstructions"] = _packed(decode(model, codes))
        found["errors"] = errors.tolist()
        found["labels"] = taken.labels.tolist()
    if "between" in question:
        start, end = encode(model, images.take(torch.tensor(question["between"]))).double().numpy()
        found["line"] = _packed(decode(model, np.linspace(start, end, _STEPS)))
    return found


def _packed(images: Any) -> dict[str, Any]:
    return {"shape": list(images.shape), "pixels": base64.b64encode(images.tobytes()).decode("ascii")}


def _stamp(paths: RunPaths) -> tuple[int, ...]:
    return tuple(path.stat().st_mtime_ns if path.exists() else 0 for path in (paths.last, paths.best))


def main() -> None:
    parser = argparse.ArgumentParser(prog="engine.analysis.decoder")
    parser.add_argument("--root", type=Path, required=True)
    prepare_environment()
    database = open_inherited(Root(parser.parse_args().root))
    kept = Kept(database)
    for line in sys.stdin:
        try:
            answered = answer(kept, json.loads(line))
        except RequestError as error:
            answered = {"says": str(error)}
        except Exception as error:  # what a run left may be anything: the next one may be sound
            answered = {"says": f"That cannot be decoded: {error}"}
        print(json.dumps(answered), flush=True)
    database.close()


if __name__ == "__main__":
    main()
