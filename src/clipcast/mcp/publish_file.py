"""The tool `publish_file`: from a file to published posts in one call."""

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

from mcp.server import ServerRequestContext
from mcp.types import CallToolRequestParams, CallToolResult, InputRequiredResult, Tool, ToolAnnotations

from clipcast.mcp.api import Api, ToolError, as_tool
from clipcast.mcp.arguments import check_values, key_of
from clipcast.mcp.confirmation import confirm, names_of, publish_question, texts_in
from clipcast.mcp.files import digest_of, find_video
from clipcast.mcp.operations import check_names, schema_of
from clipcast.mcp.results import result_of
from clipcast.sdk import Progress, PublishedItem, PublishedPost, Request
from clipcast.sdk.publishing import DUPLICATE, KEY_REUSED
from clipcast.sdk.transport import headers
from clipcast.sdk.uploads import is_address, part

NAME = "publish_file"
TITLE = "Publish a file"
# Seconds: what a call waits for the platforms by default, and at most.
WAIT, WAIT_MAX = 120, 600
# The shares of the whole progress that end with the upload and with the post's creation.
UPLOADED, POSTED = 0.4, 0.5


def _text(description: str, **more: Any) -> dict[str, Any]:
    return {"type": "string", "description": description} | more


FILE = {"file": _text("The path of the video file on this machine: .mp4, .m4v, .mov, .webm or .mkv.")}
SOURCES = {
    "url": _text("The public http or https address of the media file, which Clipcast imports."),
    "video_id": _text("A video whose bytes were sent to the `upload_url` of start_upload."),
    "edit_id": _text("A clip or render that exists: its `edit_setting_id`."),
}
REST: dict[str, Any] = {
    "to": {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "description": "The accounts: `platform:@name`, `@name` if one platform has it, or ids of list_connections.",
    },
    "text": _text("The caption, description or text, in each platform's own field."),
    "title": _text("The title, on platforms that have one."),
    "tags": {
        "type": "array",
        "items": {"type": "string"},
        "description": "Tags without #, on platforms that have them.",
    },
    "at": _text("When to publish, as an ISO 8601 time: with an offset, or local with `timezone`. Left out: now."),
    "timezone": _text("The IANA time zone of `at`, such as Europe/Lisbon."),
    "settings": {
        "type": "object",
        "additionalProperties": {"type": "object"},
        "description": 'Fields by platform, such as {"youtube": {"privacyStatus": "unlisted"}}. create_post and the '
        "resources clipcast://platforms/{name} describe them.",
    },
    "dry_run": {
        "type": "boolean",
        "default": False,
        "description": "Check everything, and publish nothing. A file is uploaded for the check.",
    },
    "allow_duplicate": {
        "type": "boolean",
        "default": False,
        "description": "Publish although the same clip and text went to the account recently. Ask the person first.",
    },
    "wait_seconds": {
        "type": "integer",
        "minimum": 0,
        "maximum": WAIT_MAX,
        "default": WAIT,
        "description": "How long to wait until the platforms have published.",
    },
    "idempotency_key": _text(
        "Left out, a repeated call with the same arguments publishes nothing again within 24 hours. To publish the "
        "same again, pass a new value and allow_duplicate.",
        maxLength=100,
    ),
}
# Stands for a file that is not uploaded yet: the client does not read it.
NOT_UPLOADED = "video.mp4"
# The arguments that make one publication another one.
MEANT = ("idempotency_key", "to", "text", "title", "tags", "settings", "at", "timezone")
DESCRIPTION = (
    "Publish one video file to one or more accounts, now or at a time, and wait for the outcome: upload, post and wait "
    "in one call. The result has each account's status with the video's address, or with an error and its fix. A "
    "repeated call with the same arguments returns the same post, so it is safe. If the same clip and text went to an "
    "account recently, the error duplicate_content names that post. If items failed, call retry_post with the "
    "`post_id`, not this tool."
)
HOW = {
    True: "Pass exactly one of `file`, `url`, `video_id` and `edit_id`.",
    False: "Pass exactly one of `url`, `video_id` and `edit_id`. For a file on your side, call start_upload, send the "
    "bytes with one HTTP PUT to its `upload_url`, which needs no key, and pass its `video_id` here.",
}

Context = ServerRequestContext[Any, Any]


def tool(has_files: bool) -> Tool:
    """Return the tool. `has_files`: it may read files of this machine."""
    hints = {"readOnlyHint": False, "destructiveHint": True, "idempotentHint": True, "openWorldHint": True}
    return Tool(
        name=NAME,
        title=TITLE,
        description=f"{DESCRIPTION} {HOW[has_files]}",
        input_schema=schema_of(_properties(has_files), ("to",)),
        annotations=ToolAnnotations.model_validate({"title": TITLE, **hints}),
    )


async def call(
    context: Context, params: CallToolRequestParams, api: Api, has_files: bool
) -> CallToolResult | InputRequiredResult:
    """Publish the file of the arguments, and return what became of it, or the question to the person.

    Raises ToolError, which names the post if one exists.
    """
    arguments = params.arguments or {}
    _check(arguments, has_files)
    if not arguments.get("dry_run") and arguments.get("at") is None:
        clip = next(str(arguments[name]) for name in FILE | SOURCES if arguments.get(name) is not None)
        texts = [str(arguments.get(name) or "") for name in ("title", "text")]
        names = await names_of(context, api, arguments["to"])
        question = publish_question(arguments["to"], [*texts, *texts_in(arguments.get("settings"))], clip, names)
        if asked := await confirm(context, params, question):
            return asked
    return await _run(context, api, arguments)


def _properties(has_files: bool) -> dict[str, Any]:
    return (FILE if has_files else {}) | SOURCES | REST


def _check(arguments: Mapping[str, Any], has_files: bool) -> None:
    """Raise ToolError for arguments that are not those of the schema, or do not fit together."""
    check_names(NAME, arguments, _properties(has_files), ("to",))
    check_values(arguments, _properties(has_files), ("to",))
    sources = [name for name in FILE | SOURCES if arguments.get(name) is not None]
    if len(sources) != 1:
        message = (
            f"The call names {len(sources)} clips: {', '.join(sources)}." if sources else "The call names no clip."
        )
        raise ToolError("one_clip_needed", message, HOW[has_files])
    if sources == ["url"] and not is_address(arguments["url"]):
        # The client would read it as a path of this machine.
        message = f"url is {arguments['url'][:60]!r}, which is no address."
        raise ToolError("invalid_argument", message, "Pass one that begins with http:// or https://.")


async def _run(context: Context, api: Api, arguments: Mapping[str, Any]) -> CallToolResult:
    asked = {name: arguments[name] for name in MEANT[1:] if arguments.get(name) is not None}
    allowed: dict[str, Any] = {"on_duplicate": "allow"} if arguments.get("allow_duplicate") else {}
    # The key stands for the arguments, so that a repeated call finds its post.
    source = await _source_of(arguments)
    key = key_of(arguments.get("idempotency_key"), source, asked | allowed)
    is_dry_run = bool(arguments.get("dry_run"))
    if arguments.get("edit_id") is None:
        # Accounts, texts and times are checked before the first byte is sent.
        checked = await as_tool(api.client.validate(NOT_UPLOADED, **asked))
        problems = [one for one in checked["errors"] if one["code"] != DUPLICATE]
        if problems or checked["more_errors"]:
            if is_dry_run:
                return _checked(None, checked)
            # What was valid at the first call may not be so any more, such as a time.
            if not await _is_repeated(api, key):
                raise _invalid(problems, checked["more_errors"])
    clip = {"edit_setting_id": await _edit_of(context, api, arguments, source)}
    if is_dry_run:
        return _checked(clip["edit_setting_id"], await as_tool(api.client.validate(clip, **asked)))
    asked |= allowed
    try:
        publishing = api.client.publish(clip, **({"on_duplicate": "refuse"} | asked), idempotency_key=key)
        post = await as_tool(publishing)
    except ToolError as error:
        if error.code != DUPLICATE:
            raise
        fix = "Ask the person. To publish it again, pass allow_duplicate: true."
        raise ToolError(error.code, f"{error.message} Nothing was published.", fix, error.document) from None
    waited = 0 if post.scheduled_at else arguments.get("wait_seconds", WAIT)
    post = await as_tool(_watched(context, api, post, waited))
    result = result_of(_shown(post, clip["edit_setting_id"]))
    return result.model_copy(update={"is_error": post.status == "failed"})


def _checked(edit_id: str | None, checked: Any) -> CallToolResult:
    result = result_of({"dry_run": True, "edit_id": edit_id, **checked})
    return result.model_copy(update={"is_error": not checked["valid"]})


async def _source_of(arguments: Mapping[str, Any]) -> dict[str, str]:
    """Return what identifies the clip before it is uploaded or imported. Raises ToolError."""
    if (edit_id := arguments.get("edit_id")) is not None:
        return {"edit_setting_id": str(edit_id)}
    if (file := arguments.get("file")) is not None:
        path = await asyncio.to_thread(find_video, str(file))
        return {"digest": await asyncio.to_thread(digest_of, path), "name": path.name}
    return {name: str(arguments[name]) for name in ("url", "video_id") if arguments.get(name) is not None}


async def _is_repeated(api: Api, key: str) -> bool:
    """Return whether an earlier call created its post with this key. An empty body creates nothing."""
    own = headers(idempotency_key=part(key, "post"))
    empty: Request[Any] = Request("createPost", "POST", "/posts", body={}, headers=own)
    try:
        await api.send(empty)
    except ToolError as error:
        return error.code == KEY_REUSED
    return False


def _invalid(problems: Sequence[Any], more: int) -> ToolError:
    count = len(problems) + more
    message = f"{count} problem{'s' if count > 1 else ''}; nothing was uploaded, and nothing was changed."
    return ToolError("validation_failed", message, "Correct what `errors` lists.", {"errors": list(problems)})


async def _watched(context: Context, api: Api, post: PublishedPost, seconds: float) -> PublishedPost:
    if not seconds:
        return post
    async with aclosing(api.client.watch(post.id, seconds)) as states:  # type: ignore[type-var]
        async for post in states:
            ended = sum(item.published or item.failed for item in post.items)
            share = sum(100 if item.published or item.failed else item.progress for item in post.items)
            done = POSTED + (1 - POSTED) * share / (100 * max(1, len(post.items)))
            await context.session.report_progress(done, 1.0, f"{ended} of {len(post.items)} accounts are done")
    return post


async def _edit_of(context: Context, api: Api, arguments: Mapping[str, Any], source: Mapping[str, str]) -> str:
    """Return the `edit_setting_id` of the clip, after an upload or import if it needs one. Raises ToolError."""
    if (edit_id := arguments.get("edit_id")) is not None:
        return str(edit_id)
    if (file := arguments.get("file")) is not None:
        return await _uploaded(context, api, str(file), key_of(source["digest"], source["name"]))
    if (url := arguments.get("url")) is not None:
        await context.session.report_progress(0.0, 1.0, "Importing the file")
        # The bytes at an address change, so another publication imports them anew.
        key = key_of(url, [arguments.get(name) for name in MEANT])
        return str((await as_tool(api.client.upload(url, idempotency_key=key)))["edit_setting_id"])
    video_id = str(arguments["video_id"])
    try:
        return str((await as_tool(api.client.create_render(video_id=video_id)))["edit_setting_id"])
    except ToolError as error:
        if error.code != "upload_not_completed":
            raise
    done = await as_tool(api.client.complete_upload(video_id=video_id))
    return str(done["edit_setting_id"])


async def _uploaded(context: Context, api: Api, file: str, key: str) -> str:
    path = await asyncio.to_thread(find_video, file)
    reports: set[asyncio.Task[None]] = set()

    def tell(progress: Progress) -> None:
        done = UPLOADED * progress.sent / max(1, progress.size)
        report = context.session.report_progress(done, 1.0, f"{progress.sent} of {progress.size} bytes are uploaded")
        task = asyncio.ensure_future(report)
        reports.add(task)
        task.add_done_callback(reports.discard)

    # A repeated call finds the upload of the first.
    try:
        done = await as_tool(api.client.upload(path, progress=tell, idempotency_key=key))
    finally:
        # A report after the result of the call would reach nobody.
        await asyncio.gather(*reports, return_exceptions=True)
    return str(done["edit_setting_id"])


def _shown(post: PublishedPost, edit_id: str) -> dict[str, Any]:
    shown = {
        "post_id": post.id,
        "status": post.status,
        "scheduled_at": post.scheduled_at,
        "edit_id": edit_id,
        "items": [_item(item) for item in post.items],
    }
    if post.waits_for_person:
        return shown | {"next": "A person must act: see the `fix` of each error. Then ask get_post for the post."}
    if post.done or post.scheduled_at:
        return shown
    return shown | {"next": "Some accounts are not done yet. Ask get_post for the post later, or repeat this call."}


def _item(item: PublishedItem) -> dict[str, Any]:
    error = item.error
    return {
        "item_id": item.id,
        "account": item.account,
        "status": item.status,
        "url": item.url,
        "waits_until": item.waits_until,
        "error": error and {"code": error.code, "message": error.message, "fix": error.fix, "actor": error.actor},
    }
