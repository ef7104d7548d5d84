"""What helper processes are asked about a run: test figures and latent studies, checked before one is started.

The command line and the screen ask the same.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from engine.noise import Noise
from store.errors import RequestError
from store.records import Run, RunState
from store.sharing.ledger import has_file
from store.user_paths import user_path
from tui.look import number_text

if TYPE_CHECKING:
    from store.database import Database

_TOLD_FIRST = ("mse", "accuracy", "iwae", "knn_accuracy", "linear_probe_accuracy", "silhouette", "trustworthiness")
METHODS = ("pca", "tsne", "raw")
SPLITS = ("validation", "test", "train")


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Test figures, clean and under each of ``noise``; ``iwae``: samples of the importance-weighted likelihood.

    Raises:
        RequestError: a noise is not known or out of range.
    """

    module: ClassVar = "engine.analysis.evaluate"
    noise: Sequence[str] = ()
    draws: int = 5
    iwae: int = 0

    def __post_init__(self) -> None:
        for each in self.noise:
            Noise.parse(each)

    def check(self, database: "Database", run: Run) -> Path:
        """The checkpoint that will be measured.

        Raises:
            RequestError: ``run`` has no test figures, or none of this kind.
        """
        if run.state is not RunState.COMPLETE:
            raise RequestError(f"{run.name} is {run.state}: only a complete run has test figures.")
        if self.iwae and run.kind != "vae":
            raise RequestError(f"{run.name} is a {run.kind}: only a vae has an importance-weighted likelihood.")
        file = database.root.run(run.name).best
        if not has_file(database, run, file):
            raise RequestError(f"{run.name} has no checkpoint of its best epoch any more.")
        return file

    def arguments(self, run: Run, file: Path) -> list[str]:
        """For the helper process; ``file`` is what `check` found."""
        words = [str(run.name), *(f"--noise={each}" for each in self.noise), f"--draws={self.draws}"]
        return [*words, f"--iwae={self.iwae}"] if self.iwae else words

    def says(self, run: Run) -> str:
        return f"{run.name} is measured on the test images of {run.dataset}"


@dataclass(frozen=True, kw_only=True)
class LatentStudy:
    """Codes, their projection and its quality; ``limit`` 0: all images; ``between``: positions of two in the split.

    Raises:
        RequestError: there is no such method or split.
    """

    module: ClassVar = "engine.analysis.latent"
    method: str = "pca"
    split: str = "validation"
    limit: int = 2000
    between: tuple[int, int] | None = None
    out: Path | None = None
    """Where codes and points go; None: the run's folder."""

    def __post_init__(self) -> None:
        _check_choice("--method", self.method, METHODS)
        _check_choice("--split", self.split, SPLITS)

    def check(self, database: "Database", run: Run) -> Path:
        """The file that will be written.

        Raises:
            RequestError: ``run`` has no codes, or the file cannot be written.
        """
        paths = database.root.run(run.name)
        if not (has_file(database, run, paths.best) or has_file(database, run, paths.last)):
            raise RequestError(f"{run.name} has no checkpoint: no epoch of it was finished.")
        if self.out is None:  # of a run that another host trained, nothing need be here yet
            paths.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = user_path(self.out or paths.folder / f"latent-{self.split}-{self.method}.npz").absolute()
        if not file.parent.is_dir() or file.is_dir():
            raise RequestError(f"{str(file)!a} cannot be written: name a file in a folder that exists.")
        return file

    def arguments(self, run: Run, file: Path) -> list[str]:
        """For the helper process; ``file`` is what `check` found."""
        words = [str(run.name), f"--split={self.split}", f"--method={self.method}", f"--out={file}"]
        if self.limit:
            words.append(f"--limit={self.limit}")
        if self.between is not None:
            words += ["--between", *map(str, self.between)]
        return words

    def says(self, run: Run) -> str:
        return f"{run.name}: the {self.split} images of {run.dataset} are encoded"


def plain_figures(answer: Mapping[str, Any]) -> dict[str, float | None]:
    """The single numbers of a helper's answer."""
    return {key: value for key, value in answer.items() if isinstance(value, int | float | None)}


def told(answer: Mapping[str, Any]) -> str:
    """The figures of an answer that say most, then those under noise, in one line."""
    figures = plain_figures(answer)
    keys = [key for key in _TOLD_FIRST if key in figures] + [key for key in figures if "@" in key]
    return ", ".join(f"{key.replace('_', ' ')} {number_text(figures[key])}" for key in keys)


def _check_choice(option: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise RequestError(f"{option} {value!r} is not known: take one of {', '.join(choices)}.")
