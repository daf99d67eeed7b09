"""Faults: failures of a network or a platform that a test injects into the sandbox."""

import asyncio
import re
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.knobs import Count, Seconds, Status


class Interrupted(Exception):
    """A fault within a body: the simulator read the first bytes and discards the rest."""


class Reset(BaseException):
    """The exception that cuts the connection without a response.

    It is a BaseException, so that no `except Exception` turns it into a response.
    """


def _header(text: str) -> str:
    if not re.fullmatch(r"[ -~]*", text):
        raise ValueError("headers hold printable ASCII only")
    return text


Header = Annotated[str, AfterValidator(_header)]


@checked_dataclass(config=ConfigDict(extra="forbid"))
class Fault:
    """A failure of a named request.

    `when` is its moment. `before`: the simulator does nothing. `within`: it reads `bytes` of the body. `after`: it
    handles the request, and its response is lost or replaced.
    """

    platform: str
    request: str
    when: Literal["before", "within", "after"]
    kind: Literal["reset", "status", "delay"]
    status: Status = 500
    body: str | dict[str, Any] = ""
    headers: dict[Annotated[Header, Field(pattern=r"^[A-Za-z0-9-]+$")], Header] = field(default_factory=dict)
    seconds: Seconds = 0
    bytes: Count = 0
    times: Count = 1

    def matches(self, platform: str, request: str, when: str) -> bool:
        return (
            self.times > 0 and self.platform in (platform, "*") and self.request in (request, "*") and self.when == when
        )


FAULT = TypeAdapter(Fault)


@dataclass
class Faults:
    """The pending faults."""

    pending: list[Fault] = field(default_factory=list)

    def take(self, platform: str, request: str, when: str) -> Fault | None:
        """Consume and return the first pending fault for this request and moment."""
        for fault in self.pending:
            if fault.matches(platform, request, when):
                fault.times -= 1
                return fault
        return None

    def as_dicts(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.pending if fault.times > 0]


async def happen(fault: Fault) -> Response | None:
    """Apply the fault. Returns None after a delay, when the request continues. Raises Reset to cut the connection."""
    if fault.kind == "delay":
        await asyncio.sleep(fault.seconds)
        return None
    if fault.kind == "reset":
        raise Reset
    return faulty_response(fault)


def faulty_response(fault: Fault) -> Response:
    if isinstance(fault.body, dict):
        return JSONResponse(fault.body, fault.status, fault.headers)
    return Response(fault.body, fault.status, fault.headers, media_type="text/plain")


async def body_pieces(request: Request) -> Any:
    """Yield the request's body in pieces. Raises Interrupted where a fault `within` cuts it."""
    fault: Fault | None = request.state.body_fault
    left = fault.bytes if fault else None
    async for piece in request.stream():
        if left is not None and len(piece) >= left:
            yield piece[:left]
            raise Interrupted
        if left is not None:
            left -= len(piece)
        if piece:
            yield piece
    if left is not None:
        raise Interrupted
