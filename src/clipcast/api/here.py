"""The installation behind a request."""

from typing import cast

from fastapi import Request

from clipcast.installation import Installation


async def installed(request: Request) -> Installation:
    """A dependency. It is no plain function, because FastAPI runs those in threads, for every request."""
    return here(request)


def here(request: Request) -> Installation:
    return cast(Installation, request.app.state.installation)
