"""What a folder lies on: which file system, whether other hosts share it, whether it may be written."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

from store.errors import StorageTrouble

MOUNTS_VARIABLE = "AETUI_MOUNTINFO"
"""Names another table of mounts than the kernel's: for tests."""
_MOUNTS = "/proc/self/mountinfo"
_NETWORK = (
    "nfs", "nfs4", "cifs", "smb3", "smb2", "smbfs", "9p", "afs", "beegfs", "ceph", "glusterfs", "gpfs", "lustre",
    "orangefs", "pvfs2", "panfs", "wekafs", "davfs", "ncpfs", "virtiofs", "vboxsf", "vmhgfs",
)  # fmt: skip
_NETWORK_IN_USER_SPACE = (
    "sshfs", "glusterfs", "ceph", "cephfs", "ceph-fuse", "s3fs", "gcsfuse", "rclone", "davfs", "juicefs", "goofys",
    "moosefs", "mfs", "vmhgfs-fuse", "smbnetfs", "curlftpfs", "beegfs", "lustre", "hdfs", "seaweedfs",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class FileSystem:
    """``kind`` is the kernel's word for it (``ext4``, ``nfs4``, ``fuse.sshfs``)."""

    kind: str
    mount_point: Path

    @property
    def is_network(self) -> bool:
        """Whether other hosts may have it too, where locks and shared memory cannot be relied on."""
        main, _, behind = self.kind.partition(".")
        return main in _NETWORK or (main == "fuse" and behind in _NETWORK_IN_USER_SPACE)


def file_system(path: Path) -> FileSystem:
    """That on which ``path`` lies, or will lie; of kind ``unknown`` where the kernel does not tell."""
    found = FileSystem("unknown", Path("/"))
    try:
        table = Path(os.environ.get(MOUNTS_VARIABLE) or _MOUNTS).read_text(encoding="utf-8", errors="surrogateescape")
    except OSError:  # not Linux
        return found
    where = path.resolve()
    for line in table.splitlines():
        mounted, _, source = line.partition(" - ")
        fields = mounted.split(" ")
        if len(fields) < 5 or not source:
            continue
        point = Path(_plain(fields[4]))
        # Of two at one place the later one is on top.
        if where.is_relative_to(point) and len(point.parts) >= len(found.mount_point.parts):
            found = FileSystem(source.split(" ")[0], point)
    return found


def is_writable(path: Path) -> bool:
    """Whether this user may write to what is there; read-only mounts count for root too."""
    return os.access(path, os.W_OK)


def nearest(folder: Path) -> Path:
    """``folder``, or of the folders that it will be made in the innermost that is there."""
    return next(each for each in (folder, *folder.parents) if each.exists())


def check_writable(folder: Path) -> None:
    """Raises StorageTrouble: it, or the folder that it would be made in, can only be read."""
    there = nearest(folder)
    if not is_writable(there):
        raise only_read(there)


def only_read(folder: Path) -> StorageTrouble:
    return StorageTrouble(
        f"{folder} can only be read: its disk is mounted so, or its files are another user's. Name another root "
        "with --root, or let it be written."
    )


def _plain(text: str) -> str:
    """The kernel writes blanks and the like as \\040."""
    return re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), text)
