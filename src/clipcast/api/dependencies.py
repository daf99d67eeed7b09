"""The installation behind a request."""

from typing import Annotated, cast

from fastapi import Depends, Request

from clipcast.installation import Installation


async def get_installation(request: Request) -> Installation:
    """Return the installation behind a request, as a dependency of an operation.

    For a key that is limited to some clients, its database shows those only: `api/auth.py` (`identify`) runs before.
    """
    # A coroutine, because FastAPI runs dependencies that are plain functions in threads.
    return getattr(request.state, "installation", None) or installation_of(request)


def installation_of(request: Request) -> Installation:
    """Return the installation behind a request."""
    return cast(Installation, request.app.state.installation)


InstallationDep = Annotated[Installation, Depends(get_installation)]
