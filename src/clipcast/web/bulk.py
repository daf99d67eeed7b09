"""Actions on many posts at once: move, retry, remove, and use again. What cannot be done is said post by post."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.database.models.posts import Post
from clipcast.posts import listing, repository, service
from clipcast.posts.drafts import draft_of_post, new_draft
from clipcast.posts.lines import lines_of
from clipcast.web import times
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import is_htmx
from clipcast.web.post_actions import move
from clipcast.web.posts import BULK_MOST, read_filters
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# The most posts of one Undo.
UNDONE_MOST = 100
# What people are told for the codes of refusals, where the API's message is about calls.
REASONS = {
    "post_not_editable": "it is going out or has gone out.",
    "no_failed_items": "nothing of it failed.",
    "item_in_progress": "it is being published now. Try again in 10 seconds.",
    "not_found": "it is gone.",
}


@dataclass
class Outcome:
    """What became of the posts: those that were done, and the reason for each of the others."""

    done: list[UUID] = field(default_factory=list)
    refused: dict[UUID, str] = field(default_factory=dict)
    # Of moved posts: the time before, and the version after.
    moved: list[tuple[UUID, datetime, int]] = field(default_factory=list)


Act = Callable[[UUID], Awaitable[None]]
# Of each action: the participle, and the words beside the number.
VERBS = {"move": "moved", "retry": "retried", "remove": "removed", "copy": "copied"}


@router.post("/posts/bulk")
async def act_on_many(member: Editing, request: Request) -> Response:
    """Do one action with the chosen posts, or with all that match the filters."""
    form = await read_form(request, fields_max=BULK_MOST + 50)
    action = form.one("action")
    if action not in VERBS:
        raise AppError(422, "action_unknown", "Choose what to do with the posts.")
    ids = await _chosen(member, form)
    if not ids:
        raise AppError(422, "nothing_chosen", "Choose at least one post.")
    outcome = Outcome()
    acts: dict[str, Callable[[], Act]] = {
        "move": lambda: _mover(member, form, outcome),
        "retry": lambda: _retrier(member),
        "remove": lambda: _remover(member),
        "copy": lambda: _copier(member),
    }
    await _each(ids, acts[action](), outcome)
    return await _result(member, request, action, outcome)


@router.post("/posts/bulk/undo")
async def undo_moves(member: Editing, request: Request) -> Response:
    """Move posts back to where they were, unless they have changed since."""
    form = await read_form(request)
    before: dict[UUID, tuple[str, int]] = {}
    for each in form.one("moved").split(" ")[:UNDONE_MOST]:
        id, _, rest = each.partition("=")
        at, _, version = rest.partition("*")
        if (found := parse_id(id)) and version.isdecimal():
            before[found] = at, int(version)

    async def back(id: UUID) -> None:
        at, version = before[id]
        try:
            parse_instant(at)
        except ValueError as error:
            raise AppError(422, "invalid_time", str(error)) from None
        await move(member, str(id), at, version)

    outcome = Outcome()
    await _each(list(before), back, outcome)
    return await _result(member, request, "move", outcome, back=True)


async def _chosen(member: Member, form: FilledForm) -> list[UUID]:
    """Return the ids of the posts to act on, at most `BULK_MOST`."""
    if form.one("all") != "on":
        return list(dict.fromkeys(id for one in form.all("chosen") if (id := parse_id(one))))[:BULK_MOST]
    async with member.installation.database.session() as session:
        filters = await read_filters(member, session, {name: form.line(name) for name in form.values})
        found = await listing.list_lines(session, member.workspace.id, filters.wanted, BULK_MOST)
    return [post.id for post in found.posts]


async def _each(ids: list[UUID], act: Act, outcome: Outcome) -> None:
    for id in ids:
        try:
            await act(id)
            outcome.done.append(id)
        except AppError as error:
            outcome.refused[id] = REASONS.get(error.code, error.detail)


def _mover(member: Member, form: FilledForm, outcome: Outcome) -> Act:
    """Return the move to a day, at the time that the form has or at each post's own. Raises AppError 422."""
    try:
        day = date.fromisoformat(form.line("day"))
        at = time.fromisoformat(form.line("time")) if form.line("time") else None
    except ValueError:
        raise AppError(422, "invalid_time", "Choose the day to which the posts move.") from None

    async def to_day(id: UUID) -> None:
        async with member.installation.database.session() as session:
            post = await service.get_post(session, member.workspace.id, str(id))
        if post.scheduled_at is None:
            raise AppError(409, "post_not_editable", "")
        local = post.scheduled_at.astimezone(member.zone)
        new = datetime.combine(day, at or local.time().replace(tzinfo=None))
        try:
            instant = times.from_input(new.isoformat(timespec="milliseconds"), member.zone)
        except ValueError as error:
            raise AppError(422, "invalid_time", str(error)) from None
        moved = await move(member, str(id), format_timestamp(instant), post.version)
        outcome.moved.append((id, post.scheduled_at, moved.version))

    return to_day


def _retrier(member: Member) -> Act:
    async def retry(id: UUID) -> None:
        async with member.installation.database.begin() as session:
            retried = await service.retry_post(session, member.workspace.id, str(id))
            member.record(session, "post.retried", f"Post {id}", id, items=len(retried.retried))

    return retry


def _remover(member: Member) -> Act:
    async def remove(id: UUID) -> None:
        async with member.installation.database.begin() as session:
            await service.delete_post(session, member.workspace.id, str(id))
            member.record(session, "post.deleted", f"Post {id}")

    return remove


def _copier(member: Member) -> Act:
    async def copy(id: UUID) -> None:
        async with member.installation.database.begin() as session:
            post = await service.get_post(session, member.workspace.id, str(id))
            items = await repository.get_items(session, post.id)
            await new_draft(session, member.workspace.id, draft_of_post(items, None))

    return copy


async def _result(member: Member, request: Request, action: str, outcome: Outcome, back: bool = False) -> Response:
    """Return what became of the posts, as a toast or, without htmx, as a page."""
    async with member.installation.database.session() as session:
        mine = Post.workspace_id == member.workspace.id
        posts = await session.scalars(select(Post).where(mine, Post.id.in_(list(outcome.refused))))
        titles = {line.id: line.title for line in await lines_of(session, list(posts))}
    number = len(outcome.done)
    words = "moved back" if back else VERBS[action]
    context: dict[str, Any] = {
        "done": f"{number} {'post' if number == 1 else 'posts'} {words}." if number else "",
        "asked": number + len(outcome.refused),
        "verb": words,
        "failed": [(titles.get(id, str(id)), why, f"/posts/{id}") for id, why in outcome.refused.items()],
        "undo": _undo(outcome),
        "link": (f"{member.base}/drafts", "Open drafts") if action == "copy" else (),
    }
    if not is_htmx(request):
        return member.render("bulk_result.html", section="posts", **context)
    response = member.render("parts/bulk_result.html", **context)
    response.headers["HX-Trigger"] = "refresh,bulk-done"
    return response


def _undo(outcome: Outcome) -> str:
    """Return the times to go back to, for the form of Undo; empty without moved posts, and for too many."""
    if len(outcome.moved) > UNDONE_MOST:
        return ""
    return " ".join(f"{id}={format_timestamp(at)}*{version}" for id, at, version in outcome.moved)
