"""Models as files: they compute what the run's model does, without aetui, and an export is whole or not there."""

import contextlib
import hashlib
import io
import json
import os
import resource
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
from torch import Tensor

from engine import catalog, jobs
from engine.analysis.loaded import load_run
from engine.data.images import Images
from engine.export.model import check, process
from engine.export.model.check import largest_difference, reference_of
from engine.export.model.files import replace_all
from engine.export.model.formats import ModelFile, as_onnx, as_torch, trace
from engine.export.model.parts import parts_of
from engine.models.autoencoder import ConvolutionalAutoencoder
from engine.models.base import Autoencoder, Model
from engine.models.classifier import Classifier
from engine.models.variational import VariationalAutoencoder
from engine.spec import ModelSpec, RunSpec, VariationalSpec
from store.database import Database, open_database
from store.errors import RequestError
from store.names import RunName
from store.paths import Root

REPOSITORY = Path(__file__).parents[2]
KINDS = ("cae", "vae", "classifier")
MOST_KINDS = (pytest.param("cae", marks=pytest.mark.slow), "vae", "classifier")
"""A ``cae`` has the parts of a ``vae``, with less in them."""
FILES = {
    "cae": {"encoder.pt2", "encoder.onnx", "decoder.pt2", "decoder.onnx", "model.json"},
    "vae": {"encoder.pt2", "encoder.onnx", "decoder.pt2", "decoder.onnx", "model.json"},
    "classifier": {"classifier.pt2", "classifier.onnx", "model.json"},
}
WITHOUT_AETUI = """
import sys
sys.modules.update(dict.fromkeys(("engine", "store", "tui")))  # an import of them fails
import numpy as np, onnxruntime, torch
given = np.load(sys.argv[1])
found = {}
for key, inputs in given.items():
    folder, part, _ = key.split("|")
    program = torch.export.load(f"{folder}/{part}.pt2").module()
    outputs = program(torch.from_numpy(inputs))
    for number, output in enumerate([outputs] if isinstance(outputs, torch.Tensor) else outputs):
        found[f"{key}|pt2|{number}"] = output.numpy()
    session = onnxruntime.InferenceSession(f"{folder}/{part}.onnx", providers=["CPUExecutionProvider"])
    for number, output in enumerate(session.run(None, {session.get_inputs()[0].name: inputs})):
        found[f"{key}|onnx|{number}"] = output
np.savez(sys.argv[2], **found)
"""


@dataclass(frozen=True)
class Export:
    status: int
    out: str
    err: str

    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A run ``KIND-digits/0`` of each of `KINDS`; ``cae-digits/1`` waits."""
    folder = tmp_path_factory.mktemp("modèles d'été") / "mes runs"
    database = open_database(Root(folder), create=True)
    settings = {"width": 4, "hidden": 16, "latent_dim": 3, "train_limit": 200}
    specs = [
        RunSpec(kind=kind, dataset="digits", epochs=2, device="cpu", model=catalog.kind(kind).spec()) for kind in KINDS
    ]
    for spec in specs:
        jobs.enqueue(database, spec.with_settings(settings))
    jobs.run_inline(database)
    jobs.enqueue(database, specs[0].with_settings(settings))
    yield database
    database.close()


class Folders(dict[str, Path]):
    """The exported model of each kind, made when it is first asked for: each takes many seconds."""

    def __init__(self, trained: Database) -> None:
        super().__init__()
        self._trained = trained

    def __missing__(self, kind: str) -> Path:
        folder = self._trained.root.path / "out" / kind
        done = export(self._trained, f"{kind}-digits/0", folder)
        assert done.status == 0, done.err
        self[kind] = folder
        return folder


@pytest.fixture(scope="module")
def folders(trained: Database) -> Folders:
    return Folders(trained)


@pytest.fixture
def older(folders: Folders, tmp_path: Path) -> Path:
    """A folder with a whole export, of ``vae-digits/0``."""
    replace_all(tmp_path / "older", contents(folders["vae"]))
    return tmp_path / "older"


def export(database: Database, run: str, out: Path, *options: str) -> Export:
    said, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(told):
        status = process.main(["--root", str(database.root.path), run, "--out", str(out), *options])
    return Export(status, said.getvalue(), told.getvalue())


def contents(folder: Path) -> dict[str, bytes]:
    """All that is in the folder, whatever has been left there."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def described(folder: Path) -> Any:
    return json.loads((folder / "model.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize("kinds", [("vae", "classifier"), pytest.param(("cae",), marks=pytest.mark.slow)])
def test_the_files_compute_without_aetui_what_the_model_does(
    trained: Database, folders: Folders, tmp_path: Path, kinds: tuple[str, ...]
) -> None:
    given: dict[str, Any] = {}
    expected: dict[str, list[Tensor]] = {}
    for kind in kinds:
        folder = folders[kind]
        run = load_run(trained, RunName.parse(f"{kind}-digits/0"), "cpu")
        for size in (1, 5, 190):  # other images and batches than those of the check
            images = run.splits.test.batch(slice(0, size))
            with torch.inference_mode():
                match run.model:
                    case Classifier() as classifier:
                        cases = {"classifier": (images, [classifier(images)])}
                    case VariationalAutoencoder() as variational:
                        codes, log_variance = variational.posterior(images)
                        cases = {
                            "encoder": (images, [codes, log_variance]),
                            "decoder": (codes, [variational.decode(codes)]),
                        }
                    case Autoencoder() as plain:
                        codes = plain.encode(images)
                        cases = {"encoder": (images, [codes]), "decoder": (codes, [plain.decode(codes)])}
            for part, (inputs, outputs) in cases.items():
                given[f"{folder}|{part}|{size}"] = np.ascontiguousarray(inputs.numpy())
                expected[f"{folder}|{part}|{size}"] = outputs
    np.savez(tmp_path / "given.npz", **given)
    subprocess.run(
        [sys.executable, "-P", "-c", WITHOUT_AETUI, tmp_path / "given.npz", tmp_path / "found.npz"],
        cwd=tmp_path,
        env={key: value for key, value in os.environ.items() if key != "PYTHONPATH"},
        check=True,
        timeout=100,
    )
    with np.load(tmp_path / "found.npz") as found:
        assert len(found) == 2 * sum(map(len, expected.values()))
        for key, outputs in expected.items():
            for number, output in enumerate(outputs):
                for ending in ("pt2", "onnx"):
                    assert found[f"{key}|{ending}|{number}"].dtype == np.float32
                    np.testing.assert_allclose(found[f"{key}|{ending}|{number}"], output.numpy(), atol=1e-5)


@pytest.mark.parametrize("kind", MOST_KINDS)
def test_the_description_is_true(trained: Database, folders: Folders, kind: str) -> None:
    folder = folders[kind]
    assert {path.name for path in folder.iterdir()} == FILES[kind]
    told = described(folder)
    assert (told["run"], told["kind"]) == (f"{kind}-digits/0", kind)
    assert told["epoch"] in (1, 2)
    assert (told["image_shape"], told["pixel_range"]) == ([1, 28, 28], [0, 1])
    if kind == "classifier":
        assert told["classes"] == list("0123456789")
        assert "latent_dim" not in told
    else:
        assert told["latent_dim"] == 3
    images = {"name": "images", "dtype": "float32", "shape": ["batch", 1, 28, 28]}
    codes = {"name": "codes", "dtype": "float32", "shape": ["batch", 3]}
    outputs = {
        ("cae", "encoder"): [codes],
        ("vae", "encoder"): [codes, {**codes, "name": "log_variance"}],
        ("classifier", "classifier"): [{"name": "logits", "dtype": "float32", "shape": ["batch", 10]}],
    }
    assert told["files"].keys() == FILES[kind] - {"model.json"}
    for name, file in told["files"].items():
        part = name.partition(".")[0]
        assert file["inputs"] == [codes if part == "decoder" else images]
        assert file["outputs"] == ([images] if part == "decoder" else outputs[kind, part])
        data = (folder / name).read_bytes()
        assert (file["bytes"], file["sha256"]) == (len(data), hashlib.sha256(data).hexdigest())
        assert 0 <= file["largest_difference"] <= 1e-5
        if file["format"] == "onnx":
            _check_onnx(folder / name, file)


def _check_onnx(path: Path, file: Any) -> None:
    made = onnx.load(path)
    onnx.checker.check_model(made, full_check=True)
    assert [(opset.domain, opset.version) for opset in made.opset_import] == [("", file["opset"])]
    for tensors, told in ((made.graph.input, file["inputs"]), (made.graph.output, file["outputs"])):
        found = [
            (tensor.name, [side.dim_param or side.dim_value for side in tensor.type.tensor_type.shape.dim])
            for tensor in tensors
        ]
        assert found == [(tensor["name"], tensor["shape"]) for tensor in told]


@pytest.mark.parametrize("kind", MOST_KINDS)
def test_nothing_of_this_machine_and_of_other_parts_is_in_the_files(folders: Folders, kind: str) -> None:
    told_apart = (str(REPOSITORY), sys.prefix, str(Path.home()), "site-packages", ".py", "modèles", "mes runs")
    for path in folders[kind].iterdir():
        blobs = [path.read_bytes()]
        if path.suffix == ".pt2":
            with zipfile.ZipFile(path) as archive:
                blobs += [archive.read(name) for name in archive.namelist()]
            other = {"encoder": "decoder", "decoder": "encoder", "classifier": "decoder"}[path.stem]
            names = torch.export.load(path).state_dict
            assert not [name for name in names if other in name]
            assert any(path.stem in name or kind == "classifier" for name in names)
        for blob in blobs:
            assert not [word for word in told_apart if len(word) > 1 and word.encode() in blob]


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_the_same_run_gives_the_same_bytes_in_a_process_of_its_own(
    trained: Database, folders: Folders, tmp_path: Path
) -> None:
    command = [sys.executable, "-P", "-m", "engine.export.model.process", "--root", trained.root.path, "vae-digits/0"]
    done = subprocess.run(
        [*command, "--out", "new/again"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    folder = tmp_path / "new" / "again"
    assert json.loads(done.stdout) == {**described(folder), "folder": str(folder), "missing": None}
    assert contents(folder) == contents(folders["vae"])


def test_without_the_packages_of_the_extra_there_is_no_onnx(
    trained: Database, older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    done = export(trained, "classifier-digits/0", older)
    assert done.status == 0
    assert done.json()["missing"] == (
        "No ONNX was written, as onnxruntime cannot be imported: pip install 'aetui[export]'"
    )
    # What the older export listed is of other weights.
    assert contents(older).keys() == {"classifier.pt2", "model.json"}
    assert described(older)["files"].keys() == {"classifier.pt2"}


@pytest.mark.parametrize(
    ("run", "options", "says"),
    [
        ("cae-digits/7", (), "cae-digits/7"),
        ("nothing/0", (), "nothing"),
        ("cae-digits/1", (), "has no checkpoint"),
        ("cae-digits/0", ("--device", "cuda"), "on the CPU"),
    ],
)
def test_a_wrong_request_leaves_an_older_export_whole(
    trained: Database, older: Path, run: str, options: tuple[str, ...], says: str
) -> None:
    before = contents(older)
    done = export(trained, run, older, *options)
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert says in done.err
    assert contents(older) == before


def test_a_file_that_differs_leaves_an_older_export_whole(
    trained: Database, older: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(older)
    monkeypatch.setattr(check, "_TOLERANCE", -1.0)
    done = export(trained, "cae-digits/0", older)
    assert (done.status, done.out) == (2, "")
    assert done.err.startswith("encoder.pt2 differs by ")
    assert contents(older) == before


@pytest.mark.parametrize("place", ["model.json", "model.json/deeper"])
def test_what_is_no_folder_is_refused_before_anything_is_loaded(trained: Database, older: Path, place: str) -> None:
    before = contents(older)
    done = export(trained, "cae-digits/0", older / place)
    assert (done.status, done.out) == (2, "")
    assert done.err.splitlines() == [
        f"{older / 'model.json'} is no folder, so no model can be written into {older / place}."
    ]
    assert contents(older) == before


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="a folder that even root may not write into")
def test_a_folder_that_cannot_be_made_is_refused(trained: Database) -> None:
    done = export(trained, "cae-digits/0", Path("/proc/self/model"))
    assert (done.status, done.out) == (2, "")
    assert len(done.err.splitlines()) == 1
    assert "/proc/self" in done.err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_may_not_be_written_is_refused(trained: Database, older: Path) -> None:
    before = contents(older)
    older.chmod(0o500)
    try:
        done = export(trained, "cae-digits/0", older)
        assert (done.status, done.out) == (2, "")
        assert len(done.err.splitlines()) == 1
        assert str(older) in done.err
    finally:
        older.chmod(0o700)
    assert contents(older) == before


def test_a_full_disk_leaves_an_older_export_whole(folders: Folders, older: Path) -> None:
    before = contents(older)
    new = {name: data[::-1] for name, data in contents(folders["vae"]).items()}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))  # the description and .onnx fit, .pt2 does not
    try:
        with pytest.raises(RequestError, match=r"cannot be written into .*: File too large\."):
            replace_all(older, dict(sorted(new.items(), reverse=True)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert contents(older) == before


def test_a_folder_in_the_place_of_a_file_leaves_the_others_as_they_were(older: Path) -> None:
    (older / "classifier.pt2").mkdir()
    before = (older / "model.json").read_bytes()
    with pytest.raises(RequestError, match=r"classifier\.pt2 is a folder"):
        replace_all(older, {"model.json": b"{}", "classifier.pt2": b"", "encoder.pt2": b""})
    assert (older / "model.json").read_bytes() == before
    assert (older / "encoder.pt2").stat().st_size


def test_only_model_files_that_a_description_lists_are_removed(tmp_path: Path) -> None:
    listed = ("encoder.onnx", "../outside.onnx", "notes.txt")
    (tmp_path / "outside.onnx").touch()
    folder = tmp_path / "folder"
    replace_all(folder, {"model.json": json.dumps({"files": listed}).encode(), "encoder.onnx": b"", "notes.txt": b""})
    (folder / "decoder.onnx").touch()  # somebody else's
    replace_all(folder, {"model.json": b"[]", "encoder.pt2": b""})
    assert {path.name for path in folder.iterdir()} == {"model.json", "encoder.pt2", "notes.txt", "decoder.onnx"}
    assert (tmp_path / "outside.onnx").exists()
    replace_all(folder, {"model.json": b"{}"})  # over a description that is none
    assert (folder / "encoder.pt2").exists()


def _images(shape: tuple[int, int, int]) -> Images:
    torch.manual_seed(0)
    pixels = torch.randint(0, 256, (5, *shape), dtype=torch.uint8)
    return Images(pixels=pixels, labels=torch.zeros(5, dtype=torch.int64), class_names=("a",))


@pytest.mark.slow
def test_colours_odd_sides_and_few_images() -> None:
    made = VariationalAutoencoder(VariationalSpec(width=3, hidden=8, latent_dim=2), (3, 9, 14)).eval()
    for part in parts_of(made):
        reference, program = reference_of(part, made, _images((3, 9, 14))), trace(part)
        for file in (as_torch(part, program), as_onnx(part, program)):
            assert largest_difference(file, reference) < 1e-5


def test_what_is_no_number_or_too_far_away_is_refused() -> None:
    made = ConvolutionalAutoencoder(ModelSpec(width=2, hidden=8, latent_dim=2), (1, 8, 8)).eval()
    decoder = parts_of(made)[1]
    reference = reference_of(decoder, made, _images((1, 8, 8)))
    whole = ModelFile(
        name="decoder.pt2", format="", opset=None, data=b"", run=lambda codes: [made.decode(codes).detach()]
    )
    assert largest_difference(whole, reference) == 0

    def off_by(by: float) -> ModelFile:
        return replace(whole, run=lambda codes: [given + by for given in whole.run(codes)])

    assert largest_difference(off_by(9e-5), reference) == pytest.approx(9e-5, rel=0.01)
    with pytest.raises(RequestError, match=r"decoder\.pt2 differs by 0\.0002 from the run's model, where 0\.0001"):
        largest_difference(off_by(2e-4), reference)
    with pytest.raises(RequestError, match="differs by nan"):
        largest_difference(off_by(float("nan")), reference)
    cut = replace(whole, run=lambda codes: [given[..., :1] for given in whole.run(codes)])
    with pytest.raises(RequestError, match="another shape"):
        largest_difference(cut, reference)


class _Branching(Model):
    """A user's own kind that makes no images, and whose code depends on what it sees in a way no graph can hold."""

    def __init__(self) -> None:
        super().__init__(ModelSpec(), (1, 8, 8))

    def encode(self, images: Tensor) -> Tensor:
        codes = images.flatten(1)
        return codes if bool(codes.sum() > 1) else -codes


def test_a_kind_that_cannot_be_followed_is_refused_in_one_sentence() -> None:
    (encoder,) = parts_of(_Branching())
    assert encoder.name == "encoder"
    with pytest.raises(RequestError, match=r"^torch\.export cannot follow the encoder: [^\n]+$"):
        trace(encoder)
