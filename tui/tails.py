"""The end of a log that grows, as plain lines that cannot disturb a screen."""

import os
import re
from pathlib import Path

FIRST_BYTES = 256 * 1024
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class LogTail:
    """Reads what was appended since the last call, at first no more than the last ``FIRST_BYTES``."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._offset = 0
        self._inode: int | None = None

    def read(self) -> tuple[list[str], bool]:
        """New whole lines, and whether they begin anew (first read, or a file that was replaced or cut)."""
        try:
            file = self.path.open("rb")
        except (FileNotFoundError, NotADirectoryError):
            return [], False
        with file:
            status = os.fstat(file.fileno())
            is_new = status.st_ino != self._inode or status.st_size < self._offset
            if is_new:
                self._inode, self._offset = status.st_ino, max(0, status.st_size - FIRST_BYTES)
                file.seek(self._offset)
                if self._offset:
                    self._offset += len(file.readline())  # most likely the rest of a line
            file.seek(self._offset)
            new = file.read()
        whole = new[: new.rfind(b"\n") + 1]
        self._offset += len(whole)
        return [clean_line(line.decode("utf-8", "replace")) for line in whole.split(b"\n")[:-1]], is_new


def clean_line(line: str) -> str:
    """The line as a terminal would leave it: after its last carriage return, without escapes and control characters."""
    line = _ESCAPES.sub("", line).rstrip("\r").rpartition("\r")[2]
    return _CONTROLS.sub("", line.expandtabs(4))
