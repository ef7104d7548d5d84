"""What the search of the chosen experiment has found: history, what mattered, the best of each, what was pruned."""

from typing import TYPE_CHECKING, Any

from rich.text import Text

from tui.bindings import key_of
from tui.look import Look
from tui.widgets.scrolled_lines import ScrolledLines

if TYPE_CHECKING:
    from tui.panes.search.findings import Findings

_TWO_BLOCKS, _TWO_COLUMNS = 62, 110
"""Widths from which short blocks stand beside each other, and from which everything does."""
_MARGIN = 2


class SearchPane(ScrolledLines):
    """``m`` changes between the blocks and parallel coordinates, ``L`` the history's axis."""

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(look, **options)
        self._experiment: str | None = None
        self._told: tuple[str, Findings | None] | None = None
        self._log_y = False
        self._is_parallel = False
        self._hides_pruned = False

    @property
    def findings(self) -> "Findings | None":
        """Those of the experiment that is shown, as far as they were told."""
        return self._told[1] if self._told and self._told[0] == self._experiment else None

    def show_experiment(self, experiment: str | None) -> None:
        if experiment != self._experiment:
            self._experiment = experiment
            self.to_top()
            self.draw()

    def hide_pruned(self, is_hidden: bool) -> None:
        """Leave out which runs were pruned, or no longer."""
        if is_hidden != self._hides_pruned:
            self._hides_pruned = is_hidden
            self.draw()

    def take_findings(self, experiment: str, findings: "Findings | None") -> None:
        self._told = experiment, findings
        if experiment == self._experiment:
            self.draw()

    def action_log_axis(self) -> None:
        self._log_y = not self._log_y
        self.draw()

    def action_view(self) -> None:
        self._is_parallel = not self._is_parallel
        self.to_top()
        self.draw()

    def on_resize(self) -> None:
        self.draw()

    def on_show(self) -> None:
        self.draw()

    def draw(self) -> None:
        if not self.display or not self.size.width:
            return
        if self.findings is None:
            is_told = self._told is not None and self._told[0] == self._experiment
            is_told = is_told or self._experiment is None
            no_search = f"No search here: {key_of('run.search')} begins one."
            says = no_search if is_told else "Reading what the search has found."
            lines = [Text(), Text(), Text(f"   {says}", style="dim")]
        else:
            lines = self._lines(self.findings, self.size.width - _MARGIN, self.size.height)
        self.show_lines(lines)

    def _lines(self, findings: "Findings", width: int, height: int) -> list[Text]:
        from tui.panes.search import lines as blocks  # brings numpy and plotext: not before there is something to draw

        look = self._look
        head = blocks.head(findings, width, look)
        if self._is_parallel:
            from tui.panes.search.parallel import parallel

            return [*head, *parallel(findings, width, height - len(head), look)]
        mattered = findings, width, look
        pruned = [] if self._hides_pruned else blocks.pruned(*mattered)
        if width >= _TWO_COLUMNS:
            half = width * 3 // 5
            rest = width - half - 3
            side = [*blocks.importance(findings, rest, look), Text(), *blocks.bests(findings, rest, look)]
            tall = max(min(height - len(head) - 1, 40), len(side), 10)
            tall = min(tall, max(height * 3 // 5, len(side)))
            drawn = blocks.history(findings, half, tall, look, log_y=self._log_y)
            return [*head, Text(), *blocks.beside(drawn, side, half), Text(), *pruned]
        drawn = blocks.history(findings, width, max(8, height * 11 // 20), look, log_y=self._log_y)
        if width >= _TWO_BLOCKS:
            part = max(24, width // 3)
            bars = blocks.importance(findings, part, look)
            below = blocks.beside(bars, blocks.bests(findings, width - part - 3, look), part)
        else:
            below = [*blocks.importance(*mattered), Text(), *blocks.bests(*mattered)]
        return [*head, *drawn, *below, Text(), *pruned]
