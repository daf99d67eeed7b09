"""The OpenAPI document: request bodies complete without following `$ref`, errors on every operation."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from fastapi.routing import APIRoute

from clipcast.api.problems import MEDIA_TYPE, ProblemDocument
from clipcast.posts.schemas import CreatePost, Details, ItemPatch, UpdatePost

DESCRIPTION = """
Publish many clips to many accounts, each exactly once. Send your key in `X-Api-Key`. Times are ISO 8601 with an
offset. Errors are RFC 9457 problem documents; a 422 lists all problems at once. Every POST takes an
`Idempotency-Key`: for 24 hours, repeating the request answers what the first one did.
"""
ERRORS = {
    "400": "The request cannot be read.",
    "401": "The API key is missing, wrong, expired or revoked.",
    "403": "The key lacks a scope.",
    "404": "It does not exist in this workspace.",
    "409": "Not in its present state.",
    "413": "The body is too large.",
    "415": "The body is not JSON.",
    "422": "Validation failed; all problems are listed.",
    "429": "Too many requests; see Retry-After.",
}
BODY_ERRORS = ("400", "413", "415", "422")
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
            made = get_openapi(
                title=app.title, version=app.version, description=DESCRIPTION, routes=app.routes, tags=app.openapi_tags
            )
            made["components"]["schemas"]["ProblemDocument"] = inlined(ProblemDocument.model_json_schema())
            for route in app.routes:
                if isinstance(route, APIRoute) and route.include_in_schema:
                    for method in route.methods or ():
                        _complete(route, made["paths"][route.path_format][method.lower()], method)
            app.openapi_schema = made
        return app.openapi_schema

    app.openapi = document  # type: ignore[method-assign]


def _complete(route: APIRoute, operation: dict[str, Any], method: str) -> None:
    model = _body_model(route)
    if model is not None:
        schema = body_schema(model)
        operation["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if method == "POST" and route.operation_id != "validatePost":
        operation.setdefault("parameters", []).append(IDEMPOTENCY_KEY)
    for status, text in ERRORS.items():
        if status in BODY_ERRORS[1:3] and model is None:
            continue
        operation["responses"][status] = {
            "description": text,
            "content": {
                MEDIA_TYPE: {
                    "schema": {"$ref": "#/components/schemas/ProblemDocument"},
                    "example": ProblemDocument.example,
                }
            },
        }


def _body_model(route: APIRoute) -> Any:
    return next((found for d in route.dependant.dependencies if (found := getattr(d.call, "body_model", None))), None)


def body_schema(model: Any) -> dict[str, Any]:
    """The body's JSON Schema without any `$ref`, with every platform's metadata spelled out."""
    schema = inlined(model.model_json_schema(by_alias=True))
    details = inlined(Details.model_json_schema(by_alias=True)) | {"description": Details.__doc__}
    details.pop("title", None)
    if model is CreatePost:
        schema["properties"]["videos"]["items"]["properties"]["targets"]["items"]["properties"]["metadata"] = details
    if model is UpdatePost:
        assert ItemPatch.model_fields["metadata"]
        schema["properties"]["items"]["items"]["properties"]["metadata"] = details
    return schema


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with every local `$ref` replaced by what it names."""
    definitions = schema.pop("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            return resolve(definitions[name]) | {k: resolve(v) for k, v in node.items() if k != "$ref"}
        return {key: resolve(value) for key, value in node.items()}

    result: dict[str, Any] = resolve(schema)
    return result
