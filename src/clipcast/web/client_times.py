"""The page of a client's posting times: the week, times of single accounts, paused days, and the queue."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import partial
from typing import Annotated, Any
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Query, Request
from pydantic import Field
from pydantic_core import PydanticCustomError
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.numbers import PLAIN_WHOLE
from clipcast.clients import posting_times, repository, slots
from clipcast.clients.time_schemas import JITTER_MAX, PAUSED_MAX, TIMES_MAX, Pause, read_time
from clipcast.clients.times import Days, PostingTime
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.common.validation import problems_of
from clipcast.common.words import listed
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clients import Client
from clipcast.database.models.connections import Connection
from clipcast.posts import queue
from clipcast.web.clients import get_client, show_client
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.queue_lines import queue_lines
from clipcast.web.viewers import Editing, Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}/clients/{client_id}/times")
SHORT_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
QUEUE_LENGTH = 14
Moved = Annotated[Annotated[int, Field(ge=0, le=100_000)] | None, PLAIN_WHOLE, Query()]


@dataclass(frozen=True)
class OwnTimes:
    """An account with times of its own, and these in words."""

    account: Connection
    words: str


def in_words(times: Collection[PostingTime]) -> str:
    """Return times of the week in words, such as `Tue and Fri 17:00, Sat 09:00`."""
    by_time: dict[time, list[int]] = {}
    for one in sorted(times):
        by_time.setdefault(one.at, []).append(one.weekday)
    parts = []
    for at, days in sorted(by_time.items()):
        named = "every day" if len(days) == len(SHORT_DAYS) else listed([SHORT_DAYS[day] for day in days])
        parts.append(f"{named} {at:%H:%M}")
    return ", ".join(parts)


@router.get("")
async def times_page(member: Looking, client_id: str, account: str | None = None, moved: Moved = None) -> Response:
    """Return the posting times of a client, or of one of its accounts."""
    return await _page(member, await get_client(member, client_id), account, moved=moved)


async def _page(
    member: Member,
    client: Client,
    account_id: str | None = None,
    form: FilledForm | None = None,
    which: str = "",
    moved: int | None = None,
) -> Response:
    """Return the page. `form` is the rejected one of the part `which`."""
    async with member.installation.database.session() as session:
        times, own = await posting_times.load_own_times(session, client)
        accounts = await repository.accounts_of(session, client.workspace_id, client.id)
        paused = await posting_times.paused_days_of(session, client.id)
        account = _account_of(accounts, account_id)
        found = await slots.next_slots(await from_session(session), client.workspace_id, client.id, QUEUE_LENGTH)
        lines = await queue_lines(session, found)
    shown = own.get(account.id, set()) if account else times
    yesterday = (clock.now().astimezone(ZoneInfo(client.timezone)) - timedelta(days=1)).date()
    return await show_client(
        member,
        client,
        "client_times.html",
        "times",
        422 if form else 200,
        account=account,
        week=[(SHORT_DAYS[day], day, sorted(one.at for one in shown if one.weekday == day)) for day in range(7)],
        weekly=len(shown),
        has_times=bool(times or own),
        own_times=[OwnTimes(one, in_words(own[one.id])) for one in accounts if one.id in own],
        other_accounts=[one for one in accounts if one.id not in own],
        sources=[one for one in member.clients if one.id != client.id],
        paused=[one for one in paused if one.last_day > yesterday],
        queue=lines,
        queue_time=partial(queue_time, zone=ZoneInfo(client.timezone)),
        jitter_max=JITTER_MAX,
        form=form or FilledForm({}),
        which=which,
        moved=moved,
        day_name=day_name,
    )


def _account_of(accounts: Collection[Connection], account_id: str | None) -> Connection | None:
    """Return the account of the page; None for the client's own times. Raises NotFound."""
    if not account_id:
        return None
    found = next((one for one in accounts if one.id == parse_id(account_id)), None)
    if found is None:
        raise NotFound("account of the client", account_id)
    return found


def day_name(day: date) -> str:
    """Return a day such as `24 December`, with the year if it is not this one."""
    year = "" if day.year == clock.now().year else f" {day.year}"
    return f"{day.day} {day:%B}{year}"


def queue_time(at: datetime, zone: ZoneInfo) -> str:
    """Return a time of the queue by the client's clock, such as `Fri 27 Nov, 18:30`."""
    local = at.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b}, {local:%H:%M}"


async def _change(
    member: Member, session: AsyncSession, client_id: str, account_id: str | None, add: set[PostingTime],
    remove: set[PostingTime],
) -> None:  # fmt: skip
    """Add and remove times of a client, or of one of its accounts. Raise NotFound, or AppError 409 for too many."""
    client = await repository.get_client(session, member.workspace.id, client_id, lock=True)
    times, own = await posting_times.load_own_times(session, client)
    account = _account_of(await repository.accounts_of(session, client.workspace_id, client.id), account_id)
    wanted = ((own.get(account.id, set()) if account else times) | add) - remove
    if len(wanted) > TIMES_MAX:
        message = f"There would be {len(wanted)} posting times a week, maximum {TIMES_MAX}. Remove some first."
        raise AppError(409, "too_many_times", message)
    if account:
        await posting_times.set_account_times(session, account.id, wanted)
    else:
        await posting_times.set_times(session, client, wanted)
    posting_times.changed(session, client, member.actor)


def _back(member: Member, client_id: str, account_id: str | None = None, **query: Any) -> Response:
    parts = {"account": account_id, **query}
    text = "&".join(f"{name}={value}" for name, value in parts.items() if value is not None and value != "")
    return member.redirect(f"/clients/{client_id}/times" + (f"?{text}" if text else ""))


def _days_in(form: FilledForm) -> set[int]:
    return {day for day in range(len(SHORT_DAYS)) if str(day) in form.all("day")}


@router.post("/add")
async def add_time(member: Editing, client_id: str, request: Request) -> Response:
    """Add a time on one or several days of the week."""
    form = await read_form(request)
    account_id = str(parse_id(form.one("account")) or "")
    days = _days_in(form)
    form.add_problem("day", None if days else "Choose at least one day.")
    try:
        at = read_time(form.line("at")[:5])
    except PydanticCustomError:
        form.add_problem("at", "Give a time such as 18:30.")
    if form.problems:
        return await _page(member, await get_client(member, client_id), account_id, form, "add")
    async with member.installation.database.begin() as session:
        await _change(member, session, client_id, account_id, {PostingTime(day, at) for day in days}, set())
    return _back(member, client_id, account_id)


@router.post("/remove")
async def remove_time(member: Editing, client_id: str, request: Request) -> Response:
    """Remove a time of one day of the week. Posts keep their times."""
    form = await read_form(request)
    account_id = str(parse_id(form.one("account")) or "")
    try:
        removed = {PostingTime(day, read_time(form.line("at"))) for day in _days_in(form)}
    except PydanticCustomError:
        removed = set()
    async with member.installation.database.begin() as session:
        await _change(member, session, client_id, account_id, set(), removed)
    return _back(member, client_id, account_id)


@router.post("/copy")
async def copy_times(member: Editing, client_id: str, request: Request) -> Response:
    """Replace the client's times by those of another client."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        source = await repository.get_client(session, member.workspace.id, form.one("from"))
        client = await repository.get_client(session, member.workspace.id, client_id, lock=True)
        times, _ = await posting_times.load_own_times(session, source)
        await posting_times.set_times(session, client, times)
        client.jitter_minutes = source.jitter_minutes
        posting_times.changed(session, client, member.actor)
    return _back(member, client_id)


@router.post("/vary")
async def vary(member: Editing, client_id: str, request: Request) -> Response:
    """Choose whether posts go out some minutes after their posting time."""
    form = await read_form(request)
    async with member.installation.database.begin() as session:
        client = await repository.get_client(session, member.workspace.id, client_id, lock=True)
        client.jitter_minutes = JITTER_MAX if form.one("vary") == "on" else 0
        posting_times.changed(session, client, member.actor)
    return _back(member, client_id)


@router.post("/accounts/{account_id}/clear")
async def clear_account(member: Editing, client_id: str, account_id: str) -> Response:
    """Give an account the times of its client again."""
    async with member.installation.database.begin() as session:
        client = await repository.get_client(session, member.workspace.id, client_id, lock=True)
        account = _account_of(await repository.accounts_of(session, client.workspace_id, client.id), account_id)
        assert account is not None
        await posting_times.set_account_times(session, account.id, ())
        posting_times.changed(session, client, member.actor)
    return _back(member, client_id)


@router.post("/paused")
async def pause_days(member: Editing, client_id: str, request: Request) -> Response:
    """Pause days, and move the posts of these days to the next free times."""
    form = await read_form(request)
    client = await get_client(member, client_id)
    raw = {"first_day": form.line("first_day"), "last_day": form.line("last_day") or form.line("first_day")}
    try:
        pause = Pause.model_validate(raw)
    except ValueError as error:
        for problem in problems_of(error, Pause):  # type: ignore[arg-type]
            form.add_problem(problem.path.strip("/") or "last_day", problem.message)
        return await _page(member, client, None, form, "paused")
    span = Days(pause.first_day, pause.last_day)
    async with member.installation.database.begin() as session:
        client = await repository.get_client(session, member.workspace.id, client_id, lock=True)
        before = [Days(one.first_day, one.last_day) for one in await posting_times.paused_days_of(session, client.id)]
        if len(before) >= PAUSED_MAX:
            message = f"The client has {len(before)} pauses, maximum {PAUSED_MAX}. Remove one first."
            raise AppError(409, "too_many_pauses", message)
        await posting_times.set_paused(session, client, {*before, span})
        moved = await queue.leave_paused_days(session, client, span, member.installation.settings)
        posting_times.changed(session, client, member.actor)
    return _back(member, client_id, moved=moved)


@router.post("/paused/{paused_id}/remove")
async def resume_days(member: Editing, client_id: str, paused_id: str) -> Response:
    """Remove a pause."""
    async with member.installation.database.begin() as session:
        client = await repository.get_client(session, member.workspace.id, client_id, lock=True)
        paused = await posting_times.paused_days_of(session, client.id)
        kept = [Days(one.first_day, one.last_day) for one in paused if one.id != parse_id(paused_id)]
        await posting_times.set_paused(session, client, kept)
        posting_times.changed(session, client, member.actor)
    return _back(member, client_id)


@router.post("/swap")
async def swap(member: Editing, client_id: str, request: Request) -> Response:
    """Have two posts of the queue exchange their times."""
    form = await read_form(request)
    ids = form.all("post")[:2]
    async with member.installation.database.begin() as session:
        swapped = await queue.swap_posts(
            session, member.workspace.id, client_id, ids, member.installation.settings
        )  # fmt: skip
        for post in swapped:
            member.record(session, "post.swapped", f"Post {post.id}", post.id)
    return _back(member, client_id)
