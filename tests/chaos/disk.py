"""The disk that the root lies on: one of memory, so that it can be full, or only be read, when that is asked for."""

import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import Self

_SIZE = "1g"
_TRIES = 20


class Disk:
    """Mounted with the ``with``, where this process may mount anything; what is on it stays in its folder behind it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ended = float("-inf")
        self.is_full = self.is_sealed = self.is_here = False

    def __enter__(self) -> Self:
        self._folder.mkdir(parents=True)
        self.is_here = self._mount("-t", "tmpfs", "-o", f"size={_SIZE}", "tmpfs")
        return self

    def __exit__(self, *_exception: object) -> None:
        if not self.is_here:
            return
        self.mend()
        left = self._folder.with_name(f"{self._folder.name}.left")
        shutil.copytree(self._folder, left, symlinks=True)
        subprocess.run(["umount", "-l", self._folder], check=True)
        self._folder.rmdir()
        left.rename(self._folder)

    def fill(self, slack: int) -> bool:
        """Leave no more than ``slack`` bytes; False where others write faster than that can be said."""
        for _ in range(_TRIES):
            told = os.statvfs(self._folder)
            used = (told.f_blocks - told.f_bfree) * told.f_frsize
            if self._mount("-o", f"remount,size={used + slack}"):
                self.is_full = True
                return True
        return False

    def seal(self) -> bool:
        """Let it only be read; False where somebody has a file open to write."""
        self.is_sealed = self._mount("-o", "remount,ro")
        return self.is_sealed

    def mend(self) -> None:
        """As it was at first."""
        if self.is_troubled:
            self._mount("-o", f"remount,rw,size={_SIZE}")
            self.is_full = self.is_sealed = False
            self._ended = time.monotonic()

    @property
    def is_troubled(self) -> bool:
        return self.is_full or self.is_sealed

    def was_troubled_since(self, moment: float) -> bool:
        return self.is_troubled or self._ended >= moment

    def _mount(self, *arguments: str) -> bool:
        return not subprocess.run(["mount", *arguments, self._folder], capture_output=True, check=False).returncode
