"""The OpenAPI document: request bodies without `$ref`, and the errors of every operation.

Paths are relative to the server's address, because client libraries join a base address with a path. Header parameters
are only in the description and in `components`. Some tools show every parameter of an operation but do not send the
headers; their users would believe that an Idempotency-Key protects them.
"""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from clipcast.api.problems import MEDIA_TYPE, ProblemDocument
from clipcast.api.schemas import BODIES, BODY
from clipcast.common.schemas import inlined

DESCRIPTION = """
Publish many clips to many accounts, each exactly once. Send your API key in `X-Api-Key`. Times are ISO 8601 with an
offset. Errors are RFC 9457 problem documents. A 422 lists the first 100 problems and counts the others. A body with an
unknown field, or with an object that repeats a key, is an error.

Every POST except `validatePost` accepts the header `Idempotency-Key`: 1 to 255 characters of your choice. If you send
the same request with the same key again within 24 hours, Clipcast returns the first response and does nothing. If your
API key has access to several workspaces, name one in the header `X-Workspace-Id`.

Posts and items have a `version`. It counts the changes of fields that callers may edit, not those of status and
progress. Responses name the version in `ETag`. Send it as `If-Match` with PATCH, DELETE, publish and retry. If the
post or item has changed since, Clipcast does nothing and returns 412 `version_mismatch` with the current `version`.
Without `If-Match` the last change wins. `If-None-Match` is not supported.
"""
ERRORS = {
    "400": "The request cannot be read.",
    "401": "The API key is missing, wrong, expired or revoked.",
    "403": "The API key lacks a scope.",
    "404": "The workspace has no such resource.",
    "408": "The body arrived too slowly.",
    "409": "The current state does not allow this operation.",
    "412": "If-Match names another version than the current one. Clipcast did nothing.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "421": "The Host header does not name this installation.",
    "422": "Validation failed. `errors` lists the problems.",
    "429": "Too many requests. Retry-After says when to try again, in seconds.",
    "503": "The database, the storage or a platform does not respond. Retry-After says when to try again, in seconds.",
}
# Errors of operations that read a body.
BODY_ERRORS = ("408", "413", "415")
# Operations that check If-Match, and those whose response names a version, with its status.
CONDITIONAL = (
    "updatePost", "publishPost", "retryPost", "deletePost", "updatePostItem", "retryPostItem", "deletePostItem"
)  # fmt: skip
VERSIONED = {
    "createPost": "201", "getPost": "200", "updatePost": "200", "publishPost": "200", "getPostItem": "200",
    "updatePostItem": "200", "retryPostItem": "202",
}  # fmt: skip
# The prefix of every path in the document.
BASE = "/api/v1"
WORKSPACE_ID = {
    "name": "X-Workspace-Id",
    "in": "header",
    "required": False,
    "description": "The workspace of the request. Required if the API key has access to several workspaces.",
    "schema": {"type": "string", "format": "uuid"},
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": "The ETag of the version that you want to change. If it is not the current version, Clipcast does "
    "nothing and returns 412.",
    "schema": {"type": "string", "minLength": 1},
    "example": '"3"',
}
ETAG = {
    "ETag": {
        "description": "The version, for If-Match. Changes of status and progress do not raise it.",
        "schema": {"type": "string"},
        "example": '"3"',
    }
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "1 to 255 characters of your choice. If you send the same request with the same key again within 24 "
    "hours, Clipcast returns the first response and does nothing.",
    "schema": {"type": "string", "minLength": 1, "maxLength": 255},
}


def install(app: FastAPI) -> None:
    """Make `app.openapi()` return this document."""

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
