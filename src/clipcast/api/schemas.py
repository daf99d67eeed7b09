"""Reading request bodies: JSON, strict, bounded, and with every problem reported at once."""

from collections.abc import Iterator
from typing import Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic_core import from_json

from clipcast.api.here import here
from clipcast.api.problems import ApiError, ValidationFailed
from clipcast.platforms.metadata import problems_of
from clipcast.problems import Problem

B = TypeVar("B", bound=BaseModel)
MAX_DEPTH = 32


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


def json_body(model: type[BaseModel]) -> Any:
    """The dependency that reads a body as `model`.

    Raises ApiError 400, 413 or 415, or ValidationFailed.
    """

    async def read(request: Request) -> BaseModel:
        raw = await read_json(request)
        try:
            return model.model_validate(raw)
        except ValidationError as error:
            raise ValidationFailed(problems_of(error, names_in(model))) from None

    return Depends(read)


async def read_json(request: Request) -> Any:
    """The body's JSON value, free of what PostgreSQL cannot store."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise ApiError(415, "unsupported_media_type", "Send the body as application/json.")
    content = await read_bounded(request, here(request).settings.max_body_bytes)
    request.state.body = content
    try:
        value = from_json(content, allow_inf_nan=False)
    except ValueError as error:
        raise ApiError(400, "invalid_json", f"The body is not valid JSON: {error}.") from None
    if problems := list(_unstorable(value, "", 0)):
        raise ValidationFailed(problems)
    return value


async def read_bounded(request: Request, limit: int) -> bytes:
    """The whole body. Raises ApiError 413 as soon as it is larger than `limit` bytes."""
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise ApiError(413, "body_too_large", f"The body may have {limit} bytes.")
    return bytes(body)


def names_in(model: type[BaseModel]) -> list[str]:
    """Every field name of a model and of the models in it, as callers write them."""
    names: list[str] = []

    def collect(schema: Any) -> None:
        if isinstance(schema, dict):
            names.extend(schema.get("properties", {}))
            for value in schema.values():
                collect(value)
        elif isinstance(schema, list):
            for value in schema:
                collect(value)

    collect(model.model_json_schema(by_alias=True))
    return names


def _unstorable(value: Any, path: str, depth: int) -> Iterator[Problem]:
    if depth > MAX_DEPTH:
        yield Problem(path[:200], "too_deep", f"At most {MAX_DEPTH} levels of nesting.", MAX_DEPTH)
    elif isinstance(value, str):
        if "\x00" in value:
            yield Problem(path, "forbidden_character", "Must not contain the character NUL (U+0000). Remove it.")
    elif isinstance(value, dict):
        for key, inner in value.items():
            where = f"{path}/" + key.replace("~", "~0").replace("/", "~1")
            if "\x00" in key:
                yield Problem(path, "forbidden_character", "A field name contains the character NUL (U+0000).")
            yield from _unstorable(inner, where, depth + 1)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _unstorable(inner, f"{path}/{index}", depth + 1)
