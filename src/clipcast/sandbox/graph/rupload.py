"""Meta's upload host, which Facebook's Reels and Instagram's resumable containers share."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.faults import Interrupted, body_pieces
from clipcast.sandbox.inputs import number
from clipcast.sandbox.state import Upload

RUPLOAD = "rupload.facebook.com"
# Larger than the maximum of every platform, in bytes.
FILE_MAX = 10_000_000_000


def rupload_error(kind: str, message: str, status: int = 400) -> Response:
    """Return an error in the upload host's envelope, which differs from Graph's."""
    return JSONResponse({"debug_info": {"retriable": False, "type": kind, "message": message}}, status)


async def receive_rest(request: Request, upload: Upload) -> Response | None:
    """Append the body to the upload. Returns an error response, or None.

    The header `offset` must equal the number of stored bytes. A body that ends early leaves its first part.
    """
    offset, size = number(request.headers.get("offset")), number(request.headers.get("file_size"))
    if offset is None or size is None or size > FILE_MAX:
        return rupload_error("InvalidRequestError", "offset and file_size are required.")
    if offset != upload.size:
        return rupload_error("OffsetInvalidError", f"The upload holds {upload.size} bytes.")
    try:
        with upload.open() as file:
            async for piece in body_pieces(request):
                if upload.size + len(piece) > size:
                    return rupload_error("PartialRequestError", "The body is longer than file_size says.")
                upload.add(file, piece)
    except Interrupted:
        return rupload_error("PartialRequestError", "The body ended early.")
    if upload.size != size:
        return rupload_error("PartialRequestError", "The body is not what file_size says.")
    return None
