"""The API as tools call it, by the Python client: errors become errors of tools."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from clipcast.sdk import (
    ApiError,
    AsyncClipcast,
    ClipcastError,
    ConnectionFailed,
    NotFound,
    Request,
    UnexpectedResponse,
)
from clipcast.sdk.transport import content_of, foreign
from clipcast.sdk.uploads import REPLAYED

T = TypeVar("T")
# Lower statuses are those of a success.
SUCCESS_END = 300


class ToolError(Exception):
    """A tool could not do what the call asked. `document` is the API's problem document, if there is one."""

    def __init__(self, code: str, message: str, fix: str, document: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.fix = fix
        self.document = document or {}

    @classmethod
    def of(cls, error: ClipcastError, reads: bool = False) -> "ToolError":
        """Return the error of a tool for one of the client, whose call `reads`, or may have changed something.

        If a post exists, it names the post, whatever happened.
        """
        if error.post_id:
            fix = f"The post exists: {error.post_id}. Ask get_post for it. Do not publish it again."
            if isinstance(error, NotFound):
                fix = f"The post {error.post_id} was deleted. To publish it again, pass a new idempotency_key."
            return cls(error.code, error.message, fix, {"post_id": error.post_id})
        if isinstance(error, ApiError):
            return cls(error.code, error.message, error.fix, error.document)
        # A request that was sent may have taken effect, also if a proxy replaced the response.
        sent = isinstance(error, ConnectionFailed) and error.sent
        sent |= isinstance(error, UnexpectedResponse) and error.status < SUCCESS_END
        unknown = sent and not reads
        message = f"{error.message} It is not known whether Clipcast did what was asked." if unknown else error.message
        return cls(error.code, message, error.fix or "Correct the arguments.")


async def as_tool(work: Awaitable[T], reads: bool = False) -> T:
    """Return the result of a call of the client. Raises ToolError in place of ClipcastError."""
    try:
        return await work
    except ClipcastError as error:
        raise ToolError.of(error, reads) from error


class Api:
    """The API with the rights of one key."""

    def __init__(self, client: AsyncClipcast) -> None:
        self.client = client

    async def send(self, request: Request[Any]) -> Any:
        """Return the JSON of the response. Raises ToolError."""
        return await as_tool(self.client.call(request), request.reads)

    async def create(self, request: Request[Any]) -> tuple[dict[str, Any], bool]:
        """Return the JSON object of the response, and whether it is that to an earlier request. Raises ToolError."""
        return await as_tool(self._create(request))

    async def _create(self, request: Request[Any]) -> tuple[dict[str, Any], bool]:
        response = await self.client.exchange(request)
        created = content_of(request, response)
        if not isinstance(created, dict):
            raise foreign(response)
        return created, REPLAYED in response.headers

    async def get(self, path: str, **query: str) -> Any:
        """Read a resource. Raises ToolError."""
        return await self.send(Request("", "GET", path, query, reads=True))
