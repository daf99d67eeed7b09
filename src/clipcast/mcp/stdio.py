"""MCP over standard input and output, for programs that start their tools as processes."""

from typing import Any

from mcp.server import ServerRequestContext
from mcp.server.stdio import stdio_server

from clipcast.mcp.api import Api, ToolError
from clipcast.mcp.operations import Operation, operations_of
from clipcast.mcp.server import make_server
from clipcast.sdk import AsyncClipcast

# The title of the API's description.
PRODUCT = "Clipcast"


async def serve(client: AsyncClipcast) -> None:
    """Serve until standard input ends. Standard output carries the protocol alone."""
    api = Api(client)
    found: dict[str, Operation] = {}

    async def operations(_: ServerRequestContext[Any, Any]) -> dict[str, Operation]:
        # At the first need: a Clipcast that starts later than this process is found, too.
        if not found:
            document = await api.get("/openapi.json")
            try:
                # The description of another product can have any shape.
                if document["info"]["title"] != PRODUCT:
                    raise ValueError(document)
                found.update(operations_of(document))
            except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError):
                message = "The address does not return the description of an API of Clipcast."
                raise ToolError("unexpected_response", message, "Correct CLIPCAST_URL.") from None
        return found

    server = make_server(operations, lambda _: api, has_files=True)
    async with stdio_server() as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())
