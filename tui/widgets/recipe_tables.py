"""The two lists of a recipe: its steps, and the figures beside the reference's."""

from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING

from tui.look import Look, duration_text, printable
from tui.widgets.table import Column, RowTable

if TYPE_CHECKING:  # they bring the engine's catalog, which the first paint does not wait for
    from engine.recipes.driving import DrivenStep
    from tui.recipe_table import Row

_BAR = 10
STEP_GLYPHS: Mapping[str, tuple[str, str]] = {
    "waiting": ("◌", "."),
    "running": ("▶", ">"),
    "done": ("✓", "+"),
    "failed": ("✗", "!"),
    "skipped": ("–", "-"),
}
_TONES = {"running": "table--busy", "done": "table--good", "failed": "table--bad"}


class StepTable(RowTable["DrivenStep"]):
    def key(self, item: "DrivenStep") -> Hashable:
        return item.id

    def columns(self) -> Sequence["Column[DrivenStep]"]:
        look = self.look
        return (
            Column(title="state", width=9, cell=lambda s: _state(s, look)),
            Column(title="step", width=0, cell=lambda s: (printable(s.title), "")),
            Column(title="done", width=7, cell=lambda s: (_count(s), ""), is_right=True),
            Column(title="", width=_BAR, cell=lambda s: (_bar(s, look), "table--busy"), from_width=58),
            Column(title="left", width=6, cell=lambda s: (_left(s), "table--muted"), is_right=True),
            Column(title="", width=0, cell=lambda s: (printable(s.says), _says_tone(s)), from_width=100),
        )


class FigureTable(RowTable["Row"]):
    def key(self, item: "Row") -> Hashable:
        return item.id

    def columns(self) -> Sequence["Column[Row]"]:
        look = self.look
        return (
            Column(title="result", width=0, cell=lambda r: (printable(r.title), ""), is_cut_inside=True),
            Column(title="reference", width=9, cell=lambda r: (r.reference, "table--muted"), is_right=True),
            Column(title="ours", width=9, cell=lambda r: (r.ours, ""), is_right=True),
            Column(
                title="spread",
                width=8,
                cell=lambda r: (r.spread, "table--muted"),
                is_right=True,
                from_width=78,
            ),
            Column(title="better", width=6, cell=lambda r: _better(r.better, look)),
            Column(title="runs", width=28, cell=lambda r: (_runs(r), "table--muted"), from_width=110),
        )


def step_state(state: str, look: Look) -> str:
    return f"{look.pick(*STEP_GLYPHS[state])} {state}"


def _state(step: "DrivenStep", look: Look) -> tuple[str, str]:
    return step_state(str(step.state), look), _TONES.get(str(step.state), "table--muted")


def _count(step: "DrivenStep") -> str:
    return f"{step.num_done}/{step.num_total}" if step.num_total else ""


def _bar(step: "DrivenStep", look: Look) -> str:
    """Of what runs; where all or nothing is done the state says so."""
    if str(step.state) != "running" or not step.num_total:
        return ""
    full = round(_BAR * min(step.num_done / step.num_total, 1.0))
    return look.pick("━", "=") * full + look.pick("┄", ".") * (_BAR - full)


def _left(step: "DrivenStep") -> str:
    return "" if step.state.is_over else duration_text(step.left_s)


def _says_tone(step: "DrivenStep") -> str:
    return "table--bad" if str(step.state) == "failed" else "table--muted"


def _better(is_better: bool | None, look: Look) -> tuple[str, str]:
    if is_better is None:
        return "-", "table--muted"
    return (look.pick("✓ yes", "+ yes"), "table--good") if is_better else (look.pick("✗ no", "! no"), "table--bad")


def _runs(row: "Row") -> str:
    if not row.runs:
        return ""
    others = f" and {len(row.runs) - 1} more" if len(row.runs) > 1 else ""
    return f"{row.runs[0]}{others}"
