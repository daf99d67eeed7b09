"""Waiting for a change: `?wait=` of requests that read. It holds no connection of the database."""

import asyncio
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request
from pydantic import Field
from starlette.requests import ClientDisconnect

from clipcast.api.auth import Caller
from clipcast.api.dependencies import installation_of
from clipcast.api.numbers import PLAIN_NUMBER
from clipcast.common.ids import parse_id
from clipcast.database.watchers import Kind, Watchers

# Proxies often end a request without a response after 60 s.
WAIT_MAX = 60


WaitSeconds = Annotated[
    Annotated[float, Field(ge=0, le=WAIT_MAX)],
    PLAIN_NUMBER,
    Query(
        allow_inf_nan=False,
        description="Seconds to wait for a change of the status or error. The response comes with the change, at once "
        "if the status is final, and after this time in any case.",
        examples=[30],
    ),
]  # fmt: skip
SeenTag = Annotated[
    str,
    Query(
        max_length=100,
        description="With `wait`: the `state_tag` of the last response. If the state is another one by now, the "
        "response comes at once, so that no change between two requests is missed.",
    ),
]


async def wait_for_change(
    request: Request, caller: Caller, kind: Kind, id_text: str, seconds: float, seen: str
) -> None:
    """Wait until the state of a row is no longer `seen`: by default, that of the start. At most for these seconds.

    Return at once if the row is final or does not exist. Raise ClientDisconnect, DatabaseUnavailable, and AppError 429.
    """
    id = parse_id(id_text)
    if not seconds or id is None:
        return
    watchers = installation_of(request).database.watchers
    changing = asyncio.create_task(_change(watchers, caller, kind, id, seconds, seen))
    leaving = asyncio.create_task(_leave(request))
    try:
        await asyncio.wait({changing, leaving}, return_when=asyncio.FIRST_COMPLETED)
        await (changing if changing.done() else leaving)
    finally:
        for task in (changing, leaving):
            task.cancel()
        await asyncio.gather(changing, leaving, return_exceptions=True)


async def _change(watchers: Watchers, caller: Caller, kind: Kind, id: UUID, seconds: float, seen: str) -> None:
    ends_at = asyncio.get_running_loop().time() + seconds
    async with watchers.watch(caller.workspace_id, [(kind, id)]) as watch:
        found = watch.seen(id)
        state = seen or (found.state if found else "")
        while found and not found.is_final and found.state == state:
            left = ends_at - asyncio.get_running_loop().time()
            if left <= 0 or watch.is_over:
                return
            await watch.next(left)
            found = watch.seen(id)


async def _leave(request: Request) -> None:
    """Wait until the caller is gone, and raise ClientDisconnect."""
    while (await request.receive())["type"] != "http.disconnect":
        pass
    raise ClientDisconnect
