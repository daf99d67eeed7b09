"""Making a new review link once, and sending it by e-mail, where the page shows its address once."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.idempotency import run_once
from clipcast.api.rate_limits import Rate, count_attempts
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database.models.reviews import ReviewLink
from clipcast.notices.mail import send_mail, write_mail
from clipcast.notices.outcome import Delayed, Refused
from clipcast.notices.review_mail import review_mail
from clipcast.people.service import EMAIL
from clipcast.reviews.links import LIFETIME
from clipcast.web.forms import FilledForm
from clipcast.web.pages import days
from clipcast.web.viewers import Member

# The e-mails of one member. Recipients are strangers, who have not asked for them.
RATES = (Rate(20, timedelta(hours=1)), Rate(100, timedelta(days=1)))
# Seconds that the page waits for the mail server.
TIMEOUT = 15.0


@dataclass(frozen=True)
class NewLink:
    """The review link of a form. `is_made` is False if an earlier request of the same press made it."""

    id: str
    name: str
    url: str
    is_made: bool


@dataclass(frozen=True)
class Mailed:
    """What became of the e-mail: `problem` is empty if the mail server has it."""

    to: str
    problem: str
    # Whether it may have been sent nevertheless.
    is_unsure: bool = False


def read_address(form: FilledForm, field: str) -> str:
    """Return the e-mail address in a field, empty without one. Add a problem for what is none."""
    address = form.line(field)
    wrong = address and not EMAIL.fullmatch(address)
    form.add_problem(field, "Write an e-mail address such as name@example.org." if wrong else None)
    return address


async def make_once(
    session: AsyncSession, member: Member, form: FilledForm, make: Callable[[], Awaitable[tuple[ReviewLink, str]]]
) -> NewLink:
    """Return the link that `make` makes in the transaction, with its address.

    A repeated request of a press, which the form's `run` tells, gets the same link. Raise what `make` raises, or
    AppError 409 if the first request takes too long.
    """
    is_made = False

    async def run() -> dict[str, str]:
        nonlocal is_made
        link, url = await make()
        is_made = True
        return {"id": str(link.id), "name": link.name, "url": url}

    # With the fields: a form that was changed is another press, also after the browser's Back.
    pressed = form.line("run") or str(new_id()), member.request.url.path, member.user.id, sorted(form.values.items())
    key = hashlib.sha256(repr(pressed).encode()).hexdigest()
    found = await run_once(session, member.installation, member.workspace.id, key, run)
    return NewLink(**found, is_made=is_made)


async def mail_link(member: Member, link: NewLink, to: str) -> Mailed | None:
    """Send the address of a committed link once, and record that. Return None without an address."""
    if not to:
        return None
    settings = member.installation.settings
    if settings.smtp is None:
        return Mailed(to, "No mail server is set up.")
    if not link.is_made:
        return Mailed(to, "You pressed the button twice.", is_unsure=True)
    if wait := await count_attempts(member.installation.database, [(f"review mails of {member.user.id}", RATES)]):
        return Mailed(to, f"Too many e-mails. Try again in {wait // 60 + 1} minutes.")
    message = review_mail(link.url, days(LIFETIME), member.workspace.name, member.user.name)
    try:
        mail = write_mail(message, to, link.name, settings, clock.now())
        await asyncio.wait_for(send_mail(mail, settings), TIMEOUT)
    except (Refused, Delayed) as error:
        return Mailed(to, str(error))
    except TimeoutError:
        return Mailed(to, "The mail server does not respond.", is_unsure=True)
    async with member.installation.database.begin() as session:
        member.record(session, "review_link.mailed", link.name, UUID(link.id), to=to)
    return Mailed(to, "")
