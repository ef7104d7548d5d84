"""Helper process: a run's model for use without aetui, as programs of `torch.export` and as ONNX.

``python -P -m engine.export.model.process --root DIR RUN --out DIR`` writes the weights of the run's best epoch on the
CPU, in float32, any number of images or codes at a time:

- ``encoder.pt2`` and ``encoder.onnx``: ``images`` [B, C, H, W] in [0, 1] -> ``codes`` [B, D]; of a variational run,
  their mean, and ``log_variance`` [B, D] as second output
- ``decoder.pt2`` and ``decoder.onnx``: ``codes`` [B, D] -> ``images`` [B, C, H, W] in [0, 1]
- of a classifier ``classifier.pt2`` and ``classifier.onnx`` alone: ``images`` -> ``logits`` [B, K], to be put through a
  softmax for probabilities; K is the number of ``classes`` in model.json, in their order
- ``model.json``: what these files are of, what each takes and gives, its SHA-256, and ``largest_difference``, absolute,
  from the run's own model on validation images, in batches of 1, 7 and 64

All are checked before one is written, and a folder has all of them or what it had before. Prints what is in model.json
as one JSON object, with ``folder``, and ``missing``: a sentence where there is no ONNX for want of packages, else null.

Exit status 2: the request was wrong, or a file does not give what the run's model gives.
"""

import hashlib
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from engine.analysis import process
from engine.export.model.files import DESCRIPTION, replace_all, require_writable
from engine.worker import prepare_environment
from store import listing
from store.database import Database
from store.errors import RequestError
from store.names import RunName

if TYPE_CHECKING:
    from engine.analysis.loaded import LoadedRun
    from engine.export.model.check import Reference
    from engine.export.model.formats import ModelFile
    from engine.export.model.parts import Part


def main(arguments: Sequence[str] | None = None) -> int:
    parser = process.parser("engine.export.model.process", __doc__)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)

    def find(database: Database, name: RunName) -> Mapping[str, Any]:
        out = options.out.absolute()
        if options.device not in ("auto", "cpu"):
            raise RequestError(f"Models are exported on the CPU, not on {options.device!r}.")
        listing.run(database, name)
        require_writable(out)
        prepare_environment()
        return {**_export(database, name, out), "folder": str(out), "missing": _missing()}

    return process.answer(options, find)


def _export(database: Database, name: RunName, out: Path) -> dict[str, Any]:
    """Write the model of the run ``name`` into ``out`` and return what its model.json says."""
    from engine.analysis.loaded import load_run  # torch, 2.6 s: wrong requests need not wait for it
    from engine.export.model.check import largest_difference, reference_of
    from engine.export.model.formats import as_onnx, as_torch, missing_packages, trace
    from engine.export.model.parts import parts_of
    from engine.training import checkpoints

    run = load_run(database, name, "cpu")
    paths = database.root.run(name)
    # Again, as a run that still trains may have got a better epoch meanwhile: weights and number must belong together.
    checkpoint = checkpoints.read(paths.best if paths.best.is_file() else paths.last)
    checkpoint.restore_model(run.model)
    formats = [as_torch] if missing_packages() else [as_torch, as_onnx]
    data: dict[str, bytes] = {}
    files: dict[str, Any] = {}
    for part in parts_of(run.model):
        reference, program = reference_of(part, run.model, run.splits.validation), trace(part)
        for make in formats:
            file = make(part, program)
            data[file.name] = file.data
            files[file.name] = {
                **_described(file, part, reference),
                "largest_difference": largest_difference(file, reference),
            }
    description = {"run": str(name), **_model(run), "epoch": checkpoint.epoch, "files": files}
    text = json.dumps(description, indent=2) + "\n"
    # The description is renamed last: whoever finds it finds the files that it lists.
    replace_all(out, {DESCRIPTION: text.encode(), **data})
    return description


def _model(run: "LoadedRun") -> dict[str, Any]:
    import torch

    from engine.models.base import Autoencoder
    from engine.models.classifier import Classifier

    found: dict[str, Any] = {
        "kind": run.spec.kind,
        "torch": torch.__version__,
        "image_shape": list(run.model.image_shape),
        "pixel_range": [0, 1],
    }
    if isinstance(run.model, Autoencoder):
        found["latent_dim"] = run.model.latent_dim
    if isinstance(run.model, Classifier):
        found["classes"] = list(run.splits.train.class_names)
    return found


def _described(file: "ModelFile", part: "Part", reference: "Reference") -> dict[str, Any]:
    gives = [tuple(output.shape[1:]) for output in reference.outputs]
    return {
        "format": file.format,
        "opset": file.opset,
        "inputs": [_tensor(part.takes, part.shape)],
        "outputs": [_tensor(name, shape) for name, shape in zip(part.gives, gives, strict=True)],
        "bytes": len(file.data),
        "sha256": hashlib.sha256(file.data).hexdigest(),
    }


def _tensor(name: str, shape: tuple[int, ...]) -> dict[str, Any]:
    return {"name": name, "dtype": "float32", "shape": ["batch", *shape]}


def _missing() -> str | None:
    from engine.export.model.formats import missing_packages

    lacks = missing_packages()
    if not lacks:
        return None
    return f"No ONNX was written, as {' and '.join(lacks)} cannot be imported: pip install 'aetui[export]'"


if __name__ == "__main__":
    sys.exit(main())
