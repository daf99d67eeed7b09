"""The installation behind a request."""

from typing import Annotated, cast

from fastapi import Depends, Request

from clipcast.installation import Installation


async def get_installation(request: Request) -> Installation:
    """Return the installation behind a request, as a dependency of an operation."""
    # A coroutine, because FastAPI runs dependencies that are plain functions in threads.
    return installation_of(request)


def installation_of(request: Request) -> Installation:
    """Return the installation behind a request."""
    return cast(Installation, request.app.state.installation)


InstallationDep = Annotated[Installation, Depends(get_installation)]
