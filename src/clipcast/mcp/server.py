"""The MCP server: tools and resources over any transport."""

from collections.abc import Awaitable, Callable
from typing import Any, TypeVar

from mcp.server import Server, ServerRequestContext
from mcp.server.request_state import RequestStateBoundary, RequestStateSecurity
from mcp.shared.exceptions import MCPError
from mcp.types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    InputRequiredResult,
    ListResourcesResult,
    ListResourceTemplatesResult,
    ListToolsResult,
    PaginatedRequestParams,
    ReadResourceRequestParams,
    ReadResourceResult,
)

from clipcast import __version__
from clipcast.mcp import publish_file, resources
from clipcast.mcp.api import Api, ToolError
from clipcast.mcp.confirmation import confirm, names_of, question_of, targets_of
from clipcast.mcp.creation import create
from clipcast.mcp.operations import Operation
from clipcast.mcp.results import error_result, result_of

NAME = "clipcast"
INSTRUCTIONS = """
Clipcast publishes short videos to accounts on several platforms, each exactly once. To publish one file, call
publish_file: it uploads, posts and waits. list_connections shows the accounts. A result that is an error has a code, a
message and a fix: follow the fix, and do not repeat a call that was declined. Ids come from earlier results; never
invent one. Times are ISO 8601 with an offset.
""".strip().replace("\n", " ")

T = TypeVar("T")
Context = ServerRequestContext[Any, Any]
# Returns the API with the rights of the request's caller.
ApiOf = Callable[[Context], Api]
# Returns the operations by the names of their tools. Raises ToolError if the API does not respond.
Operations = Callable[[Context], Awaitable[dict[str, Operation]]]


def make_server(
    operations: Operations, api_of: ApiOf, state_keys: list[bytes] | None = None, has_files: bool = False
) -> Server[Any]:
    """Return the server.

    `has_files`: the tools may read video files of this machine. `state_keys` protect the questions that a client takes
    from one process to another; without them, only this process knows its questions.
    """

    async def list_tools(context: Context, _: PaginatedRequestParams | None) -> ListToolsResult:
        found = await _or_protocol_error(operations(context))
        return ListToolsResult(tools=[publish_file.tool(has_files), *(one.tool for one in found.values())])

    async def call_tool(context: Context, params: CallToolRequestParams) -> CallToolResult | InputRequiredResult:
        arguments = params.arguments or {}
        try:
            if params.name == publish_file.NAME:
                return await publish_file.call(context, params, api_of(context), has_files)
            operation = (await operations(context)).get(params.name)
            if operation is None:
                raise MCPError(INVALID_PARAMS, f"There is no tool {params.name[:100]!r}. List the tools.")
            request = operation.request(arguments)
            api = api_of(context)
            if (question := question_of(operation, arguments)) is not None:
                names = await names_of(context, api, targets_of(arguments))
                question = question_of(operation, arguments, names) or question
                if asked := await confirm(context, params, question):
                    return asked
            return result_of(await (create(api, operation, request) if operation.creates else api.send(request)))
        except ToolError as error:
            return error_result(error)

    async def list_resources(context: Context, _: PaginatedRequestParams | None) -> ListResourcesResult:
        return ListResourcesResult(resources=await _or_protocol_error(resources.listed(api_of(context))))

    async def list_templates(_: Context, __: PaginatedRequestParams | None) -> ListResourceTemplatesResult:
        return ListResourceTemplatesResult(resource_templates=resources.templates())

    async def read_resource(context: Context, params: ReadResourceRequestParams) -> ReadResourceResult:
        return ReadResourceResult(
            contents=list(await _or_protocol_error(resources.read(api_of(context), str(params.uri))))
        )

    server: Server[Any] = Server(
        NAME,
        version=__version__,
        title="Clipcast",
        instructions=INSTRUCTIONS,
        on_list_tools=list_tools,
        on_call_tool=call_tool,
        on_list_resources=list_resources,
        on_list_resource_templates=list_templates,
        on_read_resource=read_resource,
    )
    security = RequestStateSecurity(keys=state_keys) if state_keys else RequestStateSecurity.ephemeral()
    server.middleware.append(RequestStateBoundary(security, default_audience=NAME))
    return server


async def _or_protocol_error(work: Awaitable[T]) -> T:
    try:
        return await work
    except ToolError as error:
        raise MCPError(INVALID_PARAMS, f"{error.code}: {error.message} {error.fix}".strip()) from None
