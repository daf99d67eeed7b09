"""The bytes of a Page video: chunks whose borders Facebook chooses (sheet section 2.6)."""

from collections.abc import AsyncIterator

import httpx2

from clipcast.platforms.base import Publication
from clipcast.platforms.errors import TransientError
from clipcast.platforms.facebook.errors import parse_response
from clipcast.platforms.facebook.metadata import FacebookMetadata
from clipcast.platforms.multipart import form_around

WRONG_OFFSET = 1363037

Run = Publication[FacebookMetadata]


async def send_chunks(p: Run, edge: str, session: str, end: int) -> None:
    """Sends everything that the session does not hold yet: it says itself where the next chunk begins and ends.

    `end` is where the first one ends. When an earlier run has sent it, its offset is refused with the right one.
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
            raise TransientError("no_progress", "Facebook did not keep the chunk.")
        await p.report_progress("uploading", 5 + 70 * start // p.clip.size)


async def _transfer(p: Run, edge: str, session: str, start: int, end: int) -> httpx2.Response:
    """One chunk."""
    fields = {"upload_phase": "transfer", "upload_session_id": session, "start_offset": str(start)}
    head, tail, content_type = form_around(fields, "video_file_chunk", "chunk", "application/octet-stream")

    async def body() -> AsyncIterator[bytes]:
        yield head
        async for piece in p.clip.read(start, end):
            yield piece
        yield tail

    headers = {"Content-Type": content_type, "Content-Length": str(len(head) + end - start + len(tail))}
    return await p.request("chunk", "POST", edge, content=body(), headers=headers)


def _right_offsets(response: httpx2.Response) -> dict[str, str] | None:
    """Where the next chunk begins and ends, when the answer says that the offset was wrong."""
    try:
        error = response.json()["error"]
        if WRONG_OFFSET in (error.get("code"), error.get("error_subcode")):
            return {name: error["error_data"][name] for name in ("start_offset", "end_offset")}
    except (ValueError, KeyError, TypeError):
        pass
    return None
