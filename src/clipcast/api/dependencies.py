"""The installation behind a request."""

from typing import cast

from fastapi import Request

from clipcast.installation import Installation


async def get_installation(request: Request) -> Installation:
    """A dependency. It is no plain function, because FastAPI runs those in threads, for every request."""
    return installation_of(request)


def installation_of(request: Request) -> Installation:
    return cast(Installation, request.app.state.installation)
