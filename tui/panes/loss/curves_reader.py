"""The curves of runs, read as their files grow. For the watcher's thread."""

from collections.abc import Sequence

from store.metrics import MetricsReader
from store.names import RunName
from store.paths import Root
from tui.panes.loss.curves import Curves

_MOST_KEPT = 64  # of runs that are not looked at now


class CurvesReader:
    def __init__(self, root: Root) -> None:
        self._root = root
        self._known: dict[RunName, tuple[MetricsReader, int, Curves]] = {}
        self._asked: Sequence[RunName] = ()

    def read(self, names: Sequence[RunName]) -> dict[RunName, Curves]:
        """Those of ``names`` that have changed, or were not asked for the last time."""
        changed = {}
        for name in names:
            known = self._known.pop(name, None)
            reader, generation, curves = known or (MetricsReader(self._root.run(name).metrics), 0, Curves())
            lines = reader.read()
            if reader.generation != generation:
                curves = Curves()
            if lines:
                curves = curves.grown(lines)
            if lines or reader.generation != generation or name not in self._asked:
                changed[name] = curves
            self._known[name] = (reader, reader.generation, curves)
        for name in [name for name in self._known if name not in names][:-_MOST_KEPT]:
            del self._known[name]
        self._asked = names
        return changed
