"""The OpenAPI document: request bodies complete without following `$ref`, errors on every operation.

Paths are relative to the server's, because clients join their base address with a path. Header parameters stand in the
description and in `components` alone: tools that show every parameter of an operation drop the headers when they send,
and their users would believe that an Idempotency-Key protects them.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from clipcast.api.problems import MEDIA_TYPE, ProblemDocument
from clipcast.api.schemas import BODIES, BODY
from clipcast.common.schemas import inlined

DESCRIPTION = """
Publish many clips to many accounts, each exactly once. Send your key in `X-Api-Key`. Times are ISO 8601 with an
offset. Errors are RFC 9457 problem documents; a 422 lists the first 100 problems and counts the others. A key that
stands twice in an object of a body is an error, as is a field that does not exist.

Every POST but `validatePost` takes the header `Idempotency-Key`, 1 to 255 characters of your choice: for 24 hours,
repeating the request answers what the first one did, and does nothing again. A key of several workspaces needs the
header `X-Workspace-Id`.

Posts and items have a `version`, which counts the changes of what callers may edit; status and progress change without
it. Responses name it in `ETag`. Send that as `If-Match` with PATCH, DELETE, publish and retry: if somebody has changed
the post or item meanwhile, nothing is done, and the response is 412 `version_mismatch` with the current `version`.
Without `If-Match` the last change wins. `If-None-Match` is not served.
"""
ERRORS = {
    "400": "The request cannot be read.",
    "401": "The API key is missing, wrong, expired or revoked.",
    "403": "The key lacks a scope.",
    "404": "It does not exist in this workspace.",
    "408": "The body came too slowly.",
    "409": "Not in its present state.",
    "412": "Changed meanwhile: If-Match names another version. Nothing was done.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "421": "The Host header does not name this installation.",
    "422": "Validation failed; all problems are listed.",
    "429": "Too many requests; see Retry-After.",
    "503": "The database, the storage or a platform does not respond; see Retry-After.",
}
# Only of operations that read a body.
BODY_ERRORS = ("408", "413", "415")
# Operations that heed If-Match, and those whose response names a version.
CONDITIONAL = (
    "updatePost", "publishPost", "retryPost", "deletePost", "updatePostItem", "retryPostItem", "deletePostItem"
)  # fmt: skip
VERSIONED = {
    "createPost": "201", "getPost": "200", "updatePost": "200", "publishPost": "200", "getPostItem": "200",
    "updatePostItem": "200", "retryPostItem": "202",
}  # fmt: skip
# Where every path of the document begins.
BASE = "/api/v1"
WORKSPACE_ID = {
    "name": "X-Workspace-Id",
    "in": "header",
    "required": False,
    "description": "The workspace that a request is about. Needed with a key of several workspaces.",
    "schema": {"type": "string", "format": "uuid"},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the version that you mean to change. The request is done only if that is still the "
    "current one.",
    "schema": {"type": "string", "minLength": 1},
    "example": '"3"',
}
ETAG = {
    "ETag": {
        "description": "The version, for If-Match. Status and progress change without it.",
        "schema": {"type": "string"},
        "example": '"3"',
    }
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "Up to 255 characters of your choice. The same request with the same key answers the same and does "
    "nothing again, for 24 hours.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def install(app: FastAPI) -> None:
    """Makes `app.openapi()` return our document."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            made = get_openapi(title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes)
            made["components"]["schemas"]["ProblemDocument"] = inlined(ProblemDocument.model_json_schema())
            headers = {"WorkspaceId": WORKSPACE_ID, "IdempotencyKey": IDEMPOTENCY_KEY, "IfMatch": IF_MATCH}
            made["components"]["parameters"] = headers
            made["servers"] = [{"url": BASE}]
            made["paths"] = {path.removeprefix(BASE): operations for path, operations in made["paths"].items()}
            for path in made["paths"].values():
                for operation in path.values():
                    _complete(operation)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(operation: dict[str, Any]) -> None:
    if name := operation.pop(BODY, None):
        schema = inlined(BODIES[name].model_json_schema(by_alias=True))
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    is_conditional = operation["operationId"] in CONDITIONAL
    if status := VERSIONED.get(operation["operationId"]):
        operation["responses"][status]["headers"] = ETAG
    for status, text in ERRORS.items():
        if status in BODY_ERRORS and "requestBody" not in operation:
            continue
        if status == "412" and not is_conditional:
            continue
        schema = {"$ref": "#/components/schemas/ProblemDocument"}
        content = {MEDIA_TYPE: {"schema": schema, "example": ProblemDocument.example}}
        operation["responses"][status] = {"description": text, "content": content}
