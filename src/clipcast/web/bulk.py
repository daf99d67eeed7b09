"""Actions on many posts at once. What cannot be done is said post by post.

One request does posts for `SECONDS`. Its response shows how far the action is, and continues it with the next request.
So 10 000 posts need no long request, and people can stop. Each press has an id, which its requests carry: one that is
repeated, because its response was lost, does no post twice.
"""

import hashlib
import json
from collections.abc import Awaitable, Callable
from datetime import date, datetime, time
from functools import partial
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.idempotency import result_of, run_once
from clipcast.clock import clock
from clipcast.common.ids import new_id, parse_id
from clipcast.common.problems import AppError, ValidationFailed
from clipcast.common.timestamps import format_timestamp
from clipcast.common.versions import if_version
from clipcast.database.models.lists import Label
from clipcast.database.models.posts import Post
from clipcast.posts import drafts, labels, listing, repository, service
from clipcast.posts.drafts import draft_of_post, new_draft
from clipcast.posts.lines import lines_of
from clipcast.posts.moving import Moved, move_post
from clipcast.posts.queue import HasTime, Keep, move_back, move_to_next_time
from clipcast.posts.refusals import reason_of
from clipcast.posts.reviewing import clients_of_posts, send_to_reviewers
from clipcast.web import times
from clipcast.web.bulk_outcome import (
    ONGOING,
    UNDOING,
    UNDONE,
    Outcome,
    ids_as_text,
    labels_as_text,
    move_as_text,
    read_ids,
    read_labels,
    read_move,
    read_undo,
    undo_as_text,
)
from clipcast.web.forms import FIELDS_MAX, FilledForm, read_form
from clipcast.web.pages import is_htmx
from clipcast.web.posts import CHOSEN_MAX, read_filters, require_all
from clipcast.web.reviews import check_request, request_of, review_choices
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# Seconds after which a request begins no further post, and the most posts of one.
SECONDS = 0.7
CHUNK = 200
# How often a post tries to take a posting time that another one takes at the same moment.
TRIES = 5
# Does one post in a transaction, and returns what its Undo needs: "" is nothing, None that there is no Undo.
Act = Callable[[AsyncSession, UUID], Awaitable[str | None]]
# Of each action: the participle, and the words beside the number.
VERBS = {
    "move": "moved", "queue": "added to the queue", "review": "sent for review", "label": "labelled",
    "retry": "retried", "remove": "removed", "copy": "copied",
}  # fmt: skip
# The fields of a form that the requests after the first one need, too. `run` is the id of the press.
KEPT = (
    "run", "action", "timed", "day", "time", "add_label", "remove_label", "review.member", "review.link", "review.rule",
    "review.message",
)  # fmt: skip


@router.post("/posts/bulk")
async def act_on_many(member: Editing, request: Request) -> Response:
    """Do one action with the chosen posts, or with all that match the filters; or continue it."""
    until = clock.monotonic() + SECONDS
    form = await _read(request, CHUNK + 500)
    action = form.one("action")
    if action not in VERBS:
        raise AppError(422, "action_unknown", "Choose what to do with the posts.")
    if form.one("so_far"):
        outcome, ids = Outcome.of(form.one("so_far")), read_ids("".join(form.all("rest")))[:CHOSEN_MAX]
        outcome.left = read_ids("".join(form.all("left")))[:CHOSEN_MAX]
        if outcome.undo is not None:
            outcome.undo = read_undo(form.all("undo"))
    else:
        ids = await _chosen(member, form)
        outcome = Outcome(len(ids))
    if not ids:
        raise AppError(422, "nothing_chosen", "Choose at least one post.")
    rest = await _each(member, form, ids, await _act(action, member, form), outcome, until)
    return await _result(member, request, action, outcome, [("rest", text) for text in ids_as_text(rest)], form)


async def _read(request: Request, fields_max: int = FIELDS_MAX) -> FilledForm:
    """Return the form of a press, with an id if it has none."""
    form = await read_form(request, fields_max)
    form.values.setdefault("run", [str(new_id())])
    return form


async def _act(action: str, member: Member, form: FilledForm) -> Act:
    match action:
        case "move":
            return _mover(member, form)
        case "queue":
            return _queuer(member, form)
        case "review":
            return _reviewer(member, form)
        case "label":
            return await _labeller(member, form)
        case "retry":
            return _retrier(member)
        case "remove":
            return _remover(member)
    return _copier(member)


@router.post("/posts/bulk/undo")
async def undo(member: Editing, request: Request) -> Response:
    """Bring posts back to where they were before a press, unless they have changed since; or continue that.

    What each post needs is in the result of the press. Posts that were removed before they began become drafts.
    """
    until = clock.monotonic() + SECONDS
    form = await _read(request, CHUNK + 500)
    action, back = form.one("action"), read_undo(form.all("undo"))
    if action not in UNDONE:
        raise AppError(422, "validation_failed", "This cannot be undone any more. Reload the page.")
    presses = {id: press for press, ids in back.items() for id in ids}
    outcome = Outcome.of(form.one("so_far")) if form.one("so_far") else Outcome(len(presses))

    async def bring_back(session: AsyncSession, id: UUID) -> str:
        key = f"{presses[id]} {id}"
        before = await result_of(session, member.installation, member.workspace.id, key)
        try:
            await _bring_back(member, session, action, id, before or "")
        except ValueError:  # nothing is kept, or it is what another action has returned
            raise AppError(422, "validation_failed", "it cannot be undone any more.") from None
        return ""

    # The last one first: each leaves the posting time that the one before it came from.
    left = await _each(member, form, list(reversed(presses)), bring_back, outcome, until)
    rest: dict[str, list[UUID]] = {}
    for id in reversed(left):
        rest.setdefault(presses[id], []).append(id)
    return await _result(
        member, request, action, outcome, [("undo", text) for text in undo_as_text(rest)], form, back=True
    )


async def _bring_back(member: Member, session: AsyncSession, action: str, id: UUID, before: str) -> None:
    """Undo an action on one post. `before` is what the action has returned. Raises AppError or ValueError."""
    mine, settings = member.workspace.id, member.installation.settings
    if action == "label":
        on, off = read_labels(before)
        post = await service.get_post(session, mine, str(id), lock=True)
        found = await session.scalars(select(Label).where(Label.workspace_id == mine, Label.id.in_(on)))
        await labels.change(session, post, labels.Change(tuple(found), tuple(off)), member.actor)
    elif action == "remove":
        await new_draft(session, mine, drafts.read(json.loads(before)))
    else:
        to = read_move(before)
        moved = await move_back(session, mine, str(id), to.at, to.slot_at, settings, if_version(to.version))
        _record_move(member, session, id, moved)


async def _chosen(member: Member, form: FilledForm) -> list[UUID]:
    """Return the ids of the posts to act on, at most `CHOSEN_MAX`. Raises AppError 422."""
    if form.one("all") != "on":
        return list(dict.fromkeys(id for one in form.all("chosen") if (id := parse_id(one))))[:CHOSEN_MAX]
    async with member.installation.database.session() as session:
        filters = await read_filters(member, session, {name: form.line(name) for name in form.values})
        require_all(filters)
        return await listing.list_ids(session, member.workspace.id, filters.wanted, CHOSEN_MAX)


async def _each(
    member: Member, form: FilledForm, ids: list[UUID], act: Act, outcome: Outcome, until: float | None = None
) -> list[UUID]:
    """Act on each post in a transaction of its own, and return those that are left.

    With `until`, it ends after `CHUNK` posts or at this instant, but does at least one. The posts that this press has
    done already are only counted.
    """
    fields = [(name, [value for value in form.all(name) if value]) for name in KEPT]
    press = hashlib.sha256(repr((member.user.id, fields)).encode()).hexdigest()
    for number, id in enumerate(ids):
        if number and until is not None and (number == CHUNK or clock.monotonic() >= until):
            return ids[number:]
        try:
            outcome.add(press, id, await _once(member, f"{press} {id}", act, id))
        except HasTime as kept:
            if kept.in_queue:
                outcome.refuse(id, "it is in the queue already.")
            else:
                outcome.left.append(id)
        except AppError as error:
            outcome.refuse(id, reason_of(error))
    return []


async def _once(member: Member, key: str, act: Act, id: UUID) -> str | None:
    """Act on one post, at most once for a key. If another post takes its posting time meanwhile, try the next one."""
    installation, mine = member.installation, member.workspace.id
    for left in reversed(range(TRIES)):
        try:
            async with installation.database.begin() as session:
                return await run_once(session, installation, mine, key, partial(act, session, id))
        except AppError as error:
            if error.code != "posting_time_taken" or not left:
                raise
    raise AssertionError


def _record_move(member: Member, session: AsyncSession, id: UUID, moved: Moved) -> None:
    member.record(session, "post.rescheduled", f"Post {id}", id, scheduled_at=format_timestamp(moved.at))


def _mover(member: Member, form: FilledForm) -> Act:
    """Return the move to a day, at the time that the form has or at each post's own. Raises AppError 422."""
    try:
        day = date.fromisoformat(form.line("day"))
        at = time.fromisoformat(form.line("time")) if form.line("time") else None
    except ValueError:
        raise AppError(422, "invalid_time", "Choose the day to which the posts move.") from None

    def on_day(before: datetime | None) -> datetime:
        if before is None:
            raise AppError(409, "post_not_editable", "")
        local = datetime.combine(day, at or before.astimezone(member.zone).time())
        try:
            return times.from_input(local.isoformat(timespec="milliseconds"), member.zone)
        except ValueError as error:
            raise AppError(422, "invalid_time", str(error)) from None

    async def to_day(session: AsyncSession, id: UUID) -> str | None:
        moved = await move_post(session, member.workspace.id, str(id), on_day, member.installation.settings)
        _record_move(member, session, id, moved)
        return move_as_text(moved)

    return to_day


def _queuer(member: Member, form: FilledForm) -> Act:
    """Return the move to the next free posting time of the post's accounts.

    Posts in the queue stay, and those with a time of their own until the form says that they move.
    """
    keep: Keep = "queued" if form.one("timed") == "move" else "time"

    async def to_queue(session: AsyncSession, id: UUID) -> str | None:
        moved = await move_to_next_time(session, member.workspace.id, str(id), member.installation.settings, keep)
        _record_move(member, session, id, moved)
        return move_as_text(moved)

    return to_queue


def _reviewer(member: Member, form: FilledForm) -> Act:
    """Return what sends a post for review: to the chosen people, or to the reviewers of its client. Raises AppError."""
    wanted, _ = request_of(form)
    problems = FilledForm({})
    is_chosen = bool(wanted.members or wanted.links)
    if is_chosen:
        check_request(problems, wanted, "")
    if problems.problems:
        raise AppError(422, "validation_failed", " ".join(problems.problems.values()))

    async def send(session: AsyncSession, id: UUID) -> str:
        wishes = wanted if is_chosen else None
        await send_to_reviewers(session, member.workspace.id, str(id), member.actor, wishes)
        return ""

    return send


@router.post("/posts/bulk/reviewers")
async def reviewers(member: Editing, request: Request) -> Response:
    """Return who can approve all of the chosen posts, with what the form has chosen of them."""
    form = await _read(request, CHUNK + 500)
    ids = await _chosen(member, form)
    async with member.installation.database.session() as session:
        offered = await review_choices(session, member, await clients_of_posts(session, ids))
    return member.render("parts/bulk_reviewers.html", form=form, **offered)


async def _labeller(member: Member, form: FilledForm) -> Act:
    """Return what puts labels on a post, and takes others off. Raises AppError 422."""
    typed = [one for text in form.all("add_label") for one in text.split(",") if one.strip()]
    off = tuple(id for one in form.all("remove_label") if (id := parse_id(one)))
    if not typed and not off:
        raise AppError(422, "validation_failed", "No label is given. Type one, or choose one to take off.")
    try:
        async with member.installation.database.begin() as session:
            on = tuple(await labels.named(session, member.workspace.id, typed))
            session.expunge_all()
    except ValidationFailed as failed:
        raise AppError(422, failed.code, " ".join(problem.message for problem in failed.errors)) from None

    async def label(session: AsyncSession, id: UUID) -> str:
        post = await service.get_post(session, member.workspace.id, str(id), lock=True)
        return labels_as_text(await labels.change(session, post, labels.Change(on, off), member.actor))

    return label


def _retrier(member: Member) -> Act:
    async def retry(session: AsyncSession, id: UUID) -> str:
        retried = await service.retry_post(session, member.workspace.id, str(id))
        member.record(session, "post.retried", f"Post {id}", id, items=len(retried.retried))
        return ""

    return retry


def _remover(member: Member) -> Act:
    async def remove(session: AsyncSession, id: UUID) -> str:
        post = await service.get_post(session, member.workspace.id, str(id), lock=True)
        items = await repository.get_items(session, post.id)
        await service.delete_post(session, member.workspace.id, str(id))
        member.record(session, "post.deleted", f"Post {id}")
        is_begun = any(item.attempts or item.status != "pending" for item in items)
        return "" if is_begun else json.dumps(draft_of_post(items, post.scheduled_at))

    return remove


def _copier(member: Member) -> Act:
    async def copy(session: AsyncSession, id: UUID) -> str:
        post = await service.get_post(session, member.workspace.id, str(id))
        items = await repository.get_items(session, post.id)
        await new_draft(session, member.workspace.id, draft_of_post(items, None))
        return ""

    return copy


async def _result(
    member: Member,
    request: Request,
    action: str,
    outcome: Outcome,
    rest: list[tuple[str, str]],
    form: FilledForm,
    back: bool = False,
) -> Response:
    """Return what became of the posts, as a toast or, without htmx, as a page.

    With a `rest`, fields that name the posts that are left, it continues.
    """
    async with member.installation.database.session() as session:
        mine = Post.workspace_id == member.workspace.id
        posts = await session.scalars(select(Post).where(mine, Post.id.in_(list(outcome.reasons))))
        titles = {line.id: line.title for line in await lines_of(session, list(posts))}
    words = UNDONE[action] if back else VERBS[action]
    undo = undo_as_text(outcome.undo or {})
    context: dict[str, Any] = {
        "done": f"{outcome.done:,} {'post' if outcome.done == 1 else 'posts'} {words}.".replace(",", "\u00a0")
        if outcome.done
        else "",
        "asked": outcome.total,
        "verb": words,
        "ongoing": UNDOING[action] if back else ONGOING[action],
        "number": outcome.done + outcome.refused + len(outcome.left),
        "left": len(outcome.left),
        "left_ids": ids_as_text(outcome.left),
        "refused": outcome.refused,
        "failed": [(titles.get(id, str(id)), why, f"/posts/{id}") for id, why in outcome.reasons.items()],
        "undo": {"run": [new_id()], "action": [action], "undo": undo} if undo and not back else {},
        "undo_words": "Bring back as drafts" if action == "remove" else "Undo",
        "link": (f"{member.base}/drafts", "Open drafts") if action == ("remove" if back else "copy") else (),
        "path": "/posts/bulk/undo" if back else "/posts/bulk",
        "rest": rest,
        "so_far": outcome.note() if rest or outcome.left else "",
        "carried": [("undo", text) for text in undo] if not back else [],
        "kept": [(name, value) for name in KEPT for value in form.all(name)],
        "next_run": new_id(),
        "is_part": is_htmx(request),
    }
    if not context["is_part"]:
        return member.render("bulk_result.html", section="posts", **context)
    response = member.render("parts/bulk_result.html", **context)
    # Posts of which none could be done stay chosen: people remove the reason, and press again.
    is_over = outcome.done or outcome.left
    response.headers["HX-Trigger"] = "bulk-done" if rest else "refresh,bulk-done" if is_over else "refresh"
    return response
