"""What the worker wrote about the run: follows the end while one is there, searches, jumps to errors."""

import itertools
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widgets import Input

from store.names import RunName
from store.records import Run, RunState
from tui import bindings
from tui.look import Look
from tui.panes.log.lines import LogLine, error_starts, highlighted, matches, row_starts
from tui.panes.log.tails import LAST_BYTES, Growth
from tui.widgets.lines import Lines

MOST_LINES = 50_000
_DROPPED_AT_ONCE = 5_000
_ABOVE = 3
"""Lines that are left above what was jumped to."""


class LogView(ScrollView, can_focus=False):
    """The lines, each broken where it is longer than the pane is wide."""

    COMPONENT_CLASSES: ClassVar = {"log--muted", "log--bad", "log--match", "log--current"}

    class Scrolled(Message):
        """Another part of the log is shown."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.lines: list[LogLine] = []
        self._starts: list[Sequence[int]] = []
        """Of each line, the cells that its rows begin with."""
        self._ends: list[int] = []
        """The row behind each line."""
        self._words = ""
        self._current: int | None = None
        self.follows = True
        """Whether the end was shown when last it was scrolled."""
        self.target: int | None = None
        """The line that was jumped to, until it is scrolled."""

    @property
    def top_line(self) -> int:
        """The line of the uppermost row."""
        return bisect_right(self._ends, self.scroll_offset.y)

    def replace_from(self, first: int, lines: list[LogLine]) -> None:
        """Put ``lines`` in the place of all from ``first`` on; only rows that changed are painted again."""
        self.lines[first:] = lines
        del self._starts[first:], self._ends[first:]
        top = self._ends[-1] if self._ends else 0
        width = self._row_width
        starts = [row_starts(line, width) for line in lines]
        self._starts += starts
        self._ends += list(itertools.accumulate(map(len, starts), initial=top))[1:]
        self._fit()
        y = top - self.scroll_offset.y
        if y < self.size.height:
            self.refresh(Region(0, max(0, y), self.size.width, self.size.height - max(0, y)))

    def show_search(self, words: str, current: int | None) -> None:
        if (words, current) != (self._words, self._current):
            self._words, self._current = words, current
            self.refresh()

    def to_line(self, at: int) -> None:
        self.scroll_to(y=max(0, self._start(at) - _ABOVE), animate=False, immediate=True, force=True)
        self.follows = self.size.height > 0 and self.scroll_offset.y >= self.max_scroll_y
        self.target = at

    def to_end(self) -> None:
        self.scroll_to(y=self.max_scroll_y, animate=False, immediate=True, force=True)
        self.follows, self.target = True, None

    def on_resize(self) -> None:
        top, follows, target = self.top_line, self.follows, self.target
        self.replace_from(0, list(self.lines))
        if target is not None:
            self.to_line(target)
        elif follows:
            self.to_end()
        else:
            self.scroll_to(y=self._start(top), animate=False, immediate=True, force=True)

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.follows, self.target = self.scroll_offset.y >= self.max_scroll_y, None
        self.post_message(self.Scrolled())

    @property
    def _row_width(self) -> int:
        return max(10, self.size.width - 2)  # a margin, and where the scrollbar comes

    def _start(self, at: int) -> int:
        return self._ends[at - 1] if at else 0

    def _fit(self) -> None:
        self.virtual_size = Size(self.size.width, self._ends[-1] if self._ends else 0)

    def render_line(self, y: int) -> Strip:
        width, style = self.size.width, self.rich_style
        if not self.lines:
            says = Text("   Nothing in the log yet." if y == 1 else "")
            says.stylize(self.get_component_rich_style("log--muted", partial=True))
            return self._strip(says).adjust_cell_length(width).apply_style(style)
        row = self.scroll_offset.y + y
        at = bisect_right(self._ends, row)
        if at >= len(self.lines):
            return Strip.blank(width, style)
        first, *further = self._starts[at][row - self._start(at) :]
        strip = self._strip(self._text(at)).crop(first, further[0] if further else None)
        return Strip.join([Strip.blank(1), strip]).adjust_cell_length(width).apply_style(style)

    def _text(self, at: int) -> Text:
        line = self.lines[at]
        text = line.as_text()
        if line.is_error:
            text.stylize(self.get_component_rich_style("log--bad", partial=True))
        if self._words:
            name = "log--current" if at == self._current else "log--match"
            highlighted(text, self._words, self.get_component_rich_style(name, partial=True))
        return text

    def _strip(self, text: Text) -> Strip:
        return Strip([segment for segment in text.render(self.app.console, end="") if segment.text])


class SearchLine(Input):
    """Where the words that are looked for are typed."""

    BINDINGS = bindings.LOG_SEARCH

    class Closed(Message):
        pass

    def __init__(self, **options: Any) -> None:
        super().__init__(
            compact=True,
            placeholder=f"search the log; enter: keep, {bindings.key_of('log.close')}: forget",
            select_on_focus=False,
            **options,
        )

    def action_close(self) -> None:
        self.post_message(self.Closed())


class LogPane(Vertical, can_focus=True):
    """A line that says where one is, the log, and the search line while it is open."""

    BINDINGS = bindings.LOG_PANE

    def __init__(self, look: Look, **options: Any) -> None:
        super().__init__(**options)
        self._look = look
        self._run_name: RunName | None = None
        self._has_failed = False
        self._is_cut = False
        self._unfinished = 0  # lines at the end that are still being written: one or none
        self._words = ""
        self._matches: list[int] = []
        self._match = 0
        self._errors: list[int] = []

    def compose(self) -> ComposeResult:
        yield Lines(id="log-status")
        yield LogView(id="log-view")
        yield SearchLine(id="log-search")

    @property
    def view(self) -> LogView:
        return self.query_one(LogView)

    @property
    def has_errors(self) -> bool:
        return bool(self._errors)

    def show_run(self, run: Run | None) -> None:
        self._has_failed = run is not None and run.state is RunState.FAILED
        if (run.name if run else None) != self._run_name:
            self._run_name = run.name if run else None
            self._take(Growth(is_new=True))

    def take_growth(self, name: RunName, growth: Growth) -> None:
        if name == self._run_name:
            if not self._look.is_unicode:
                unfinished = growth.unfinished and growth.unfinished.as_ascii()
                growth = replace(growth, lines=tuple(line.as_ascii() for line in growth.lines), unfinished=unfinished)
            self._take(growth)

    def _take(self, growth: Growth) -> None:
        view = self.view
        follows = view.follows
        new = [*growth.lines, *([growth.unfinished] if growth.unfinished else [])]
        first = 0 if growth.is_new else len(view.lines) - self._unfinished
        self._is_cut = growth.is_cut or (self._is_cut and not growth.is_new)
        self._unfinished = 1 if growth.unfinished else 0
        view.replace_from(first, new)
        if len(view.lines) > MOST_LINES:
            gone = len(view.lines) - MOST_LINES + _DROPPED_AT_ONCE
            self._is_cut, first, top = True, 0, view.top_line
            view.replace_from(0, view.lines[gone:])
            view.to_line(max(0, top - gone))
        if growth.is_new or any(line.is_error for line in new):
            self._errors = error_starts(view.lines)
            self.screen.refresh_bindings()
        del self._matches[bisect_left(self._matches, first) :]
        self._matches += matches(view.lines, self._words, first)
        self._show_match()
        if growth.is_new and self._has_failed and self._errors:
            view.to_line(self._errors[-1])
        elif follows or growth.is_new:
            view.to_end()
        self._tell()

    # Moving

    def action_scroll_up(self) -> None:
        self.view.action_scroll_up()

    def action_scroll_down(self) -> None:
        self.view.action_scroll_down()

    def action_page_up(self) -> None:
        self.view.action_page_up()

    def action_page_down(self) -> None:
        self.view.action_page_down()

    def action_scroll_home(self) -> None:
        self.view.scroll_to(y=0, animate=False, immediate=True, force=True)

    def action_scroll_end(self) -> None:
        self.view.to_end()

    def to_error(self, step: int) -> None:
        """To the next error from the one that was jumped to, else from what is shown; around at the end."""
        if not self._errors:
            return
        here, behind = self.view.target, bisect_right
        if here is None:
            here, behind = self.view.top_line, bisect_left
        index = behind(self._errors, here) if step > 0 else bisect_left(self._errors, here) - 1
        self.view.to_line(self._errors[index % len(self._errors)])
        self._tell()

    # Search

    def action_search(self) -> None:
        line = self.query_one(SearchLine)
        line.add_class("-open")
        line.value = self._words
        line.select_all()
        self.screen.set_focus(line)  # at once, unlike `focus`: what is typed next belongs into it

    @on(Input.Changed)
    def _look_for(self, event: Input.Changed) -> None:
        event.stop()
        if event.value == self._words:
            return
        self._words = event.value
        self._matches = matches(self.view.lines, self._words)
        self._match = min(bisect_left(self._matches, self.view.top_line), max(0, len(self._matches) - 1))
        self._show_match()
        if self._matches:
            self.view.to_line(self._matches[self._match])
        self._tell()

    @on(Input.Submitted)
    def _keep_search(self, event: Input.Submitted) -> None:
        event.stop()
        self._close_search()

    @on(SearchLine.Closed)
    def action_forget(self) -> None:
        self._words, self._matches = "", []
        self._show_match()
        self._close_search()
        self._tell()

    def _close_search(self) -> None:
        self.query_one(SearchLine).remove_class("-open")
        self.focus()
        self.screen.refresh_bindings()

    def action_match(self, step: int) -> None:
        if self._matches:
            self._match = (self._match + step) % len(self._matches)
            self._show_match()
            self.view.to_line(self._matches[self._match])
            self._tell()

    def _show_match(self) -> None:
        self._match = min(self._match, max(0, len(self._matches) - 1))
        self.view.show_search(self._words, self._matches[self._match] if self._matches else None)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        return bool(self._words) if action in ("match", "forget") else True

    # Where one is

    def on_resize(self) -> None:
        self._tell()

    @on(LogView.Scrolled)
    def _scrolled(self, message: LogView.Scrolled) -> None:
        message.stop()
        self._tell()

    def _tell(self) -> None:
        """In a line: whether it follows, what was found, how many errors there are; as much as there is room for."""
        line = Text(no_wrap=True)
        for part in self._told():
            if line.cell_len + part.cell_len + 2 <= self.size.width:
                line.append("  " if line else " ").append_text(part)
        self.query_one("#log-status", Lines).show_text(line)

    def _told(self) -> Iterator[Text]:
        if not self.view.lines:
            return
        follows = bindings.key_of("scroll.last")
        yield Text("following" if self.view.follows else f"paused, {follows} follows", style="dim")
        if self._words:
            count = f"{self._match + 1} of {len(self._matches)}" if self._matches else "nowhere"
            yield Text(f"{self._words[:20]!r} {count}", style="bold")
        if self._errors:
            many = "s" if len(self._errors) > 1 else ""
            style = self.view.get_component_rich_style("log--bad", partial=True)
            yield Text(f"{len(self._errors)} error{many}: {bindings.key_of('log.error')}", style=style)
        if self._is_cut:
            yield Text(f"only the last {LAST_BYTES >> 20} MB", style="dim")
            yield Text("(search and errors too)" if self._words or self._errors else "", style="dim")

    def plain(self) -> str:
        """What is shown, without colours."""
        rows = [self.view.render_line(y).text for y in range(self.view.size.height)]
        return "\n".join(row.rstrip() for row in [self.query_one("#log-status", Lines).plain(), *rows])
