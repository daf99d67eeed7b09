"""Questions to the person before a tool publishes, deletes or changes webhooks, by elicitation."""

import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from types import MappingProxyType
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

from clipcast.mcp.api import Api, ToolError
from clipcast.mcp.operations import Operation

# The time that a person has to decide (seconds).
PATIENCE = 600.0
QUESTION = "question"
TEXT_SHOWN = 120
# The texts of one question, and the accounts whose names are looked up.
TEXTS_MAX, NAMES_MAX = 5, 20
# The fields of texts that people read, on all platforms.
TEXTS = ("title", "text", "caption", "description", "commentary")
# These change where events go and who may sign them, or what protects a workspace.
ASKED = ("createWebhook", "updateWebhook", "rotateWebhookSecret", "updateWorkspace")
# Characters that break a line, control a terminal, or turn the direction of a text around.
CONTROLS = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]")
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)

Names = Mapping[str, str]


def question_of(operation: Operation, arguments: Mapping[str, Any], names: Names = MappingProxyType({})) -> str | None:
    """Return what to ask before the call, or None if it needs no person.

    A call needs one that publishes now or deletes, and one of ASKED. `names` are those of accounts by their ids.
    """
    question = f"{operation.summary}: {_shown(arguments)}?"
    if operation.method == "DELETE" or operation.operation_id in ASKED:
        return question
    publishes = operation.annotations.get("destructiveHint") and operation.annotations.get("openWorldHint")
    if not publishes or operation.operation_id == "updatePostItem":
        return None
    if operation.operation_id == "updatePost" and not _is_now(arguments):
        return None
    if operation.operation_id == "createPost":
        if arguments.get("scheduled_at") is not None or arguments.get("schedule") is not None:
            return None
        return publish_question(targets_of(arguments), _texts_of(arguments), names=names)
    return question


def publish_question(
    accounts: list[str], texts: Iterable[str], clip: str = "", names: Names = MappingProxyType({})
) -> str:
    """Return the question before something is published now."""
    what = f"Publish {clip} now" if clip else "Publish now"
    shown = ", ".join(names.get(one, one[:TEXT_SHOWN]) for one in accounts) or "the accounts"
    found = list(dict.fromkeys(plain(text)[:TEXT_SHOWN] for text in texts if text))
    listed = " | ".join(found[:TEXTS_MAX]) + (f" | and {len(found) - TEXTS_MAX} more" if found[TEXTS_MAX:] else "")
    return f"{what} to {shown}?" + (f" Text{'s' if found[1:] else ''}: {listed}" if found else "")


def texts_in(settings: Any) -> list[str]:
    """Return the texts of fields by platform, which may be malformed."""
    found = settings.values() if isinstance(settings, Mapping) else ()
    fields = [one for one in found if isinstance(one, Mapping)]
    return [one[name] for one in fields for name in TEXTS if isinstance(one.get(name), str)]


def plain(text: str) -> str:
    """Return an agent's text in one line, so that it cannot look like a part of the question."""
    return " ".join(CONTROLS.sub(" ", text).split())


async def names_of(context: ServerRequestContext[Any], api: Api, accounts: Iterable[str]) -> dict[str, str]:
    """Return `platform:@name` of each account that is named by an id, if the question can be asked."""
    found: dict[str, str] = {}
    for account in [one for one in accounts if UUID.fullmatch(one)][:NAMES_MAX] if _can_ask(context) else ():
        with suppress(ToolError, LookupError, TypeError):
            one = await api.get(f"/connections/{account}")
            found[account] = f"{one['platform']}:@{one['username']}"
    return found


async def confirm(
    context: ServerRequestContext[Any], params: CallToolRequestParams, question: str
) -> InputRequiredResult | None:
    """Ask the person, if the client can. Return the result that asks, or None to go on. Raises ToolError for a no.

    Clients of the protocol 2026-07-28 get the question as a result, and repeat the call with the person's answer.
    Older clients get it as a request, while the call waits.
    """
    if not _can_ask(context):
        return None
    question = plain(question)
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


def _can_ask(context: ServerRequestContext[Any]) -> bool:
    elicitation = context.session.client_capabilities and context.session.client_capabilities.elicitation
    if not elicitation:
        return False
    return elicitation.url is None or elicitation.form is not None


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


def targets_of(arguments: Mapping[str, Any]) -> list[str]:
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


def _texts_of(arguments: Mapping[str, Any]) -> Iterator[str]:
    """Yield the texts of a body of POST /posts, which may be malformed."""
    videos = _objects(arguments.get("videos"))
    for one in (arguments, *videos):
        yield from texts_in({"common": one.get("common")})
    for video in videos:
        for target in _objects(video.get("targets")):
            yield from texts_in({"common": target.get("common")})
            yield from texts_in(target.get("metadata"))
