"""Upload of a Page video in chunks whose offsets Facebook returns (docs/platforms/facebook.md 2.6)."""

from collections.abc import AsyncIterator

from clipcast.platforms.base import Publication
from clipcast.platforms.errors import TransientError
from clipcast.platforms.facebook.errors import parse_response
from clipcast.platforms.facebook.metadata import FacebookMetadata
from clipcast.platforms.multipart import form_around
from clipcast.platforms.responses import Response

WRONG_OFFSET = 1363037

Run = Publication[FacebookMetadata]


async def send_chunks(p: Run, edge: str, session: str, end: int) -> None:
    """Send the chunks that the session does not hold yet. Each response returns the next chunk's start and end.

    `end` is the end of the first chunk. If an earlier run sent it, Facebook returns the right offsets.
    """
    start = 0
    while True:
        response = await _transfer(p, edge, session, start, end)
        offsets = _right_offsets(response) or parse_response(response)
        before = start, end
        start, end = int(offsets["start_offset"]), int(offsets["end_offset"])
        if start == end:
            return
        if (start, end) == before:
            raise TransientError("no_progress", "Facebook did not store the chunk.")
        await p.report_progress("uploading", 5 + 70 * start // p.clip.size)


async def _transfer(p: Run, edge: str, session: str, start: int, end: int) -> Response:
    """Send one chunk."""
    fields = {"upload_phase": "transfer", "upload_session_id": session, "start_offset": str(start)}
    head, tail, content_type = form_around(fields, "video_file_chunk", "chunk", "application/octet-stream")

    async def body() -> AsyncIterator[bytes]:
        yield head
        async for piece in p.clip.read(start, end):
            yield piece
        yield tail

    headers = {"Content-Type": content_type, "Content-Length": str(len(head) + end - start + len(tail))}
    return await p.request("chunk", "POST", edge, content=body(), headers=headers)


def _right_offsets(response: Response) -> dict[str, str] | None:
    """Return the next chunk's start and end from the error of a wrong offset, else None."""
    try:
        error = response.json()["error"]
        if WRONG_OFFSET in (error.get("code"), error.get("error_subcode")):
            return {name: error["error_data"][name] for name in ("start_offset", "end_offset")}
    except (ValueError, KeyError, TypeError):
        pass
    return None
