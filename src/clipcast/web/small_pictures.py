"""Small pictures that browsers keep, because another picture has another address: logos and pictures of accounts."""

from fastapi import APIRouter
from starlette.responses import Response

from clipcast.api.endpoints.files import serve
from clipcast.common.problems import NotFound
from clipcast.connections import avatars
from clipcast.connections.repository import get_connection
from clipcast.web.pages import digest
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")


@router.get("/accounts/{connection_id}/avatar")
async def avatar(member: Looking, connection_id: str) -> Response:
    """Return the picture of an account."""
    async with member.installation.database.session() as session:
        connection = await get_connection(session, member.workspace.id, connection_id)
    if connection is None or connection.avatar_key is None:
        raise NotFound("picture", connection_id)
    key = connection.avatar_key
    return await serve_kept(member, key, digest(key), avatars.CONTENT_TYPE, avatars.FILE_NAME)


async def serve_kept(member: Member, key: str, version: str, content_type: str, name: str) -> Response:
    """Return a stored picture. Browsers keep it for ever if its address has this version as `v`."""
    response = await serve(member.installation, member.request, key, -1, content_type, name)
    if member.request.query_params.get("v") == version:
        response.headers["Cache-Control"] = "private, max-age=31536000, immutable"
    return response
