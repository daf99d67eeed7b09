"""Looking into received files, as the platforms do after the upload."""

import asyncio
from pathlib import Path

from clipcast.clips.media import Media
from clipcast.clips.probe import NotAVideo, probe


async def probe_file(path: Path) -> Media | None:
    """What the file is; None when it is no video."""

    def look() -> Media | None:
        with path.open("rb") as file:
            try:
                return probe(file, path.stat().st_size).media
            except NotAVideo:
                return None

    return await asyncio.to_thread(look)
