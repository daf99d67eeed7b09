"""Files for edits: uploads of captions and watermarks, and what the clip's page shows of them."""

from typing import Annotated

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from clipcast.api.endpoints.files import serve
from clipcast.api.schemas import json_body
from clipcast.clips.unwanted import delete_unwanted
from clipcast.common.problems import NotFound
from clipcast.renders import assets
from clipcast.renders.asset_schemas import CompleteAsset, StartAsset
from clipcast.renders.captions import parse_caption_bytes
from clipcast.web.viewers import Editing, Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")


@router.post("/assets/uploads")
async def start_upload(member: Editing, body: Annotated[StartAsset, json_body(StartAsset)]) -> Response:
    """Create an asset, and return the address that receives its file."""
    async with member.installation.database.begin() as session:
        asset = await assets.start_asset(session, member.workspace.id, body.file_name, body.file_size)
    address = assets.upload_url(member.installation, asset)
    own = address.removeprefix(member.installation.settings.public_base)
    return JSONResponse({"asset_id": str(asset.id), "upload_url": own}, 201)


@router.post("/assets/uploads/complete")
async def complete_upload(member: Editing, body: Annotated[CompleteAsset, json_body(CompleteAsset)]) -> Response:
    """Check an uploaded file, so that edits can use it."""
    checked = await assets.check_asset(member.installation, member.workspace.id, body.asset_id)
    async with member.installation.database.begin() as session:
        asset = await assets.get_asset(session, member.workspace.id, body.asset_id, lock=True)
        assets.make_ready(asset, checked)
        member.record(session, "asset.uploaded", asset.file_name, asset.id)
    return JSONResponse({"asset_id": str(asset.id), "file_name": asset.file_name})


@router.get("/assets/{asset_id}/picture")
async def picture(member: Looking, asset_id: str, request: Request) -> Response:
    """Return a watermark's picture."""
    async with member.installation.database.session() as session:
        asset = await assets.get_asset(session, member.workspace.id, asset_id)
    if asset.kind != assets.IMAGE or asset.status != "ready":
        raise NotFound("picture", asset_id)
    return await serve(
        member.installation, request, asset.storage_key, asset.size or -1, asset.content_type, asset.file_name
    )


@router.get("/assets/{asset_id}/cues")
async def cues(member: Looking, asset_id: str) -> Response:
    """Return the captions of a file, with their times in seconds."""
    async with member.installation.database.session() as session:
        asset = await assets.get_asset(session, member.workspace.id, asset_id)
    if asset.kind != assets.CAPTIONS or asset.status != "ready":
        raise NotFound("captions file", asset_id)
    parsed = parse_caption_bytes(await assets.read_asset(member.installation, asset))
    return JSONResponse([{"start": cue.start, "end": cue.end, "text": cue.text} for cue in parsed.cues])


@router.post("/assets/{asset_id}/delete")
async def delete(member: Editing, asset_id: str) -> Response:
    """Delete a file for edits. Clips that were made with it stay."""
    async with member.installation.database.begin() as session:
        asset = await assets.get_asset(session, member.workspace.id, asset_id, lock=True)
        name, key = asset.file_name, await assets.delete_asset(session, asset)
        member.record(session, "asset.deleted", name, asset.id)
    if key:
        await delete_unwanted(member.installation.database, member.installation.storage, key)
    return member.redirect("/templates#files")
