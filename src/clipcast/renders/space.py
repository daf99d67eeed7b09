"""The disk of the work folders."""

import shutil
from pathlib import Path

# The folder of the data directory that holds a folder for each run.
FOLDER = "work"
# What a conversion leaves free: the lesser of both, in bytes and as a share of the disk.
LEFT_FREE, LEFT_FREE_SHARE = 2 * 1024**3, 0.05


def has_room(folder: Path, size: int) -> bool:
    """Return whether the disk of `folder` takes `size` bytes more and keeps its reserve."""
    disk = shutil.disk_usage(folder)
    return disk.free - size >= min(LEFT_FREE, int(LEFT_FREE_SHARE * disk.total))
