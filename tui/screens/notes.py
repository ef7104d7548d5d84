"""Tags and notes, written in a line below the runs."""

import re

from textual import on

from store.errors import RequestError
from store.names import check_note, check_tag
from store.records import Run
from tui import actions
from tui.messages import Refused
from tui.screens.pane_keys import PaneKeys
from tui.widgets.note_line import NoteLine, Writing


class Notes(PaneKeys):
    """The part of the home screen in which people write beside marked runs, or the one under the cursor."""

    @property
    def _note_line(self) -> NoteLine:
        return self.query_one("#note-line", NoteLine)

    def action_tag(self) -> None:
        runs = self._written_on()
        single = runs[0] if len(runs) == 1 else None
        before = single.tags if single else ()
        text = "".join(f"{tag}, " for tag in before)
        help = "words" if single else "words; -word takes one off"
        self._write("tags", runs, text, help, before)

    def action_note(self) -> None:
        runs = self._written_on()
        notes = tuple(dict.fromkeys(run.note for run in runs))
        text, help = (notes[0], "one line") if len(notes) == 1 else ("", "for all; empty: leave them")
        self._write("note", runs, text, help, notes)

    def _written_on(self) -> list[Run]:
        return [self._known[name] for name in self.chosen() if name in self._known]

    def _write(self, what: str, runs: list[Run], text: str, help: str, before: tuple[str, ...] = ()) -> None:
        if not runs:
            return
        self.remove_class("-full")  # the line belongs to the table
        label = f"{what} of {runs[0].name.number if len(runs) == 1 else f'{len(runs)} runs'}"
        writing = Writing(what=what, names=tuple(run.name for run in runs), before=before)
        known = {tag for run in self.listing.runs if "tags" in run.user_attrs for tag in run.tags}
        self._note_line.open(writing, label, text, help, known)

    @on(NoteLine.Written)
    def _take_written(self, message: NoteLine.Written) -> None:
        writing, text = message.writing, message.text.strip()
        try:
            act = self._wanted_by(writing, text)
        except RequestError as error:
            self.post_message(Refused(str(error)))
            return
        self._note_line.close()
        self.runs.focus()
        if act is not None:
            self._act(act)

    def _wanted_by(self, writing: Writing, text: str) -> actions.Action | None:
        """Raises RequestError: that cannot be written."""
        if writing.what == "note":
            is_same = writing.before == (text,) or (len(writing.before) > 1 and not text)
            return None if is_same else actions.annotate(writing.names, note=check_note(text))
        add, remove = tag_changes(text, writing.before, is_single=len(writing.names) == 1)
        return actions.annotate(writing.names, add=add, remove=remove) if add or remove else None

    @on(NoteLine.Left)
    def _leave_writing(self) -> None:
        self.runs.focus()


def tag_changes(text: str, before: tuple[str, ...], *, is_single: bool) -> tuple[list[str], list[str]]:
    """The tags to add and to take off; of a single run, what is not there any more is taken off too.

    Raises:
        RequestError: a word can be no tag.
    """
    words = [word for word in re.split(r"[\s,;]+", text) if word]
    remove = [word[1:] for word in words if word.startswith("-") and word != "-"]
    add = [check_tag(word) for word in words if not word.startswith("-") or word == "-"]
    if is_single:
        remove += [tag for tag in before if tag not in add and tag not in remove]
        add = [tag for tag in add if tag not in before]
    return [tag for tag in add if tag not in remove], remove
