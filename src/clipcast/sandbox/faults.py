"""Faults on order: what a network and a platform do at the worst moment, as often as asked."""

import asyncio
import re
from dataclasses import asdict, dataclass, field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, TypeAdapter
from pydantic.dataclasses import dataclass as checked_dataclass
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from clipcast.sandbox.knobs import Count, Seconds, Status


class Interrupted(Exception):
    """A fault in the middle of a body: its first bytes were read, the rest never will be."""


class Reset(BaseException):
    """The connection is to be cut without an answer; no `except Exception` may turn it into one."""


def _header(text: str) -> str:
    if not re.fullmatch(r"[ -~]*", text):
        raise ValueError("headers hold printable ASCII only")
    return text


Header = Annotated[str, AfterValidator(_header)]


@checked_dataclass
class Fault:
    """`before`: nothing was done. `within`: `bytes` of the body were read. `after`: the work was done, then this."""

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
    orders: list[Fault] = field(default_factory=list)

    def take(self, platform: str, request: str, when: str) -> Fault | None:
        """The first fault that is ordered for this moment; it is used up by this."""
        for fault in self.orders:
            if fault.matches(platform, request, when):
                fault.times -= 1
                return fault
        return None

    def as_dicts(self) -> list[dict[str, Any]]:
        return [asdict(fault) for fault in self.orders if fault.times > 0]


async def happen(fault: Fault) -> Response | None:
    """Lets the fault happen. None means that the request goes on, only later. Raises Reset."""
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
    """The request's body piece by piece. Raises Interrupted where a fault `within` was ordered."""
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
