"""The installation behind a request."""

from typing import cast

from fastapi import Request

from clipcast.installation import Installation


def installed(request: Request) -> Installation:
    """A dependency."""
    return cast(Installation, request.app.state.installation)
