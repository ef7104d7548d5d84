"""What a run's folder tells of its codes and its errors: units, classes, quality. Read in a thread."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from store.json_file import read_object
from store.paths import RunPaths
from tui.panes.latent.frames import Codes

_QUALITY = re.compile(r"latent-(\w+)-(\w+)\.json")


@dataclass(frozen=True, kw_only=True)
class Health:
    """``tables``: what stands in results.json beside single numbers (by class, by unit, confusion).

    ``spreads``: the deviation of each unit of the codes of ``epoch``, the newest that is kept. ``quality``: figures of
    latent studies, by their split and method.
    """

    tables: Mapping[str, Any] = field(default_factory=dict)
    epoch: int = 0
    spreads: tuple[float, ...] = ()
    quality: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class HealthReader:
    """Reads the files of one run again when one of them changed."""

    def __init__(self, paths: RunPaths) -> None:
        self._paths = paths
        self._stamp: object = None
        self._codes: tuple[int, tuple[float, ...]] = (0, ())

    def read(self) -> Health | None:
        """None: nothing has changed."""
        paths = self._paths
        studies = sorted(paths.folder.glob("latent-*-*.json"))
        evaluation = paths.folder / "evaluation.json"  # a recipe's
        epoch = max(paths.latent_epochs(), default=0)
        stamp = (epoch, tuple((path.name, _changed(path)) for path in (paths.results, evaluation, *studies)))
        if stamp == self._stamp:
            return None
        self._stamp = stamp
        if epoch != self._codes[0]:
            codes = Codes.load(paths.latents_of(epoch)) if epoch else None
            self._codes = epoch, _spreads(codes)
        figures = read_object(evaluation).get("figures")
        tables = {**(figures if isinstance(figures, dict) else {}), **read_object(paths.results)}
        quality = {}
        for path in studies:
            found, named = read_object(path).get("figures"), _QUALITY.fullmatch(path.name)
            if isinstance(found, dict) and named:
                quality[f"{named[1]}, {named[2]}"] = found
        return Health(tables=tables, epoch=epoch, spreads=self._codes[1], quality=quality)


def _spreads(codes: Codes | None) -> tuple[float, ...]:
    if codes is None or not len(codes.codes):
        return ()
    return tuple(np.std(codes.codes.astype(np.float64), axis=0).tolist())


def _changed(path: Any) -> tuple[int, int] | None:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_ino
