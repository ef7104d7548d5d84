"""An export holds what the storage and the models say, the same bytes each time, whole or not at all."""

import base64
import csv
import hashlib
import itertools
import json
import re
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
from matplotlib.colors import to_hex, to_rgb
from matplotlib.text import Text
from PIL import Image

from engine import catalog, crossval, jobs, search
from engine.analysis.evaluate import main as evaluate
from engine.analysis.loaded import load_run
from engine.export import chapters, writing
from engine.export.figures import codes
from engine.export.figures.cast import Cast
from engine.export.figures.desk import Desk
from engine.export.figures.every import FIGURES
from engine.export.figures.sights import Sights
from engine.export.scope import scopes
from engine.export.wishes import Wishes
from engine.figures.scatter import Scatter
from engine.figures.style import Style
from engine.models.base import Autoencoder
from engine.recipes.asked import AskedRecipe
from engine.recipes.driving import Record
from engine.recipes.progress import RecipeProgress, StepProgress, StepState
from engine.search import SearchSpec
from engine.space import Parameter, Space
from engine.spec import RunSpec
from store import listing
from store.database import Database, open_database
from store.errors import RequestError
from store.experiments import ensure_experiment
from store.names import RunName
from store.paths import Root
from store.records import RunState
from tests.live import is_alive

SMALL = {"width": 2, "hidden": 8, "train_limit": 100}
REFERENCE = (
    *("optimization_history", "importance", "training_history", "crossval_history", "reconstructions", "samples"),
    *("classifier_history", "noise", "denoising_history", "denoising_1x", "denoising_3x", "denoising_saltpepper"),
    *("vae_history", "vae_reconstructions", "latent", "latent_grid"),
)


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    """A small study on real digits: every part of the figures is there."""
    database = open_database(Root(tmp_path_factory.mktemp("étude") / "mes runs"), create=True)

    def train(kind: str, name: str, **settings: Any) -> RunName:
        spec = RunSpec(
            kind=kind,
            dataset="digits",
            epochs=2,
            device="cpu",
            start_from=settings.pop("start_from", None),
            model=catalog.kind(kind).spec(),
        )
        added = jobs.enqueue(database, spec.with_settings({**SMALL, **settings}), name)
        jobs.run_inline(database)
        return added

    encoder = train("cae", "plain")
    train("dae", "noisy", noise="0..0.5")
    train("vae", "variational", latent_dim=3)
    train("vae", "variational", latent_dim=3, beta=0.01)
    train("vae", "plane", latent_dim=2)
    train("classifier", "frozen", freeze="convolutions", start_from=str(encoder))
    train("classifier", "scratch")
    noises = ["--noise", "gaussian:0.1,0.3,0.5"]
    assert evaluate(["--root", str(database.root.path), "noisy/0", "--draws", "1", *noises]) == 0
    base = RunSpec(kind="cae", dataset="digits", epochs=1, device="cpu").with_settings(SMALL)
    space = Space(
        parameters=(Parameter(name="latent_dim", low=2, high=4, is_int=True), Parameter(name="lr", low=1e-3, high=1e-2))
    )
    first = ({"latent_dim": 2, "lr": 0.005}, {"latent_dim": 3, "lr": 0.001}, {"latent_dim": 4, "lr": 0.01})
    search.start(database, "sweep", SearchSpec(base=base, space=space, num_trials=4, first=first, pruner="none"))
    jobs.run_inline(database)
    crossval.queue_missing(database, "plain", top=1, folds=2)
    jobs.run_inline(database)
    ensure_experiment(database, "empty", "cae", "digits")
    yield database
    database.close()


@pytest.fixture
def lent_drawers(drawers: ProcessPoolExecutor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chapters, "_drawers", lambda: nullcontext(drawers))


def wishes(*formats: str, **options: Any) -> Wishes:
    return Wishes.checked(
        **{"formats": formats, "data_formats": (), "columns": 2, "dpi": 60, "style": "light", **options}
    )


@pytest.fixture(scope="module")
def drawers() -> Iterator[ProcessPoolExecutor]:
    """Processes that draw for small exports: of its own, each would import all of matplotlib for a few figures."""
    with chapters._drawers() as pool:
        yield pool


def export(database: Database, out: Path, *names: str, wished: Wishes | None = None) -> dict[str, Any]:
    return writing.write(database, names, out, wished or wishes("png"), lambda done, total, says: None)


@pytest.fixture(scope="module")
def exported(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Everything, as PDF only in a slow test."""
    out = tmp_path_factory.mktemp("export") / "figures"
    export(database, out, wished=wishes("png", "svg", data_formats=("csv",)))
    return out


def table(file: Path) -> list[dict[str, str]]:
    with file.open(encoding="utf-8", newline="") as opened:
        return list(csv.DictReader(opened))


def pictures(file: Path) -> tuple[dict[str, Any], np.ndarray[Any, Any]]:
    found = json.loads(file.read_text(encoding="utf-8"))
    pixels = np.frombuffer(base64.b64decode(found["pictures"]["base64"]), np.uint8)
    return found, pixels.reshape(found["pictures"]["shape"])


def desk(database: Database, *names: str) -> Desk:
    return Desk(Cast(database, scopes(database, names)[0]), lambda name: Sights(load_run(database, name, "cpu")))


def test_every_figure_is_there_in_every_format_with_its_numbers(exported: Path) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    assert {entry.name for entry in FIGURES} - set(manifest["figures"]) == set(), "the study lacks nothing"
    assert set(REFERENCE) <= set(manifest["figures"])
    captions = (exported / "captions.md").read_text()
    for name in manifest["figures"]:
        endings = {file.suffix for file in exported.glob(f"{name}.*")}
        pictures = {".gif"} if name.endswith("latent_epochs") else {".png", ".svg"}
        assert endings - pictures in ({".csv"}, {".json"}), name
        assert pictures <= endings, name
        assert "/" in name or f"**{name}**: " in captions
    for name in (*REFERENCE, "plane/latent"):
        with Image.open(exported / f"{name}.png") as image:
            assert image.width == pytest.approx(6.9 * 60, abs=2)
            assert len(image.convert("L").getcolors(256) or []) > 8, f"{name} shows something"


@pytest.mark.slow
def test_every_figure_is_there_as_pdf(database: Database, tmp_path: Path) -> None:
    manifest = export(database, tmp_path, wished=wishes("pdf"))
    assert set(REFERENCE) <= set(manifest["figures"])
    for name in manifest["figures"]:
        assert name.endswith("latent_epochs") or (tmp_path / f"{name}.pdf").read_bytes().startswith(b"%PDF")


def test_the_manifest_tells_of_every_file_and_run(exported: Path, database: Database) -> None:
    manifest = json.loads((exported / "manifest.json").read_text())
    files = {str(file.relative_to(exported)) for file in exported.rglob("*") if file.is_file()} - {"manifest.json"}
    assert set(manifest["files"]) == files
    for name, hashed in manifest["files"].items():
        assert hashlib.sha256((exported / name).read_bytes()).hexdigest() == hashed
    assert set(manifest["figures"]["latent"]["runs"]) == {"plane/0"}
    config = json.loads(database.root.run(RunName("plane", 0)).config.read_text())
    assert manifest["runs"]["plane/0"]["versions"] == config["versions"]
    assert manifest["runs"]["plane/0"]["seed"] == config["spec"]["seed"]


def test_best_so_far_is_the_lowest_completed_value(exported: Path, database: Database) -> None:
    rows = table(exported / "optimization_history.csv")
    complete = [run for run in listing.runs(database, "sweep") if run.state is RunState.COMPLETE]
    values = {run.name.number: run.value for run in complete}
    assert {int(float(row["x"])): float(row["y"]) for row in rows if row["line"] == "complete"} == values
    best = [float(row["y"]) for row in rows if row["line"] == "best so far"]
    assert best == np.minimum.accumulate([values[number] for number in sorted(values)]).tolist()
    assert best[-1] == min(values.values())


def test_histories_are_the_metrics(exported: Path, database: Database) -> None:
    lines = [json.loads(line) for line in database.root.run(RunName("variational", 0)).metrics.read_text().splitlines()]
    epochs = [line for line in lines if line["kind"] == "epoch"]
    rows = [row for row in table(exported / "vae_history.csv") if row["line"] == "validation"]
    assert [float(row["y"]) for row in rows if row["panel"].startswith("KL")] == [line["val_kl"] for line in epochs]
    assert [float(row["y"]) for row in rows if row["panel"].startswith("MSE")] == [line["val_mse"] for line in epochs]


def test_the_mean_of_the_folds_is_their_mean(exported: Path) -> None:
    rows = table(exported / "crossval_history.csv")
    of_epoch = [float(row["y"]) for row in rows if row["line"] == "one fold" and float(row["x"]) == 2]
    assert len(of_epoch) == 2
    mean = next(float(row["y"]) for row in rows if row["line"].startswith("mean") and float(row["x"]) == 2)
    assert mean == pytest.approx(np.mean(of_epoch))
    assert any(row["line"] == "hold-out" for row in rows)


def test_rows_of_a_confusion_matrix_sum_to_the_class_counts(exported: Path, database: Database) -> None:
    found = np.array(
        [[int(value) for value in list(row.values())[1:]] for row in table(exported / "confusion_matrix.csv")]
    )
    test = load_run(database, RunName("scratch", 0), "cpu").splits.test
    assert found.sum(axis=1).tolist() == test.labels.bincount(minlength=10).tolist()
    (run,) = {*json.loads((exported / "manifest.json").read_text())["figures"]["confusion_matrix"]["runs"]}
    accuracy = listing.run(database, RunName.parse(run)).test["accuracy"]
    assert found.trace() / found.sum() == pytest.approx(accuracy)


@pytest.mark.parametrize(("name", "build"), [("latent", codes.latent), ("latent_pca_tsne", codes.latent_pca_tsne)])
def test_a_latent_figure_has_as_many_points_as_rows(
    exported: Path, database: Database, name: str, build: Callable[[Desk], Any]
) -> None:
    drawing = build(desk(database)).drawing
    assert isinstance(drawing, Scatter)
    style = Style()
    rows = table(exported / f"{name}.csv")
    for axes in drawing.draw(style).axes:
        assert sum(len(np.asarray(cloud.get_xdata())) for cloud in axes.lines) == len(rows)
        for cloud in axes.lines:
            expected = style.class_colour(drawing.class_names.index(str(cloud.get_label())))
            assert to_hex(cloud.get_color()) == expected, "the class has its colour"
    assert {row["class"] for row in rows} == set(drawing.class_names)


def test_a_film_has_a_frame_an_epoch_and_the_colours_of_the_classes(exported: Path) -> None:
    with Image.open(exported / "latent_epochs.gif") as film:
        assert film.n_frames == len({row["epoch"] for row in table(exported / "latent_epochs.csv")}) == 2
        film.seek(1)
        colours = {pixel for _, pixel in film.convert("RGB").getcolors(2**24) or []}
    wanted = [tuple(round(255 * part) for part in to_rgb(Style().class_colour(number))) for number in range(10)]
    assert all(
        any(max(abs(a - b) for a, b in zip(one, other, strict=True)) <= 2 for other in colours) for one in wanted
    )


def test_the_grid_is_what_the_decoder_makes_of_its_codes(exported: Path, database: Database) -> None:
    found, shown = pictures(exported / "latent_grid.json")
    model = load_run(database, RunName("plane", 0), "cpu").model
    assert isinstance(model, Autoencoder)
    places = torch.tensor(found["codes"])
    with torch.inference_mode():
        decoded = model.decode(places.reshape(-1, 2).float()).clamp(0, 1) * 255
    assert np.abs(shown.reshape(len(decoded), -1).astype(float) - decoded.flatten(1).numpy()).max() <= 0.51
    assert places[0, 0, 1] > places[-1, 0, 1], "upwards is up"
    assert places[0, 0, 0] < places[0, -1, 0]


def test_reconstructions_are_of_test_images(exported: Path, database: Database) -> None:
    found, shown = pictures(exported / "reconstructions.json")
    test = load_run(database, RunName("plain", 0), "cpu").splits.test
    assert (shown[0] == test.pixels[found["test_indices"]].numpy()).all()
    difference = (shown[0].astype(float) - shown[1].astype(float)) / 255
    assert found["mse"] == pytest.approx((difference**2).mean(axis=(1, 2, 3)), abs=1e-4)


def test_the_noise_is_as_told(exported: Path) -> None:
    found, shown = pictures(exported / "noise.json")
    assert found["noises"] == [
        "none",
        *(f"gaussian:{factor}" for factor in (0.1, 0.2, 0.3, 0.4, 0.5)),
        "saltpepper:0.1",
    ]
    grey = (shown[0] > 100) & (shown[0] < 155)  # far from where it is cut off
    for row, factor in ((1, 0.1), (2, 0.2)):
        assert np.std((shown[row].astype(float) - shown[0])[grey] / 255) == pytest.approx(factor, rel=0.15)
    assert found["rows"][1] == "1x: 0.1"
    assert json.loads((exported / "denoising_3x.json").read_text())["noise"] == "gaussian:0.3"


def test_the_report_needs_nothing_else(exported: Path) -> None:
    report = (exported / "report.html").read_text(encoding="utf-8")
    sources = re.findall(r'(?:src|href)="([^"]*)"', report)
    assert all(source.startswith(("data:", "#")) for source in sources)
    assert "http" not in re.sub(r'"data:[^"]*"', "", report)
    manifest = json.loads((exported / "manifest.json").read_text())
    assert report.count("<figure>") == len(manifest["figures"])


def test_type_is_embedded(of_plane: Path) -> None:
    assert "<text" not in (of_plane / "vae_history.svg").read_text()
    assert b"/FontFile2" in (of_plane / "vae_history.pdf").read_bytes()


def test_tables_for_paper_and_program(exported: Path, database: Database) -> None:
    rows = table(exported / "variational" / "table.csv")
    assert {row["run"]: float(row["test mse"]) for row in rows} == {
        str(run.name): run.test["mse"] for run in listing.runs(database, "variational")
    }
    assert "| run |" in (exported / "variational" / "table.md").read_text()
    assert r"\toprule" in (exported / "variational" / "table.tex").read_text()


def test_the_same_export_twice_is_the_same_bytes(of_plane: Path, database: Database, tmp_path: Path) -> None:
    export(database, tmp_path, "plane", wished=wishes("png", "pdf", "svg"))  # by other processes than the first
    first, again = (json.loads((out / "manifest.json").read_text())["files"] for out in (of_plane, tmp_path))
    assert {Path(name).suffix for name in again} >= {".png", ".pdf", ".svg", ".gif", ".csv", ".json", ".md", ".tex"}
    assert again == first


@pytest.mark.slow
def test_some_of_it_is_the_same_bytes_as_in_all_of_it(exported: Path, database: Database, tmp_path: Path) -> None:
    export(database, tmp_path, "plane", "sweep", wished=wishes("png", "svg"))
    first, again = (json.loads((out / "manifest.json").read_text())["files"] for out in (exported, tmp_path))
    compared = {name: hashed for name, hashed in again.items() if "/" in name}
    assert {Path(name).suffix for name in compared} >= {".png", ".svg", ".gif", ".csv", ".json", ".md", ".tex"}
    assert compared.items() <= first.items()


@pytest.mark.usefixtures("lent_drawers")
def test_one_run_lies_flat_and_several_apart(database: Database, tmp_path: Path) -> None:
    export(database, tmp_path / "one", "scratch/0")
    assert (tmp_path / "one" / "confusion_matrix.png").is_file()
    assert not (tmp_path / "one" / "optimization_history.png").exists()
    export(database, tmp_path / "two", "scratch/0", "frozen")
    assert (tmp_path / "two" / "scratch" / "0" / "confusion_matrix.png").is_file()
    assert (tmp_path / "two" / "frozen" / "confusion_matrix.png").is_file()


@pytest.mark.slow
@pytest.mark.usefixtures("lent_drawers")
def test_a_fold_is_a_run_as_any_other(database: Database, tmp_path: Path) -> None:
    export(database, tmp_path, "plain-crossval/0")
    assert (tmp_path / "training_history.png").is_file()


def test_what_lacks_is_told_with_a_command(of_plane: Path) -> None:
    told = json.loads((of_plane / "manifest.json").read_text())
    (missing,) = [each for each in told["missing"] if each["figure"] == "rate_distortion"]
    assert "two values of beta" in missing["reason"]
    assert missing["command"] == "aetui run vae --dataset digits --name plane --set latent_dim=2 --set beta=0.002"


@pytest.fixture(scope="module")
def drawings(database: Database) -> dict[str, Any]:
    """All but the film, whose text is two labels."""
    table = desk(database)
    return {entry.name: entry.build(table).drawing for entry in FIGURES if entry.name != "latent_epochs"}


@pytest.mark.parametrize(("columns", "style"), [(1, "dark"), pytest.param(2, "light", marks=pytest.mark.slow)])
def test_no_text_is_cut_off_or_lies_over_another(drawings: dict[str, Any], columns: int, style: str) -> None:
    for name, drawing in drawings.items():
        figure = drawing.draw(Style(columns=columns, dpi=100, is_dark=style == "dark"))
        figure.draw_without_rendering()
        width, height = figure.bbox.size
        for axes in figure.axes:
            ticks = [
                _shown(axes.get_xticklabels(), axes.get_xlim(), 0),
                _shown(axes.get_yticklabels(), axes.get_ylim(), 1),
            ]
            for text in [*itertools.chain(*ticks), axes.xaxis.label, axes.yaxis.label, axes.title]:
                box = text.get_window_extent()
                is_inside = box.x0 >= -1 and box.y0 >= -1 and box.x1 <= width + 1 and box.y1 <= height + 1
                assert is_inside or not text.get_text(), (name, text)
            for labels in ticks:
                upright = [each for each in labels if each.get_rotation() == 0]
                for one, other in itertools.pairwise(upright):
                    assert not one.get_window_extent().overlaps(other.get_window_extent()), (name, one, other)


def _shown(labels: Iterable[Text], limits: tuple[float, float], axis: int) -> list[Text]:
    low, high = sorted(limits)
    return [label for label in labels if label.get_text() and low <= label.get_position()[axis] <= high]


@pytest.fixture(scope="module")
def of_plane(database: Database, drawers: ProcessPoolExecutor, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("plane") / "out"
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(chapters, "_drawers", lambda: nullcontext(drawers))
        export(database, out, "plane", wished=wishes("png", "pdf", "svg"))
    return out


@pytest.fixture
def older(of_plane: Path, tmp_path: Path) -> Path:
    """An export that is there already."""
    shutil.copytree(of_plane, tmp_path / "older")
    return tmp_path / "older"


def contents(folder: Path) -> dict[Path, bytes]:
    """Temporary ones too."""
    return {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def run_process(database: Database, out: Path, *names: str, **options: Any) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-P", "-m", "engine.export.process", "--root", str(database.root.path)]
    command += ["--out", str(out), "--format", "png", *names]
    return subprocess.run(command, capture_output=True, text=True, timeout=100, check=False, **options)


@pytest.mark.parametrize(
    ("names", "says"),
    [
        (["nothing"], "There is no run, experiment or recipe 'nothing'"),
        (["plain/77"], "There is no run plain/77"),
        (["empty"], "empty is empty"),
    ],
)
def test_what_is_not_there_is_told_in_a_sentence(
    database: Database, tmp_path: Path, names: list[str], says: str
) -> None:
    with pytest.raises(RequestError, match=says):
        export(database, tmp_path / "out", *names)
    assert not (tmp_path / "out").exists()


def test_a_recipe_whose_file_has_gone_hinders_nothing(database: Database, tmp_path: Path) -> None:
    file, state = tmp_path / "mine.toml", database.root.path / ".recipe-mine.json"
    file.write_text('dataset = "digits"\n[first]\nkind = "run"\nepochs = 1\n')
    asked = AskedRecipe(source=str(file))
    recipe = asked.recipe()
    try:
        steps = tuple(StepProgress(step=step, state=StepState.WAITING) for step in recipe.steps)
        Record(database.root, asked, 1).tell(RecipeProgress(recipe=recipe, steps=steps))
        assert scopes(database, [])[0].recipe == recipe
        file.unlink()
        found = scopes(database, [])
        assert found[0].recipe is None
        assert {"plain", "plane", "sweep"} <= {scope.folder for scope in found}
        with pytest.raises(RequestError, match="There is no recipe"):
            scopes(database, ["mine"])
    finally:
        state.unlink()


def test_an_older_export_outlives_a_full_disk(database: Database, older: Path) -> None:
    before = contents(older)

    def fill() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))

    said = run_process(database, older, "plain", preexec_fn=fill)
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert "cannot be written" in said.stderr
    assert contents(older) == before


def test_a_folder_that_cannot_be_written_to_is_told(database: Database, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    said = run_process(database, tmp_path / "file" / "out", "plane")
    assert said.returncode == 2
    assert said.stderr.count("\n") == 1
    assert (tmp_path / "file").read_text() == "not a folder"


@pytest.mark.slow
def test_an_export_that_is_ended_leaves_the_older_one(database: Database, older: Path) -> None:
    before = contents(older)
    command = [sys.executable, "-P", "-m", "engine.export.process", "--root", str(database.root.path)]
    process = subprocess.Popen([*command, "--out", str(older), "--format", "png"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["done"] > 5:
            break
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 128 + signal.SIGTERM
    process.stdout.close()
    assert contents(older) == before


@pytest.mark.usefixtures("lent_drawers")
def test_a_killed_export_leaves_no_process_and_its_leftovers_go_with_the_next(database: Database, older: Path) -> None:
    before = contents(older)
    command = [sys.executable, "-P", "-m", "engine.export.process", "--root", str(database.root.path)]
    process = subprocess.Popen([*command, "--out", str(older), "--format", "png"], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if json.loads(line)["done"] > 5:
            break
    drawers = [child for child in psutil.Process(process.pid).children() if "spawn_main" in " ".join(child.cmdline())]
    assert drawers
    process.kill()
    process.wait()
    process.stdout.close()
    psutil.wait_procs(drawers, timeout=30)
    assert not any(map(is_alive, drawers))
    assert {file: data for file, data in contents(older).items() if ".export-" not in str(file)} == before
    export(database, older, "scratch")
    assert not list(older.glob(".export-*"))


@pytest.mark.usefixtures("lent_drawers")
def test_files_of_others_stay_and_our_old_ones_go(database: Database, older: Path) -> None:
    (older / "notes.txt").write_text("mine")
    (older / "samples.json").write_text("changed by hand")
    export(database, older, "scratch")
    assert (older / "notes.txt").read_text() == "mine"
    assert (older / "samples.json").read_text() == "changed by hand"
    assert not (older / "latent.png").exists()
    assert (older / "confusion_matrix.png").is_file()


@pytest.mark.usefixtures("lent_drawers")
def test_data_alone_leave_the_figures(database: Database, older: Path) -> None:
    manifest = export(database, older, "plane", wished=wishes(data_formats=("json",)))
    assert (older / "latent.png").is_file()
    assert {"latent.png", "runs.json", "curves.json", "codes.json"} <= set(manifest["files"])
    assert "latent" in manifest["figures"], "what is told of them stays"
