"""The end of a log that grows."""

import os
from dataclasses import dataclass
from pathlib import Path

from tui.panes.log.lines import Cleaner, LogLine

LAST_BYTES = 2 * 1024 * 1024


@dataclass(frozen=True, kw_only=True, slots=True)
class Growth:
    """What came since the last look. ``is_new``: the lines begin anew (first look, a file that was replaced or cut).

    ``unfinished``: the line that is still being written. ``is_cut``: what stood before the first line is not told.
    """

    lines: tuple[LogLine, ...] = ()
    is_new: bool = False
    unfinished: LogLine | None = None
    is_cut: bool = False


class LogTail:
    """Reads what was appended since the last call, and never more than the last ``LAST_BYTES``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._size = -1
        self._inode: int | None = None
        self._is_cut = False
        self._cleaner = Cleaner()

    def read(self) -> Growth | None:
        """None: nothing has changed, or there is no log yet."""
        try:
            file = self.path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return None
        with file:
            status = os.fstat(file.fileno())
            size = status.st_size
            is_new = status.st_ino != self._inode or size < self._offset or size - self._offset > LAST_BYTES
            if not is_new and size == self._size:
                return None
            self._inode, self._size = status.st_ino, size
            if is_new:
                self._cleaner, self._offset = Cleaner(), max(0, size - LAST_BYTES)
                self._is_cut = self._offset > 0
            file.seek(self._offset)
            if is_new and self._is_cut:
                self._offset += len(file.readline(LAST_BYTES))  # most likely the rest of a line
            new = file.read(LAST_BYTES)
        whole, _, rest = new.rpartition(b"\n")
        lines: tuple[LogLine, ...] = ()
        if len(rest) < len(new):
            self._offset += len(whole) + 1
            lines = tuple(self._cleaner.line(line.decode("utf-8", "replace")) for line in whole.split(b"\n"))
        unfinished = Cleaner().line(rest.decode("utf-8", "replace")) if rest else None
        return Growth(lines=lines, is_new=is_new, unfinished=unfinished, is_cut=self._is_cut)
