"""The files of clips, their uploads, and the end of a clip."""

from collections.abc import Mapping
from typing import Annotated

import structlog
from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from clipcast.api.endpoints.files import serve
from clipcast.api.numbers import PLAIN_WHOLE
from clipcast.api.schemas import json_body
from clipcast.clips import folders, library
from clipcast.clips import service as uploads
from clipcast.clips.addresses import upload_url
from clipcast.clips.pictures import picture_key, picture_version
from clipcast.clips.schemas import CompleteUpload, StartUpload
from clipcast.clips.timelines import strip_key, timeline_of
from clipcast.clips.unwanted import delete_unwanted
from clipcast.common.ids import parse_id
from clipcast.common.media import FactsUnreadable
from clipcast.common.problems import AppError, NotFound
from clipcast.database.models.clips import Render
from clipcast.rendering.children import ChildUnavailable
from clipcast.rendering.pictures import WIDTHS
from clipcast.rendering.timeline import FRAMES
from clipcast.renders import service
from clipcast.renders.edit_schemas import EditBody
from clipcast.storage import StorageError
from clipcast.web.clip_library import media_of
from clipcast.web.fits import Outcome, by_platform
from clipcast.web.stored import DATA_TROUBLE
from clipcast.web.viewers import Editing, Looking, Member

log = structlog.get_logger()
# The statuses of clips that have a file, or had one that can be made again.
KEPT_IN_BIN = ("completed", "expired")
router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")


def fits_of(render: Render) -> Mapping[str, Outcome]:
    """Return what becomes of the clip, by the platform's name; empty if the properties are unknown."""
    try:
        media = media_of(render)
        return by_platform(media) if media else {}
    except DATA_TROUBLE:
        log.exception("clip_not_read", render_id=str(render.id))
        return {}


async def _render(member: Member, render_id: str) -> Render:
    async with member.installation.database.session() as session:
        return await service.get_render(session, member.workspace.id, render_id)


@router.get("/clips/{render_id}/file")
async def clip_file(member: Looking, render_id: str, request: Request) -> Response:
    """Return the video for the player."""
    render = await _render(member, render_id)
    file = service.file_of(render)
    name = f"{render.name}.mp4" if render.rendition else file.name
    return await serve(member.installation, request, file.key, file.size or -1, file.content_type, name)


@router.get("/clips/{render_id}/source")
async def clip_source(member: Looking, render_id: str, request: Request) -> Response:
    """Return the uploaded video that the clip was made from, or that it is."""
    clip = (await _render(member, render_id)).clip
    return await serve(
        member.installation, request, clip.storage_key, clip.size or -1, clip.content_type, clip.file_name
    )


@router.get("/conversions/{rendition_id}/file")
async def converted_file(member: Looking, rendition_id: str, request: Request) -> Response:
    """Return a file that was converted for a platform."""
    async with member.installation.database.session() as session:
        file = await service.rendition_file(session, member.workspace.id, rendition_id)
    return await serve(member.installation, request, file.key, file.size or -1, file.content_type, file.name)


@router.get("/clips/{render_id}/thumbnail")
async def clip_thumbnail(
    member: Looking, render_id: str, request: Request, w: Annotated[int, PLAIN_WHOLE] = 0, v: str = ""
) -> Response:
    """Return the clip's picture: as JPEG, or as WebP of the width `w`. With its version `v`, browsers keep it."""
    render = await _render(member, render_id)
    key = (render.rendition and render.rendition.thumbnail_key) or render.clip.thumbnail_key
    if key is None or w not in (0, *WIDTHS):
        raise NotFound("thumbnail", render_id)
    small = await _small_picture(member, render, key, w) if w else None
    kind = "image/webp" if small else "image/jpeg"
    response = await serve(member.installation, request, small or key, -1, kind, f"thumbnail.{kind[6:]}")
    if small and v == picture_version(key):
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


async def _small_picture(member: Member, render: Render, key: str, width: int) -> str | None:
    """Return the storage key of a small picture; None if there is none now."""
    try:
        return await picture_key(member.installation, member.workspace.id, render.clip_id, key, width)
    except (StorageError, ChildUnavailable):
        return None


@router.get("/clips/{render_id}/timeline")
async def clip_timeline(member: Looking, render_id: str) -> Response:
    """Return the peaks of the clip's sound, and the number of frames of its film strip: 0 without one."""
    clip = (await _render(member, render_id)).clip
    try:
        found = await timeline_of(member.installation, clip)
    except FactsUnreadable:
        raise NotFound("timeline", render_id) from None
    except StorageError:
        raise AppError(404, "file_missing", "The stored file is missing. Upload the clip again.") from None
    except ChildUnavailable as error:
        raise AppError(503, "media_unavailable", str(error), headers={"Retry-After": "10"}) from error
    shown = {"peaks": found.peaks, "frames": FRAMES if found.has_strip else 0}
    return JSONResponse(shown, headers={"Cache-Control": "private, max-age=3600"})


@router.get("/clips/{render_id}/strip")
async def clip_strip(member: Looking, render_id: str, request: Request) -> Response:
    """Return the clip's film strip, once its timeline was made."""
    clip = (await _render(member, render_id)).clip
    return await serve(member.installation, request, strip_key(clip.id), -1, "image/jpeg", "strip.jpg")


@router.post("/clips/uploads")
async def start_upload(member: Editing, body: Annotated[StartUpload, json_body(StartUpload)]) -> Response:
    """Create a clip and return its upload address, which takes a file in pieces (tus) or at once."""
    async with member.installation.database.begin() as session:
        clip = await uploads.start_upload(member.installation, session, member.workspace.id, body)
        address = upload_url(member.installation.settings, member.installation.vault, clip)
    own = address.removeprefix(member.installation.settings.public_base)
    return JSONResponse({"video_id": str(clip.id), "upload_url": own}, 201)


@router.post("/clips/uploads/complete")
async def complete_upload(
    member: Editing, body: Annotated[CompleteUpload, json_body(CompleteUpload)], folder: str = ""
) -> Response:
    """Inspect the uploaded file and make it postable. `folder` is where the library shows it, if it still exists."""
    looked = await uploads.probe_upload(member.installation, member.workspace.id, body.video_id)
    async with member.installation.database.begin() as session:
        clip = await uploads.get_clip(session, member.workspace.id, body.video_id, lock=True)
        uploads.make_ready(clip, body, looked)
    prepared = await service.prepare(member.installation, member.workspace.id, body.video_id, EditBody())
    async with member.installation.database.begin() as session:
        render, existed = await service.create_render(session, member.workspace.id, prepared)
        if folder and (found := await folders.find_folder(session, member.workspace.id, folder)):
            render.folder_id = found.id
        if not existed:
            member.record(session, "clip.uploaded", render.name, render.id, size=render.clip.size)
    return JSONResponse({"path": f"{member.base}/clips/{render.id}", "edit_id": str(render.edit_setting_id)})


@router.post("/clips/{render_id}/delete")
async def delete_clip(member: Editing, render_id: str, back: str = "") -> Response:
    """Put a clip into the bin. One that has no file is deleted, and one that is being made is cancelled.

    Return to the page of the clip `back`, or to the list.
    """
    keys: list[str] = []
    async with member.installation.database.begin() as session:
        render = await service.get_render(session, member.workspace.id, render_id, lock=True)
        name = render.name
        if render.current_status in KEPT_IN_BIN:
            library.delete(session, [render])
        else:
            keys = await service.delete_render(session, render)
        member.record(session, "clip.deleted", name, render.id)
    await delete_unwanted(member.installation.database, member.installation.storage, *keys)
    return member.redirect(f"/clips/{found}" if (found := parse_id(back)) else "/clips")


@router.post("/clips/{render_id}/restore")
async def restore_clip(member: Editing, render_id: str) -> Response:
    """Take a clip out of the bin."""
    async with member.installation.database.begin() as session:
        render = await service.get_render(session, member.workspace.id, render_id, lock=True)
        library.restore(session, [render])
        member.record(session, "clip.restored", render.name, render.id)
    return member.redirect(f"/clips/{render.id}")


@router.post("/clips/{render_id}/purge")
async def purge_clip(member: Editing, render_id: str) -> Response:
    """Delete a clip and its file for good. Raises AppError 409 while a post uses it."""
    async with member.installation.database.begin() as session:
        render = await service.get_render(session, member.workspace.id, render_id, lock=True)
        name, keys = render.name, await service.delete_render(session, render)
        member.record(session, "clip.purged", name, render.id)
    await delete_unwanted(member.installation.database, member.installation.storage, *keys)
    return member.redirect("/clips?place=deleted")
