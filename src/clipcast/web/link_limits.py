"""How often people without a sign-in may look at a link. Guesses are counted apart from looks at an existing one."""

from datetime import timedelta
from uuid import UUID

from fastapi import Request

from clipcast.api.rate_limits import Rate, count_attempts, network_of
from clipcast.common.problems import AppError
from clipcast.installation import Installation
from clipcast.web.viewers import address_of

# From one network: guesses at all links of a kind, or looks at one link.
LOOKS = (Rate(120, timedelta(minutes=1)), Rate(1200, timedelta(hours=1)))


async def count_look(request: Request, installation: Installation, kind: str, link_id: UUID | None) -> None:
    """Count a look at a link, or a guess without one. Raise AppError 429 for too many.

    Guesses of others behind the same address, such as those of an office, do not close a link that is there.
    """
    await count_requests(installation, f"{kind} {link_id or 'guesses'} from {network_of(address_of(request))}", LOOKS)


async def count_requests(installation: Installation, name: str, rates: tuple[Rate, ...]) -> None:
    """Count a request under this name. Raise AppError 429 for too many."""
    if wait := await count_attempts(installation.database, [(name, rates)]):
        raise AppError(
            429, "rate_limited", f"Too many requests. Try again in {wait} s.", headers={"Retry-After": str(wait)}
        )
