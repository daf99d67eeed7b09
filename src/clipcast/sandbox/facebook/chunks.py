"""Facebook's upload of Page videos in chunks: start, transfer, finish (docs/platforms/facebook.md 2.6)."""

import secrets
from typing import TYPE_CHECKING

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.graph.answers import graph_error
from clipcast.sandbox.graph.rupload import FILE_MAX
from clipcast.sandbox.inputs import form_of, number

if TYPE_CHECKING:
    from clipcast.sandbox.facebook.posting import Facebook, Video

CHUNK = 4 * 1024 * 1024
# The subcode of 6000 for a file that Facebook cannot use, for instance because its size differs from `file_size`.
FILE_UNUSABLE = 1363045
UNUSABLE_MESSAGE = "There was a problem uploading your video file. Please try again with another file."


class Chunks:
    """The upload sessions of Page videos."""

    def __init__(self, facebook: "Facebook") -> None:
        self._facebook = facebook

    async def act(self, request: Request) -> Response:
        page_id = request.path_params["page"]
        grant = self._facebook.page_caller(request, page_id, "pages_manage_posts")
        if isinstance(grant, Response):
            return grant
        form = await form_of(request)
        texts = {key: value for key, value in form.items() if isinstance(value, str)}
        if texts.get("upload_phase") == "start":
            return self._start(page_id, texts)
        session = texts.get("upload_session_id", "")
        video = next((one for one in self._facebook.videos.values() if one.session and one.session == session), None)
        if video is None or video.page_id != page_id:
            return graph_error(100, "There is no such upload_session_id.")
        if texts.get("upload_phase") == "transfer":
            return await self._transfer(request, video, texts, form.get("video_file_chunk"))
        if texts.get("upload_phase") == "finish":
            return self._facebook.finish(page_id, video, texts)
        return graph_error(100, "upload_phase must be start, transfer or finish.")

    def _start(self, page_id: str, form: dict[str, str]) -> Response:
        size = number(form.get("file_size"))
        if size is None or size > FILE_MAX:
            return graph_error(100, "file_size is required.")
        video = self._facebook.new_video(page_id, "video")
        video.size, video.session = size, secrets.token_hex(12)
        return JSONResponse({"upload_session_id": video.session, "video_id": video.video_id} | _offsets(video))

    async def _transfer(self, request: Request, video: "Video", form: dict[str, str], chunk: object) -> Response:
        if not isinstance(chunk, UploadFile):
            return graph_error(100, "video_file_chunk is required.")
        if form.get("start_offset") != str(video.upload.size):
            return graph_error(100, "The offset is wrong.", 1363037, error_data=_offsets(video))
        body_fault = request.state.body_fault
        if body_fault is not None:
            return graph_error(6000, "Interrupted.")  # Facebook discards an incomplete chunk
        content = await chunk.read()
        if len(content) != min(CHUNK, (video.size or 0) - video.upload.size):
            return graph_error(6000, UNUSABLE_MESSAGE, FILE_UNUSABLE)
        with video.upload.open() as file:
            video.upload.add(file, content)
        if video.is_whole:
            await self._facebook.probe_file(video)
        return JSONResponse(_offsets(video))


def _offsets(video: "Video") -> dict[str, str]:
    """Return the next offsets as numeric strings, as live responses do. They are equal once the upload is complete."""
    start = video.upload.size
    return {"start_offset": str(start), "end_offset": str(min(start + CHUNK, video.size or 0))}
