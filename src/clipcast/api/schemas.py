"""Request bodies: strict JSON of bounded size, with all problems reported at once."""

from collections.abc import Callable
from typing import Any, TypeVar

from fastapi import Depends, Request
from pydantic import BaseModel, ValidationError

from clipcast.api.dependencies import installation_of
from clipcast.api.json_text import parse_json
from clipcast.common.problems import AppError, Problem, ValidationFailed
from clipcast.common.validation import problems_of

B = TypeVar("B", bound=BaseModel)


# Models of bodies that FastAPI neither reads nor writes, by name. openapi.py adds their schemas to the document.
BODIES: dict[str, type[BaseModel]] = {}
BODY, BODY_TYPE = "x-body", "x-body-type"
JSON = "application/json"


def documented(model: type[BaseModel], media_type: str = JSON) -> dict[str, Any]:
    """Return the `openapi_extra` of an operation whose body is `model`. openapi.py makes the schema from it later."""
    BODIES[model.__name__] = model
    return {BODY: model.__name__, BODY_TYPE: media_type}


def streamed(model: type[BaseModel], example: str) -> dict[int | str, dict[str, Any]]:
    """Return the `responses` of an operation that streams server-sent events."""
    BODIES[model.__name__] = model
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    content = {"text/event-stream": {"schema": schema, "example": example}}
    over = "The stream that `Last-Event-ID` continues has ended, and nothing has changed since."
    return {200: {"description": "The stream.", "content": content}, 204: {"description": over}}


def json_body(model: type[BaseModel], respell: Callable[[Any], tuple[Any, list[Problem]]] | None = None) -> Any:
    """Return the dependency that reads a body as `model`. `respell` first rewrites other spellings of its fields.

    The dependency raises AppError 400, 413 or 415, or ValidationFailed.
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


def read_fields(model: type[B], raw: Any) -> tuple[B, list[Problem], frozenset[str]]:
    """Return a body without those of its fields that have problems, these problems, and the names of the fields.

    So that a caller can check the others, and report all problems at once. Raises ValidationFailed if no body is left.
    """
    try:
        return model.model_validate(raw), [], frozenset()
    except ValidationError as error:
        problems = problems_of(error, model)
        wrong = frozenset(str(one["loc"][0]) for one in error.errors() if one["loc"])
    try:
        return model.model_validate({name: value for name, value in raw.items() if name not in wrong}), problems, wrong
    except (ValidationError, AttributeError):
        raise ValidationFailed(problems) from None


async def read_json(request: Request) -> Any:
    """Return the body's JSON value, without text that PostgreSQL cannot store. Raises AppError or ValidationFailed."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if kind != "application/json" and not kind.endswith("+json"):
        raise AppError(415, "unsupported_media_type", "Send the body as application/json.")
    content = await read_bounded(request, installation_of(request).settings.max_body_bytes)
    request.state.body = content
    return parse_json(content)


async def read_bounded(request: Request, limit: int) -> bytes:
    """Return the whole body.

    Raises AppError 413 as soon as it is larger than `limit` bytes, and ClientDisconnect if the connection ends first:
    an incomplete form must change nothing.
    """
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > limit:
            raise AppError(413, "body_too_large", f"The body is too large: maximum {limit} bytes. Send less.")
    return bytes(body)
