"""The logo of a client: its picture for pages, upload and removal."""

from pathlib import PurePath

from fastapi import APIRouter, Request
from starlette.responses import JSONResponse, Response

from clipcast.api.endpoints.files import serve
from clipcast.api.schemas import read_bounded
from clipcast.clients import logos
from clipcast.common.problems import AppError, NotFound
from clipcast.rendering.children import ChildUnavailable
from clipcast.rendering.logos import BYTES_MAX, TOO_LARGE, NotALogo
from clipcast.web.clients import get_client
from clipcast.web.viewers import Editing, Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/clients/{client_id}/logo")


@router.get("")
async def picture(member: Looking, client_id: str, request: Request) -> Response:
    """Return the logo. Its address changes with it, so browsers keep it."""
    client = await get_client(member, client_id)
    if client.logo_key is None:
        raise NotFound("logo", client_id)
    response = await serve(
        member.installation, request, client.logo_key, -1, logos.CONTENT_TYPE, logos.FILE_NAME
    )  # fmt: skip
    if request.query_params.get("v") == PurePath(client.logo_key).stem:
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@router.post("")
async def upload(member: Editing, client_id: str, request: Request) -> Response:
    """Give the client the picture in the body as its logo. One that cannot be one is said with the status 422."""
    await get_client(member, client_id)
    try:
        content = await read_bounded(request, BYTES_MAX)
        await logos.set_logo(member.installation, member.workspace.id, client_id, content, member.actor)
    except NotALogo as error:
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
