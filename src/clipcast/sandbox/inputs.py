"""Readers of untrusted requests. They bound and validate each body and raise Unreadable for an invalid one."""

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

# The maximum size in bytes of a body that is not a file.
TEXT_MAX = 1_000_000
DEEPEST = 64
CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")
NUMBER = re.compile(r"[0-9]{1,18}")
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')

M = TypeVar("M", bound=BaseModel)


class Unreadable(Exception):
    """A request that cannot be parsed. Each simulator returns its platform's own error for it."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


def bounded(request: Request, at_most: int) -> Request:
    """Return the request with a limited body: reading more than `at_most` bytes raises Unreadable."""
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
    """Parse the body as JSON. Raises Unreadable as `json_of`."""
    return json_of(await request.body())


def json_of(content: bytes) -> Any:
    """Parse JSON. Raises Unreadable if it is invalid or holds text that UTF-8 cannot encode."""
    try:
        text = content.decode()
        if _is_deeper(text, DEEPEST):
            raise Unreadable("The JSON is nested too deeply.")
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        json.dumps(value, ensure_ascii=False).encode()  # raises for half a surrogate pair
    except ValueError:
        raise Unreadable("The request body is not valid JSON.") from None
    return value


async def json_object(request: Request) -> dict[str, Any]:
    """Parse the body as a JSON object. Raises Unreadable if it is anything else."""
    value = await json_value(request)
    if not isinstance(value, dict):
        raise Unreadable("The request body must be a JSON object.")
    return value


async def form_of(request: Request) -> FormData:
    """Parse the body as a form. A body of another type returns an empty form. Raises Unreadable if it is invalid."""
    try:
        form = await request.form()
        for name, value in form.multi_items():
            f"{name}{value if isinstance(value, str) else value.filename}".encode()
    except (HTTPException, ValueError, LookupError):
        raise Unreadable("The form cannot be parsed.") from None
    return form


async def form_texts(request: Request) -> dict[str, str]:
    """Return the form's text fields, without its files. Raises Unreadable if the form is invalid."""
    return {key: value for key, value in (await form_of(request)).items() if isinstance(value, str)}


def number(text: str | None) -> int | None:
    """Parse a non-negative integer of at most 18 digits. Returns None for any other text."""
    return int(text) if text is not None and NUMBER.fullmatch(text) else None


def asked_number(request: Request, name: str, default: int, least: int = 0, most: int = 10**18) -> int:
    """Parse a number of the query. Raises Unreadable if it is not a number or out of range."""
    text = request.query_params.get(name)
    if text is None:
        return default
    value = number(text)
    if value is None or not least <= value <= most:
        raise Unreadable(f"{name} must be a number from {least} to {most}.")
    return value


def shaped(model: type[M], value: Any) -> M:
    """Validate the value against a model. Raises Unreadable, which names the first invalid field."""
    try:
        return model.model_validate(value, strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "The body"
        raise Unreadable(f"{path}: {first['msg']}") from None


def address(text: str) -> SplitResult | None:
    """Split an address. Returns None if it is invalid."""
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - raises for an invalid port
    except ValueError:
        return None
    return parts


async def at_most(pieces: AsyncIterator[bytes], size: int) -> bytes | None:
    """Join the pieces. Returns None as soon as they exceed `size` bytes."""
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


def _is_deeper(text: str, maximum: int) -> bool:
    """Return whether arrays and objects are nested deeper than `maximum`."""
    depth = 0
    for bracket in re.finditer(r"[\[\]{}]", STRING.sub("", text)):
        depth += 1 if bracket[0] in "[{" else -1
        if depth > maximum:
            return True
    return False
