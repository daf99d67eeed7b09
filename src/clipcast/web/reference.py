"""The API reference: Scalar, served by Clipcast, with the OpenAPI document and a playground."""

from fastapi import APIRouter
from starlette.responses import Response

from clipcast.web.pages import headers
from clipcast.web.viewers import Looking

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")


@router.get("/reference")
async def reference_page(member: Looking) -> Response:
    """Return the API reference. CLIPCAST_PLAYGROUND_KEY prefills the API key, so that the playground works at once."""
    response = member.render(
        "reference.html", section="reference", key=member.installation.settings.playground_key or ""
    )
    # Scalar sets styles in attributes and elements.
    response.headers.update(headers(style_src="'self' 'unsafe-inline'", worker_src="'self' blob:"))
    return response
