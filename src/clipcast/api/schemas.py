"""Reading request bodies: JSON, strict, bounded, and with every problem reported at once."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError

from clipcast.api.here import here
from clipcast.api.json_text import parse_json
from clipcast.api.problems import ApiError, ValidationFailed
from clipcast.problems import Problem
from clipcast.validation import problems_of

B = TypeVar("B", bound=BaseModel)


class Body(BaseModel):
    """The base of what callers send: unknown fields are errors, and types are not guessed at."""

    model_config = ConfigDict(extra="forbid", strict=True)


# The models of bodies that operations read by themselves, by name; openapi.py puts their schemas into the document.
BODIES: dict[str, type[BaseModel]] = {}
BODY = "x-body"


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """The `openapi_extra` of an operation whose body is `model`. Its schema is made when the document is asked for."""
    BODIES[model.__name__] = model
    return {BODY: model.__name__}


def inlined(schema: dict[str, Any]) -> dict[str, Any]:
    """`schema` with every local `$ref` replaced by what it names."""
    definitions = schema.get("$defs", {})

    def resolve(node: Any) -> Any:
        if isinstance(node, list):
            return [resolve(inner) for inner in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            return resolve(definitions[name]) | {k: resolve(v) for k, v in node.items() if k != "$ref"}
        return {key: resolve(value) for key, value in node.items() if key != "$defs"}

    result: dict[str, Any] = resolve(schema)
    return result


def json_body(model: type[BaseModel], respell: Callable[[Any], tuple[Any, list[Problem]]] | None = None) -> Any:
    """The dependency that reads a body as `model`, after `respell` has rewritten other spellings.

    Raises ApiError 400, 413 or 415, or ValidationFailed.
    """

    async def read(request: Request) -> BaseModel:
        raw = await read_json(request)
        problems: list[Problem] = []
        if respell:
            raw, problems = respell(raw)
        try:
            body = model.model_validate(raw)
        except ValidationError as error:
            raise ValidationFailed(problems + problems_of(error, model)) from None
        if problems:
            raise ValidationFailed(problems)
        return body

    return Depends(read)


async def read_json(request: Request) -> Any:
    """The body's JSON value, free of what PostgreSQL cannot store."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise ApiError(415, "unsupported_media_type", "Send the body as application/json.")
    content = await read_bounded(request, here(request).settings.max_body_bytes)
    request.state.body = content
    return parse_json(content)


async def read_bounded(request: Request, limit: int) -> bytes:
    """The whole body. Raises ApiError 413 as soon as it is larger than `limit` bytes."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise ApiError(413, "body_too_large", f"The body is larger than {limit} bytes, the maximum. Send less.")
    return bytes(body)
