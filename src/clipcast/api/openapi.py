"""The OpenAPI documents, from one source: `openapi.json` for tools, and `openapi.components.json` for generators.

Paths are relative to the server's address, because client libraries join a base address with a path.

`openapi.json` holds the operations that take and return JSON, with request bodies without `$ref`, and header parameters
only in the description and in `components`.
Some tools show every parameter of an operation but do not send the headers; their users would believe that an
Idempotency-Key protects them. `openapi.components.json` names every schema, error and header, so that generated clients
have names that people choose.
"""

import re
from copy import deepcopy
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic import BaseModel

from clipcast.api.openapi_examples import example_of
from clipcast.api.openapi_hints import hints_of
from clipcast.api.openapi_schemas import REF, add_codes, completed, finish, name_enums, public_name, renamed
from clipcast.api.openapi_webhooks import event_schemas, webhooks_of
from clipcast.api.problems import MEDIA_TYPE, ProblemDocument
from clipcast.api.schemas import BODIES, BODY, BODY_TYPE
from clipcast.common.schemas import definition_of, inlined

DESCRIPTION = """
Publish many clips to many accounts, each exactly once. Send your API key in `X-Api-Key`. Times are ISO 8601 with an
offset. Errors are RFC 9457 problem documents. A 422 lists the first 100 problems and counts the others. A body with an
unknown field, or with an object that repeats a key, is an error. So is a query parameter that the operation does not
declare, or that the request repeats.

Every POST except `validatePost` accepts the header `Idempotency-Key`: 1 to 255 characters of your choice. If you send
the same request with the same key again within 24 hours, Clipcast returns the first response and does nothing. If your
API key has access to several workspaces, name one in the header `X-Workspace-Id`.

Posts and items have a `version`. It counts the changes of fields that callers may edit, not those of status and
progress. Responses name the version in `ETag`. Send it as `If-Match` with PATCH, DELETE, publish and retry. If the
post or item has changed since, Clipcast does nothing and returns 412 `version_mismatch` with the current `version`.
Without `If-Match` the last change wins. `If-None-Match` is not supported.

To wait for a result, no polling is needed: `GET /posts/{post_id}?wait=30` responds with the next change of a status,
and `GET /posts/{post_id}/events` streams all changes. The header `Last-Event-ID` continues a stream.
"""
# The errors of operations: status, name and text.
ERRORS = {
    "400": ("BadRequest", "The request cannot be read."),
    "401": ("Unauthorized", "The API key is missing, wrong, expired or revoked."),
    "403": ("Forbidden", "The API key lacks a scope."),
    "404": ("NotFound", "The workspace has no such resource."),
    "408": ("RequestTimeout", "The body arrived too slowly."),
    "409": ("Conflict", "The current state does not allow this operation."),
    "412": ("VersionMismatch", "If-Match names another version than the current one. Clipcast did nothing."),
    "413": ("BodyTooLarge", "The body is too large."),
    "415": ("UnsupportedMediaType", "The body has another media type than this operation reads."),
    "421": ("UnknownHost", "The Host header does not name this installation."),
    "422": ("ValidationFailed", "Validation failed. `errors` lists the problems."),
    "429": ("RateLimited", "Too many requests. Retry-After says when to try again, in seconds."),
    "503": (
        "Unavailable",
        "The database, the storage or a platform does not respond. Retry-After says when to try again, in seconds.",
    ),
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
# The operations whose response is a stream that can be continued.
CONTINUED = ("streamPostEvents",)
# The operation that accepts no Idempotency-Key, because it changes nothing.
WITHOUT_KEY = "validatePost"
# The prefix of every path in the document.
BASE = "/api/v1"
LICENSE = {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"}
CONTACT = {"name": "The operator of this installation"}
TAGS = {
    "Posts": "Publish clips to accounts, and follow, change, retry and delete each item.",
    "Reviews": "Have posts approved before they are sent: by members, and by people without a sign-in.",
    "Connections": "The connected accounts, what they offer now, and the platforms' rules.",
    "Clients": "Groups of accounts, with posting times and a queue.",
    "Clips and renders": "Upload videos, and make them postable.",
    "Templates": "Saved changes of videos, and the strategies that find clips.",
    "Assets": "Caption files and pictures, which renders use.",
    "Webhooks": "Addresses that receive events, and what was sent to them.",
    "Workspace": "The workspace of the API key.",
}
# FastAPI's description of a response without one.
FROM_FRAMEWORK = "Successful Response"
# A parameter of a path that ends in one of these is an id.
ID = re.compile(r"(.+?)(?:_id|Id)")
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
LAST_EVENT_ID = {
    "name": "Last-Event-ID",
    "in": "header",
    "required": False,
    "description": "The last `id` of the stream that this one continues. What has changed since comes first.",
    "schema": {"type": "string", "maxLength": 100},
    "example": "1798146000000",
}


PARAMETERS = {
    "WorkspaceId": WORKSPACE_ID,
    "IdempotencyKey": IDEMPOTENCY_KEY,
    "IfMatch": IF_MATCH,
    "LastEventId": LAST_EVENT_ID,
}


def install(app: FastAPI) -> None:
    """Make `app.openapi()` return the document for tools."""

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _for_tools(components_document(app))
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def components_document(app: FastAPI) -> dict[str, Any]:
    """Return the document for generators of clients."""
    if (made := getattr(app.state, "components_document", None)) is None:
        made = app.state.components_document = _with_components(app)
    found: dict[str, Any] = made
    return found


def _with_components(app: FastAPI) -> dict[str, Any]:
    made: dict[str, Any] = get_openapi(
        title=app.title,
        version=app.version,
        description=DESCRIPTION.strip(),
        routes=app.routes,
        tags=[{"name": name, "description": text} for name, text in TAGS.items()],
        servers=[{"url": BASE}],
        license_info=LICENSE,
        contact=CONTACT,
    )
    made["paths"] = {path.removeprefix(BASE): operations for path, operations in made["paths"].items()}
    schemas = made["components"]["schemas"]
    for unused in ("HTTPValidationError", "ValidationError"):
        schemas.pop(unused, None)
    models: list[type[BaseModel]] = [*BODIES.values(), ProblemDocument]
    for model in models:
        schemas |= _schemas_of(model)
    schemas |= event_schemas()
    for path in made["paths"].values():
        for method, operation in path.items():
            _complete(operation, method)
    public = {public_name(name): schema for name, schema in schemas.items()}
    assert len(public) == len(schemas), sorted(schemas)
    schemas = {name: completed(name, schema) for name, schema in sorted(public.items())}
    operations = [operation for path in made["paths"].values() for operation in path.values()]
    parameters = [one for operation in operations for one in operation["parameters"] if REF not in one]
    schemas |= name_enums(schemas, parameters)
    add_codes(schemas)
    made["webhooks"] = webhooks_of()
    renamed_document: dict[str, Any] = renamed(made)
    made = renamed_document | {"components": made["components"]}
    made["components"] |= {
        "schemas": dict(sorted(schemas.items())),
        "parameters": PARAMETERS,
        "headers": ETAG,
        "responses": {name: _error(text) for name, text in ERRORS.values()},
    }
    for path in (*made["paths"].values(), *made["webhooks"].values()):
        for operation in path.values():
            _add_examples(operation, schemas)
    return made


def _for_tools(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document with its request bodies, parameters and errors in place, and without header parameters.

    Tools send and read JSON, so operations of other kinds are left out.
    """
    made = deepcopy(document)
    components = made["components"]
    for path, methods in list(made["paths"].items()):
        made["paths"][path] = {method: one for method, one in methods.items() if _is_json(one)}
        if not made["paths"][path]:
            del made["paths"][path]
    for path in made["paths"].values():
        for operation in path.values():
            operation["parameters"] = [one for one in operation["parameters"] if REF not in one]
            for parameter in operation["parameters"]:
                parameter["schema"] = inlined(parameter["schema"], components["schemas"])
            for content in operation.get("requestBody", {}).get("content", {}).values():
                content["schema"] = inlined(content["schema"], components["schemas"])
            for status, response in operation["responses"].items():
                if REF in response:
                    operation["responses"][status] = definition_of(response, components["responses"])
    used = _used_schemas([made["paths"], made["webhooks"]], components["schemas"])
    components["schemas"] = {name: schema for name, schema in components["schemas"].items() if name in used}
    del components["responses"]
    # The header parameters, once, in a path item of no path: linters want each component used.
    components["pathItems"] = {
        "Headers": {
            "description": "The headers that operations accept. The document's description says which.",
            "parameters": [{REF: f"#/components/parameters/{name}"} for name in PARAMETERS],
        }
    }
    return made


def _is_json(operation: dict[str, Any]) -> bool:
    """Return whether an operation takes and returns JSON or nothing."""
    done = [one for status, one in operation["responses"].items() if status.startswith("2")]
    contents = [one["content"] for one in (operation.get("requestBody", {}), *done) if one.get("content")]
    return all("application/json" in content for content in contents)


def _used_schemas(node: Any, schemas: dict[str, Any]) -> set[str]:
    """Return the names of the schemas to which this part of a document refers, directly or not."""
    found: set[str] = set()
    left = [node]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            left.extend(node.values())
            name = str(node.get(REF, "")).rsplit("/", 1)[-1]
            if name in schemas and name not in found:
                found.add(name)
                left.append(schemas[name])
        elif isinstance(node, list):
            left.extend(node)
    return found


def _schemas_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the schema of a body and those to which it refers."""
    schema = model.model_json_schema(by_alias=True, ref_template="#/components/schemas/{model}")
    found: dict[str, Any] = schema.pop("$defs", {})
    return found | {model.__name__: schema}


def _complete(operation: dict[str, Any], method: str) -> None:
    name = operation["operationId"]
    operation["x-mcp"] = hints_of(name, method)
    parameters = operation.setdefault("parameters", [])
    for parameter in parameters:
        schema = parameter["schema"]
        schema |= next((one for one in schema.pop("anyOf", []) if one != {"type": "null"}), {})
        finish(schema)
        if text := schema.pop("description", None):
            parameter["description"] = text
        if parameter["in"] == "path" and (match := ID.fullmatch(parameter["name"])):
            parameter.setdefault("description", f"The id of the {match[1].replace('_', ' ')}.")
            schema["format"] = "uuid"
    headers = ["WorkspaceId"]
    headers += ["IdempotencyKey"] if method == "post" and name != WITHOUT_KEY else []
    headers += ["IfMatch"] if name in CONDITIONAL else []
    headers += ["LastEventId"] if name in CONTINUED else []
    parameters += [{REF: f"#/components/parameters/{header}"} for header in headers]
    if body := operation.pop(BODY, None):
        schema = {REF: f"#/components/schemas/{body}"}
        operation["requestBody"] = {"required": True, "content": {operation.pop(BODY_TYPE): {"schema": schema}}}
    if status := VERSIONED.get(name):
        operation["responses"][status]["headers"] = {"ETag": {REF: "#/components/headers/ETag"}}
    for status, (error, _) in ERRORS.items():
        if status in BODY_ERRORS and "requestBody" not in operation:
            continue
        if status == "412" and name not in CONDITIONAL:
            continue
        operation["responses"][status] = {REF: f"#/components/responses/{error}"}


def _error(text: str) -> dict[str, Any]:
    content = {"schema": {REF: "#/components/schemas/ProblemDocument"}, "example": ProblemDocument.example}
    return {"description": text, "content": {MEDIA_TYPE: content}}


def _add_examples(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    holders = [operation.get("requestBody", {}), *operation["responses"].values()]
    for content in (content for holder in holders for content in holder.get("content", {}).values()):
        content["schema"].pop("title", None)
        content.setdefault("example", example_of(content["schema"], schemas))
    for response in operation["responses"].values():
        if response.get("description") == FROM_FRAMEWORK:
            response["description"] = "Done." if "content" in response else "Done. The response has no body."
