"""Questions to the person before a tool publishes or deletes, by elicitation."""

from collections.abc import Mapping
from typing import Any

from mcp.server import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.types import (
    CallToolRequestParams,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
)
from mcp_types.version import MODERN_PROTOCOL_VERSIONS

from clipcast.mcp.api import ToolError
from clipcast.mcp.operations import Operation

# The time that a person has to decide (seconds).
PATIENCE = 600.0
QUESTION = "question"
TEXT_SHOWN = 120


def question_of(operation: Operation, arguments: Mapping[str, Any]) -> str | None:
    """Return what to ask before the call; None for a call that neither publishes now nor deletes."""
    if operation.method == "DELETE":
        return f"{operation.summary}: {_shown(arguments)}?"
    publishes = operation.annotations.get("destructiveHint") and operation.annotations.get("openWorldHint")
    if not publishes or operation.operation_id == "updatePostItem":
        return None
    if operation.operation_id == "updatePost" and not _is_now(arguments):
        return None
    if operation.operation_id == "createPost":
        if arguments.get("scheduled_at") is not None:
            return None
        return publish_question(_targets(arguments), _text_of(arguments))
    return f"{operation.summary}: {_shown(arguments)}?"


def publish_question(accounts: list[str], text: str, clip: str = "") -> str:
    """Return the question before something is published now."""
    what = f"Publish {clip} now" if clip else "Publish now"
    return f"{what} to {', '.join(accounts) or 'the accounts'}?" + (f" Text: {text[:TEXT_SHOWN]}" if text else "")


async def confirm(
    context: ServerRequestContext[Any], params: CallToolRequestParams, question: str
) -> InputRequiredResult | None:
    """Ask the person, if the client can. Return the result that asks, or None to go on. Raises ToolError for a no.

    Clients of the protocol 2026-07-28 get the question as a result, and repeat the call with the person's answer.
    Older clients get it as a request, while the call waits.
    """
    elicitation = context.session.client_capabilities and context.session.client_capabilities.elicitation
    if not elicitation or (elicitation.url is not None and elicitation.form is None):
        return None
    request = ElicitRequest(
        params=ElicitRequestFormParams(message=question, requested_schema={"type": "object", "properties": {}})
    )
    if context.protocol_version in MODERN_PROTOCOL_VERSIONS:
        given = (params.input_responses or {}).get(QUESTION)
        if not isinstance(given, ElicitResult) or params.request_state != question:
            return InputRequiredResult(input_requests={QUESTION: request}, request_state=question)
        answer = given
    elif context.session.can_send_request:
        answer = await _asked(context, request)
    else:
        return None
    if answer.action != "accept":
        raise ToolError(
            "declined", f"The person did not agree ({answer.action}). Nothing was done.", "Ask the person what to do."
        )
    return None


async def _asked(context: ServerRequestContext[Any], request: ElicitRequest) -> ElicitResult:
    from mcp.shared.message import ServerMessageMetadata

    metadata = ServerMessageMetadata(related_request_id=context.request_id)
    try:
        return await context.session.send_request(request, ElicitResult, PATIENCE, metadata)
    except MCPError as error:
        message = f"The client could not ask the person: {error.error.message}. Nothing was done."
        raise ToolError("not_confirmed", message, "Ask the person, then call again.") from None


def _is_now(arguments: Mapping[str, Any]) -> bool:
    return "scheduled_at" in arguments and arguments["scheduled_at"] is None


def _shown(arguments: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {str(value)[:TEXT_SHOWN]}" for name, value in arguments.items())


def _targets(arguments: Mapping[str, Any]) -> list[str]:
    """Return the accounts of a body of POST /posts, which may be malformed."""
    found: list[str] = []
    for video in _objects(arguments.get("videos")):
        for target in _objects(video.get("targets")):
            name = str(target.get("connectionId") or target.get("connection_id") or "?")
            if name not in found:
                found.append(name)
    return found


def _objects(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _text_of(arguments: Mapping[str, Any]) -> str:
    common = arguments.get("common")
    return str(common.get("text") or common.get("title") or "") if isinstance(common, dict) else ""
