"""The runs of one experiment: state by glyph and word, then the columns that were chosen, as many as there is room for.

They may stand in groups, each below a head that can be folded.
"""

import itertools
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass, replace

from rich.style import Style
from textual import events

from store.names import RunName
from store.records import Run, RunState
from tui.look import Look, run_colour
from tui.tables.columns import LONGEST_TITLE, Field, cell_of, fields, needed_widths, usual
from tui.tables.filtering import field_name
from tui.tables.grouping import Group, Grouper, rows
from tui.tables.sorting import BY_NUMBER, Order
from tui.widgets.states import shown_state, shown_value, state_tone
from tui.widgets.table import Column, RowTable

_STATE_WIDTH = 10
_PLAIN = {"epoch", "value"}  # the others are dimmed


class RunTable(RowTable[Run | Group]):
    """``marks`` gives each marked run the number of a colour that it keeps as long as it is marked.

    ``chosen``: the columns in their order, none: the usual ones. ``by``: the field that the runs are grouped by, "" for
    none.
    """

    def __init__(self, look: Look, **options: object) -> None:
        super().__init__(look, **options)
        self.marks: dict[RunName, int] = {}
        self.num_markings = 0
        """Goes up with every change of ``marks``."""
        self.order = Order()
        self.chosen: tuple[str, ...] = ()
        self.by = ""
        self.listed: Sequence[Run] = ()
        """All runs that are shown, also those in a folded group."""
        self._folded: set[str] = set()
        self._grouper = Grouper()
        self._counted: dict[str, tuple[Group, int, int]] = {}
        self._seen: tuple[Sequence[Run], int, int] = (), -1, 0
        self._layout = self._laid_out()
        self._columns = tuple(self._make_columns())

    # What is shown

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Show ``runs``, which are in order already."""
        self.listed = runs
        before, self._layout = self._layout, self._laid_out()
        if before != self._layout:
            self._columns = tuple(self._make_columns())
            self.refresh()
        self.set_items(self._rows())

    def change(self, *, order: Order | None = None, chosen: Sequence[str] | None = None, by: str | None = None) -> None:
        """Look at the runs in another way; they are shown so by the next `show_runs`."""
        if order is not None:
            self.order = order
        if chosen is not None:
            self.chosen = tuple(chosen)
        if by is not None and by != self.by:
            self.by, self._folded, self._counted = by, set(), {}

    def _rows(self) -> Sequence[Run | Group]:
        if not self.by:
            return self.listed
        groups = self._grouper.grouped(self.listed, self.by, is_sorted=field_name(self.order.by) != BY_NUMBER)
        if self._folded and self._wanted and (hidden := self._head_over(self._wanted, groups)):
            self._folded.discard(hidden.title)
        return rows(groups, self._folded) if groups else self.listed

    def _head_over(self, key: Hashable, rows: Sequence[Run | Group]) -> Group | None:
        """The folded group that hides the run ``key``."""
        heads = (row for row in rows if isinstance(row, Group) and self.is_folded(row))
        return next((head for head in heads if any(run.name == key for run in head.runs)), None)

    def go_to(self, key: Hashable) -> None:
        if self._folded and (head := self._head_over(key, self.items)):
            self.fold(head, False)
        super().go_to(key)

    def is_folded(self, group: Group) -> bool:
        return group.title in self._folded

    def fold(self, group: Group, is_folded: bool) -> None:
        if is_folded != self.is_folded(group):
            self._folded ^= {group.title}
            self.set_items(self._rows())

    def on_click(self, event: events.Click) -> None:
        row = self.items[index] if 0 <= (index := self.scroll_offset.y + event.y - 1) < len(self.items) else None
        if event.y > 0 and isinstance(row, Group):
            self.fold(row, not self.is_folded(row))

    # What the cursor stands on

    @property
    def group(self) -> Group | None:
        """The group on whose head the cursor stands."""
        row = self.row
        return row if isinstance(row, Group) else None

    @property
    def current(self) -> Run | None:
        """The run under the cursor; under a head, the best of the group."""
        row = self.row
        return row.best if isinstance(row, Group) else row

    @property
    def chosen_runs(self) -> Sequence[Run]:
        """The run under the cursor, or all of its group."""
        row = self.row
        return row.runs if isinstance(row, Group) else () if row is None else (row,)

    def key(self, item: Run | Group) -> Hashable:
        return ("group", item.title) if isinstance(item, Group) else item.name

    # Columns

    def _laid_out(self) -> "_Layout":
        by = field_name(self.order.by)
        names = self.chosen or usual(self.listed)
        if by != BY_NUMBER and by not in ("state", *names):
            names = (by, *names)  # what the runs are sorted by is there
        largest = max((run.name.number for run in self.listed), default=0)
        number = Field(name="number", title="run", width=max(3, len(str(largest))), is_right=True)
        state = Field(name="state", title="state", width=_STATE_WIDTH, is_right=False)
        return _Layout(order=self.order, fields=(number, state, *fields(names, self.listed)))

    def columns(self) -> Sequence[Column[Run | Group]]:
        return self._columns

    def _make_columns(self) -> Iterable[Column[Run | Group]]:
        look, by = self.look, field_name(self.order.by)
        number, state, *others = map(self._sorted, self._layout.fields)
        widths = needed_widths(others, by, self.GUTTER + number.width + 1 + state.width + 1)
        yield _column(number, lambda run: (str(run.name.number), ""))
        yield _column(state, lambda run: (shown_state(run, look), state_tone(run.state)))
        for each in others:
            tone = "" if each.name in _PLAIN or each.name == by else "table--muted"
            yield _column(each, _toned(cell_of(each.name), tone), widths[each.name])

    def _sorted(self, field: Field) -> Field:
        """With an arrow, where the runs are sorted by it."""
        if field.name != field_name(self.order.by) or field.name == BY_NUMBER:
            return field
        arrow = self.look.pick("▼" if self.order.is_down else "▲", "v" if self.order.is_down else "^")
        width = field.width and max(field.width, min(len(field.title), LONGEST_TITLE) + 1)
        title = field.title[: width - 1] if width else field.title
        return replace(field, title=title + arrow, width=width)

    def across(self, item: Run | Group) -> tuple[str, str] | None:
        if not isinstance(item, Group):
            return None
        arrow = self.look.pick("▸", "+") if self.is_folded(item) else self.look.pick("▾", "-")
        count = f"{len(item.runs)} run{'' if len(item.runs) == 1 else 's'}"
        best = "" if item.best.state is RunState.FAILED else shown_value(item.best)
        return f"{arrow} {item.title}  {count}", f"best {best}" if best else ""

    # Marks

    def mark_cell(self, item: Run | Group) -> tuple[str, Style | None]:
        if isinstance(item, Group):
            num_marked = self._num_marked(item)
            all_or_some = self.look.pick("●", "*") if num_marked == len(item.runs) else self.look.pick("◐", "~")
            return all_or_some if num_marked else " ", None
        if item.name not in self.marks:
            return " ", None
        colour = run_colour(self.marks[item.name], self.look)
        return self.look.pick("●", "*"), Style(color=colour) if self.look.has_colour else None

    @property
    def num_out_of_sight(self) -> int:
        """Marked runs that are not among those shown."""
        if not self.marks:
            return 0
        if self._seen[0] is not self.listed or self._seen[1] != self.num_markings:
            num_seen = sum(run.name in self.marks for run in self.listed)
            self._seen = self.listed, self.num_markings, len(self.marks) - num_seen
        return self._seen[2]

    def _num_marked(self, group: Group) -> int:
        """Counted once, not at every repaint: a group can have thousands of runs."""
        known = self._counted.get(group.title)
        if known is None or known[0] is not group or known[1] != self.num_markings:
            count = sum(run.name in self.marks for run in group.runs) if self.marks else 0
            known = self._counted[group.title] = group, self.num_markings, count
        return known[2]

    def toggle_marks(self, names: Sequence[RunName]) -> None:
        """Mark them all; where they all are marked, none."""
        if all(name in self.marks for name in names):
            self.unmark(names)
            return
        taken = set(self.marks.values())
        free = (number for number in itertools.count() if number not in taken)
        self.marks |= {name: next(free) for name in names if name not in self.marks}
        self._remark()

    def unmark(self, names: Iterable[RunName] | None = None) -> None:
        for name in list(self.marks) if names is None else names:
            self.marks.pop(name, None)
        self._remark()

    def _remark(self) -> None:
        self.num_markings += 1
        self.repaint_rows()


@dataclass(frozen=True, kw_only=True, slots=True)
class _Layout:
    """What the columns depend on."""

    order: Order
    fields: tuple[Field, ...]


def _column(field: Field, cell: Callable[[Run], tuple[str, str]], from_width: int = 0) -> Column[Run | Group]:
    def of_row(row: Run | Group) -> tuple[str, str]:
        return ("", "") if isinstance(row, Group) else cell(row)

    return Column(title=field.title, width=field.width, cell=of_row, is_right=field.is_right, from_width=from_width)


def _toned(shown: Callable[[Run], str], tone: str) -> Callable[[Run], tuple[str, str]]:
    return lambda run: (shown(run), tone)
