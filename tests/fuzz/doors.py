"""Every reader of files, with a sound file to begin from. What it raises must be a refusal of its own kind."""

import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import safetensors.torch
import torch
from PIL import Image

from engine import catalog
from engine.analysis.projections import read_projection
from engine.arrays_file import UnreadableArrays
from engine.data import own_files
from engine.kept_codes import read_codes
from engine.notices import NOTIFY_VARIABLE, read_notify
from engine.recipes import hand_picked, recipe_file
from engine.recipes.asked import AskedRecipe
from engine.recipes.driving import driven
from engine.recipes.figures import num_parameters
from engine.settings import SETTINGS_VARIABLE, read_settings
from engine.slots import chosen_slots
from engine.space import Space, reference_space
from engine.spec import RunSpec
from engine.training import checkpoints
from store.metrics import encode, read_metrics
from store.paths import Root, RunPaths
from tests.tui.roots import epoch_line
from tui.keys.keymap import KEYMAP_VARIABLE, read_keymap
from tui.panes.images.kept import Noisy, Strip
from tui.panes.latent.frames import Codes, Frames, project
from tui.panes.log.tails import LogTail
from tui.panes.loss.curves import Curves
from tui.panes.numbers.health import HealthReader
from tui.remembered import Remembered

REFUSALS = UnreadableArrays
"""Beside `RequestError`: of readers whose callers go on without the file."""


@dataclass(frozen=True, kw_only=True)
class Door:
    """``read`` is called with the path of a file called ``name`` that once was ``sound``."""

    name: str
    sound: bytes
    read: Callable[[Path], object]


def _archive(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez_compressed(file, allow_pickle=False, **arrays)
    return file.getvalue()


def _codes(path: Path) -> object:
    read_codes(path)
    codes = Codes.load(path)
    return project(codes, Frames().grown(codes).frames[0]) if codes else None


def _image(suffix: str) -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.arange(300, dtype=np.uint8).reshape(10, 10, 3) % 250).save(file, suffix)
    return file.getvalue()


def _curves(path: Path) -> object:
    curves = Curves().grown(read_metrics(path))
    return [curves.along(axis, "val_loss") for axis in ("epoch", "step", "time")]


def _spec(path: Path) -> object:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    return catalog.read_spec(data) if isinstance(data, dict) else None


def _doors_of_toml() -> list[Door]:
    space = b"[lr]\nlow = 1e-5\nhigh = 1e-2\nlog = true\n\n[optimizer]\nchoices = ['adam', 'sgd']\n"
    space += b"[momentum]\nlow = 0.5\nhigh = 0.9\nwhen = { optimizer = 'sgd' }\n"
    first = b"[[configuration]]\noptimizer = 'adam'\nlr = 0.001\nweight_decay = 1e-4\nhidden = 200\nlatent_dim = 4\n"
    recipe = (
        b'name = "widths"\ndataset = "digits"\n[search]\nkind = "search"\nmodel = "cae"\ntrials = 20\n'
        b"at_least = { optimizer = 4 }\n[final]\nkind = 'run'\nmodel = 'vae'\nneeds = ['search']\nbest_of = 'search'\n"
        b"seeds = 3\nset = { beta = 1e-3 }\nreference = 0.02\n[folds]\nkind = 'crossval'\nneeds = ['search']\n"
        b"of = 'search'\ntop = 3\n"
        b"[test]\nkind = 'evaluate'\nneeds = ['final']\nof = ['final']\nnoise = ['gaussian:0.1,0.2']\n"
    )
    keymap = b'"run.stop" = "ctrl+x"\n"move.down" = ["down", "f7"]\nrun.pause = "f5"\n'
    settings = b'[slots]\n"cuda:0" = 1\n[defaults]\nepochs = 3\ndevice = "cpu"\n[placing]\ngpu_free_gb = 2.5\n'
    notify = b'on = ["complete", "failed"]\ncommand = ["true", "{text}"]\nwebhook = "https://x/y"\nbell = true\n'
    base = RunSpec(kind="cae", dataset="digits", epochs=3, model=catalog.kind("cae").spec())
    return [
        Door(name="space.toml", sound=space, read=lambda path: Space.load(path).check(base)),
        Door(name="first.toml", sound=first, read=lambda path: hand_picked.load(path, reference_space())),
        Door(name="recipe.toml", sound=recipe, read=recipe_file.load),
        Door(name="keymap.toml", sound=keymap, read=lambda path: read_keymap()),
        Door(name="notify.toml", sound=notify, read=lambda path: read_notify()),
        Door(name="settings.toml", sound=settings, read=lambda path: read_settings()),
    ]


def doors(folder: Path) -> list[Door]:
    """All of them; their files are to lie in ``folder``."""
    paths, root = RunPaths(folder), Root(folder)
    pictures = np.arange(4 * 9 * 8, dtype=np.uint8).reshape(4, 1, 9, 8)
    labels = np.arange(4)
    tensors = {"rng.cpu": torch.get_rng_state(), "model.weight": torch.ones(3, 4)}
    header = {"format": 1, "epoch": 2, "step": 20, "spec": {}, "record": {}, "state": {}}
    spec = RunSpec(kind="vae", dataset="digits", epochs=3, model=catalog.kind("vae").spec()).as_json()
    results = {"confusion": [[1, 2], [3, 4]], "classes": ["a", "b"], "mse_by_class": {"a": 0.1}, "kl_by_unit": [0.1]}
    asked = AskedRecipe(source="paper").as_json()
    step = {"id": "a", "title": "A", "state": "running", "num_done": 1, "num_total": 2, "left_s": 3.5}
    step |= {"budget_s": 4.5, "experiment": "a", "says": "x"}
    recipe: dict[str, object] = {"name": "x", "title": "X", "asked": asked, "num_workers": 2, "steps": [step]}
    recipe |= {"was_interrupted": False, "updated": 1.0}
    lines = "".join(encode(epoch_line(epoch, 0.1)) for epoch in (1, 2, 3)).encode()
    return [
        *_doors_of_toml(),
        Door(
            name="own.npz",
            sound=_archive(images=np.zeros((12, 9, 8), np.uint8), labels=np.arange(12) % 3),
            read=own_files.read,
        ),
        Door(
            name="3.npz",
            sound=_archive(codes=np.eye(12, 5, dtype=np.float16), labels=np.arange(12) % 3, indices=np.arange(12)),
            read=_codes,
        ),
        Door(
            name="4.npz",
            sound=_archive(
                originals=pictures, inputs=pictures, reconstructions=pictures, errors=np.ones(4, "f4"), labels=labels
            ),
            read=Strip.load,
        ),
        Door(
            name="noisy.npz",
            sound=_archive(
                noises=np.array(["gaussian:0.1"]),
                originals=pictures,
                inputs=pictures[None],
                reconstructions=pictures[None],
                labels=labels,
            ),
            read=Noisy.load,
        ),
        Door(
            name="3.tsne.npz",
            sound=_archive(points=np.zeros((12, 2), "f4"), source=np.array("x" * 32)),
            read=read_projection,
        ),
        *(
            Door(name=f"x.{suffix}", sound=_image(kind), read=lambda path: own_files.read_image(path))
            for suffix, kind in (("png", "png"), ("jpg", "jpeg"), ("gif", "gif"), ("bmp", "bmp"), ("tif", "tiff"))
        ),
        Door(name="metrics.jsonl", sound=lines, read=_curves),
        Door(name="config.json", sound=json.dumps(spec).encode(), read=_spec),
        Door(name="results.json", sound=json.dumps(results).encode(), read=lambda path: HealthReader(paths).read()),
        Door(name=".recipe-x.json", sound=json.dumps(recipe).encode(), read=lambda path: driven(root)),
        Door(name=".screen.json", sound=b'{"run": "a/1", "columns": ["lr"]}', read=lambda path: Remembered.read(root)),
        Door(name=".slots.json", sound=b'{"here": {"cpu": 2}}', read=lambda path: chosen_slots(root)),
        Door(name="log.txt", sound=b"begins\n\x1b[31mred\x1b[0m\n50%\r100%\n", read=lambda path: LogTail(path).read()),
        Door(
            name="last.safetensors",
            sound=safetensors.torch.save(tensors, {"aetui": json.dumps(header)}),
            read=checkpoints.read,
        ),
        Door(
            name="best.safetensors",
            sound=safetensors.torch.save(tensors, {"aetui": json.dumps(header)}),
            read=num_parameters,
        ),
    ]


def environment(folder: Path) -> dict[str, str]:
    """Where the user's own settings are, for the doors that find them by themselves."""
    variables = {KEYMAP_VARIABLE: "keymap", NOTIFY_VARIABLE: "notify", SETTINGS_VARIABLE: "settings"}
    return {variable: str(folder / f"{name}.toml") for variable, name in variables.items()}
