"""Files of the machine on which the agent's tools run."""

import hashlib
import os
import stat
from pathlib import Path

from clipcast.mcp.api import ToolError

# Only videos leave the machine, whatever an agent is talked into.
SUFFIXES = (".mp4", ".mov", ".webm", ".mkv", ".m4v")
FIX = "Pass the path of a video file that this user can read."
PIECE = 1 << 20


def find_video(written: str) -> Path:
    """Return the path of a video file. Raises ToolError unless it is a regular, readable file with a video's ending."""
    try:
        found = Path(written).expanduser().resolve(strict=True)
        mode = found.stat().st_mode
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ToolError("file_not_found", f"The file {written[:200]!r} cannot be read: {reason}.", FIX) from None
    if not stat.S_ISREG(mode):
        raise ToolError("not_a_file", f"{written[:200]!r} is not a regular file.", FIX)
    if found.suffix.lower() not in SUFFIXES:
        message = f"{found.name[:200]!r} does not end in {', '.join(SUFFIXES)}."
        raise ToolError("not_a_video", message, FIX)
    if not os.access(found, os.R_OK):
        raise ToolError("file_not_readable", f"The file {written[:200]!r} cannot be read: permission denied.", FIX)
    return found


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256")
    return digest.hexdigest()
