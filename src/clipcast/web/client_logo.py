"""The logo of a client: its picture for pages, upload and removal."""

from pathlib import PurePath

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from clipcast.api.schemas import read_bounded
from clipcast.clients import logos
from clipcast.common.problems import AppError, NotFound
from clipcast.rendering.children import ChildUnavailable
from clipcast.rendering.logos import BYTES_MAX, TOO_LARGE, NotAPicture
from clipcast.web.clients import get_client
from clipcast.web.small_pictures import serve_kept
from clipcast.web.viewers import Editing, Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/clients/{client_id}/logo")


@router.get("")
async def picture(member: Looking, client_id: str) -> Response:
    """Return the logo. Its address changes with it, so browsers keep it."""
    client = await get_client(member, client_id)
    if client.logo_key is None:
        raise NotFound("logo", client_id)
    version = PurePath(client.logo_key).stem
    return await serve_kept(member, client.logo_key, version, logos.CONTENT_TYPE, logos.FILE_NAME)


@router.post("")
async def upload(member: Editing, client_id: str, request: Request) -> Response:
    """Give the client the picture in the body as its logo. One that cannot be one is said with the status 422."""
    await get_client(member, client_id)
    try:
        content = await read_bounded(request, BYTES_MAX)
        await logos.set_logo(member.installation, member.workspace.id, client_id, content, member.actor)
    except NotAPicture as error:
        return JSONResponse({"detail": str(error)}, 422)
    except ChildUnavailable as error:
        return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "10"})
    except AppError as error:
        if error.status != 413:
            raise
        return JSONResponse({"detail": TOO_LARGE}, 422)
    return JSONResponse({}, 201)


@router.post("/remove")
async def remove(member: Editing, client_id: str) -> Response:
    """Take the logo away."""
    await logos.remove_logo(member.installation, member.workspace.id, client_id, member.actor)
    return member.redirect(f"/clients/{client_id}/settings")
