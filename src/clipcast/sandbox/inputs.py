"""What callers send, read without trust: a body is bounded and well-formed, or the platform says that it is not."""

import json
import math
import re
from collections.abc import AsyncIterator
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.types import Message

# Bodies that are not files are at most so long.
TEXT_MAX = 1_000_000
DEEPEST = 64
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
NUMBER = re.compile(r"[0-9]{1,18}")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

M = TypeVar("M", bound=BaseModel)


class Unreadable(Exception):
    """A request that says nothing which the platform understands; it is answered in the platform's own words."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def bounded(request: Request, at_most: int) -> Request:
    """The same request, whose body ends as Unreadable once it is longer than `at_most` bytes."""
    size = 0

    async def receive() -> Message:
        nonlocal size
        message = await request.receive()
        size += len(message.get("body", b""))
        if size > at_most:
            raise Unreadable("The request body is too large.", 413)
        return message

    return Request(request.scope, receive)


async def json_value(request: Request) -> Any:
    """The body as JSON. Raises Unreadable for anything else, and for what no text can hold again."""
    try:
        text = (await request.body()).decode()
        if _depth(text) > DEEPEST:
            raise Unreadable("The JSON is nested too deeply.")
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # half a surrogate pair cannot be written
    except ValueError:
        raise Unreadable("The request body is not valid JSON.") from None
    return value


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises Unreadable for anything else."""
    value = await json_value(request)
    if not isinstance(value, dict):
        raise Unreadable("The request body must be a JSON object.")
    return value


async def form_of(request: Request) -> FormData:
    """The body as a form; empty when it is none. Raises Unreadable for one that is broken."""
    try:
        form = await request.form()
        for name, value in form.multi_items():
            f"{name}{value if isinstance(value, str) else value.filename}".encode()
    except (HTTPException, ValueError, LookupError):
        raise Unreadable("The form cannot be parsed.") from None
    return form


async def form_texts(request: Request) -> dict[str, str]:
    """The form's fields that are texts. Raises Unreadable for a form that is broken."""
    return {key: value for key, value in (await form_of(request)).items() if isinstance(value, str)}


def number(text: str | None) -> int | None:
    """A whole number that is not negative; None when the text is anything else."""
    return int(text) if text is not None and NUMBER.fullmatch(text) else None


def asked_number(request: Request, name: str, default: int, least: int = 0, most: int = 10**18) -> int:
    """A number of the query. Raises Unreadable when it is none, or out of its range."""
    text = request.query_params.get(name)
    if text is None:
        return default
    value = number(text)
    if value is None or not least <= value <= most:
        raise Unreadable(f"{name} must be a number from {least} to {most}.")
    return value


def shaped(model: type[M], value: Any) -> M:
    """The value in its declared shape. Raises Unreadable, which names the first field that is wrong."""
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "The body"
        raise Unreadable(f"{where}: {first['msg']}") from None


def address(text: str) -> SplitResult | None:
    """The parts of an address; None when it cannot be taken apart."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for one that is no number
    except ValueError:
        return None
    return parts


async def at_most(pieces: AsyncIterator[bytes], size: int) -> bytes | None:
    """All pieces together; None as soon as they are longer than `size`."""
    content = bytearray()
    async for piece in pieces:
        content += piece
        if len(content) > size:
            return None
    return bytes(content)


def _no_constant(name: str) -> None:
    raise ValueError(name)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(text)
    return value


def _depth(text: str) -> int:
    """How deep arrays and objects are nested, at most."""
    deepest = depth = 0
    for bracket in re.findall(r"[\[\]{}]", STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest
