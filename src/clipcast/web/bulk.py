"""Actions on many posts at once. What cannot be done is said post by post.

One request does `CHUNK` posts. Its response shows how far the action is, and continues it with the next request. So
10 000 posts need no long request, and people can stop.
"""

import base64
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import Response

from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, ValidationFailed
from clipcast.common.timestamps import format_timestamp, parse_instant
from clipcast.database.models.lists import Label
from clipcast.database.models.posts import Post
from clipcast.posts import labels, listing, repository, service
from clipcast.posts.drafts import draft_of_post, new_draft
from clipcast.posts.lines import lines_of
from clipcast.posts.queue import move_to_next_time
from clipcast.posts.reviewing import send_many
from clipcast.web import times
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import is_htmx
from clipcast.web.post_actions import move
from clipcast.web.posts import CHOSEN_MAX, read_filters, require_all
from clipcast.web.reviews import check_request, request_of, review_choices
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# The posts of one request.
CHUNK = 200
# The most posts of one Undo, and the refusals that are listed.
UNDONE_MOST = 100
LISTED_MAX = 10
# Of the ids that a form holds, in one field: a field has at most 200 000 characters.
IDS_OF_FIELD = 5_000
# What people are told for the codes of refusals, where the API's message is about calls.
REASONS = {
    "post_not_editable": "it is going out or has gone out.",
    "no_failed_items": "nothing of it failed.",
    "item_in_progress": "it is being published now. Try again in 10 seconds.",
    "not_found": "it is gone.",
    "no_posting_time": "its accounts have no free posting time. Posting times are of one client.",
}


@dataclass
class Outcome:
    """What became of the posts: those that were done, and the reason for each of the others."""

    total: int = 0
    done: int = 0
    refused: int = 0
    # The first of the refused ones.
    reasons: dict[UUID, str] = field(default_factory=dict)
    # Of moved posts: the time before, and the version after. None: too many for an Undo.
    moved: list[tuple[UUID, datetime, int]] | None = field(default_factory=list)
    # Of labelled posts: the labels to put on again, and to take off again.
    labelled: list[tuple[UUID, list[UUID], list[UUID]]] | None = field(default_factory=list)

    def note(self) -> str:
        """Return it as text, for the form that continues the action."""
        reasons = {str(id): reason for id, reason in self.reasons.items()}
        return json.dumps([self.total, self.done, self.refused, reasons, _moves(self), _labels(self)])

    @classmethod
    def of(cls, text: str) -> "Outcome":
        """Return what `note` wrote. Raise AppError 422."""
        try:
            total, done, refused, reasons, moved, labelled = json.loads(text)
            found = cls(int(total), int(done), int(refused), {UUID(id): str(why) for id, why in reasons.items()})
            found.moved = _read_moves(moved) if moved is not None else None
            found.labelled = _read_labels(labelled) if labelled is not None else None
        except (ValueError, TypeError, AttributeError):
            raise AppError(422, "validation_failed", "The action cannot continue. Choose the posts again.") from None
        return found


Act = Callable[[UUID], Awaitable[None]]
# Of each action: the participle, and the words beside the number.
VERBS = {
    "move": "moved", "queue": "added to the queue", "review": "sent for review", "label": "labelled",
    "retry": "retried", "remove": "removed", "copy": "copied",
}  # fmt: skip
ONGOING = {
    "move": "Moving", "queue": "Adding to the queue", "review": "Sending for review", "label": "Labelling",
    "retry": "Retrying", "remove": "Removing", "copy": "Copying",
}  # fmt: skip
# The fields of a form that the requests after the first one need, too.
KEPT = (
    "action", "day", "time", "add_label", "remove_label", "review.member", "review.link", "review.rule",
    "review.message",
)  # fmt: skip


@router.post("/posts/bulk")
async def act_on_many(member: Editing, request: Request) -> Response:
    """Do one action with the chosen posts, or with all that match the filters; or continue it."""
    form = await read_form(request, fields_max=CHUNK + 500)
    action = form.one("action")
    if action not in VERBS:
        raise AppError(422, "action_unknown", "Choose what to do with the posts.")
    if form.one("so_far"):
        outcome, ids = Outcome.of(form.one("so_far")), _read_ids("".join(form.all("rest")))
    else:
        ids = await _chosen(member, form)
        outcome = Outcome(len(ids))
    if not ids:
        raise AppError(422, "nothing_chosen", "Choose at least one post.")
    await _each(ids[:CHUNK], await _act(action, member, form, outcome), outcome)
    return await _result(member, request, action, outcome, ids[CHUNK:], form)


async def _act(action: str, member: Member, form: FilledForm, outcome: Outcome) -> Act:
    match action:
        case "move":
            return _mover(member, form, outcome)
        case "queue":
            return _queuer(member, outcome)
        case "review":
            return _reviewer(member, form)
        case "label":
            return await _labeller(member, form, outcome)
        case "retry":
            return _retrier(member)
        case "remove":
            return _remover(member)
    return _copier(member)


@router.post("/posts/bulk/undo")
async def undo_moves(member: Editing, request: Request) -> Response:
    """Move posts back to where they were, or put their labels back, unless they have changed since."""
    form = await read_form(request)
    try:
        before = {id: (at, version) for id, at, version in _read_moves(form.one("moved"))[:UNDONE_MOST]}
        labelled = {id: (on, off) for id, on, off in _read_labels(form.one("labelled"))[:UNDONE_MOST]}
    except ValueError:
        raise AppError(422, "validation_failed", "This cannot be undone any more. Reload the page.") from None

    async def back(id: UUID) -> None:
        at, version = before[id]
        await move(member, str(id), format_timestamp(at), version)

    async def as_before(id: UUID) -> None:
        on, off = labelled[id]
        async with member.installation.database.begin() as session:
            await service.get_post(session, member.workspace.id, str(id), lock=True)
            mine = select(Label).where(Label.workspace_id == member.workspace.id, Label.id.in_(on))
            await labels.change(session, id, labels.Change(tuple(await session.scalars(mine)), tuple(off)))

    outcome = Outcome(len(before) + len(labelled))
    await _each(list(before), back, outcome)
    await _each(list(labelled), as_before, outcome)
    return await _result(member, request, "label" if labelled else "move", outcome, [], form, back=True)


async def _chosen(member: Member, form: FilledForm) -> list[UUID]:
    """Return the ids of the posts to act on, at most `CHOSEN_MAX`. Raises AppError 422."""
    if form.one("all") != "on":
        return list(dict.fromkeys(id for one in form.all("chosen") if (id := parse_id(one))))[:CHOSEN_MAX]
    async with member.installation.database.session() as session:
        filters = await read_filters(member, session, {name: form.line(name) for name in form.values})
        require_all(filters)
        found = await listing.list_lines(session, member.workspace.id, filters.wanted, CHOSEN_MAX)
    return [post.id for post in found.posts]


def _ids(ids: list[UUID]) -> list[str]:
    """Return ids as short texts, for the fields of a form."""
    parts = [ids[start : start + IDS_OF_FIELD] for start in range(0, len(ids), IDS_OF_FIELD)]
    return [base64.urlsafe_b64encode(b"".join(id.bytes for id in part)).decode().rstrip("=") + "." for part in parts]


def _read_ids(text: str) -> list[UUID]:
    """Return what `_ids` wrote. Raise AppError 422."""
    try:
        parts = [base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) for part in text.split(".") if part]
        found = [UUID(bytes=part[at : at + 16]) for part in parts for at in range(0, len(part), 16)]
    except ValueError:
        raise AppError(422, "validation_failed", "The action cannot continue. Choose the posts again.") from None
    return found[:CHOSEN_MAX]


async def _each(ids: list[UUID], act: Act, outcome: Outcome) -> None:
    for id in ids:
        try:
            await act(id)
            outcome.done += 1
        except AppError as error:
            outcome.refused += 1
            if len(outcome.reasons) < LISTED_MAX:
                listed = " ".join(problem.message for problem in error.errors)
                outcome.reasons[id] = REASONS.get(error.code, listed or error.detail)


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
        _note_move(outcome, id, post.scheduled_at, moved.version)

    return to_day


def _queuer(member: Member, outcome: Outcome) -> Act:
    """Return the move to the next free posting time of the post's accounts."""

    async def to_queue(id: UUID) -> None:
        async with member.installation.database.begin() as session:
            before = (await service.get_post(session, member.workspace.id, str(id))).scheduled_at
            found = await move_to_next_time(session, member.workspace.id, str(id), member.installation.settings)
            post = await service.get_post(session, member.workspace.id, str(id))
            at = format_timestamp(found.at)
            member.record(session, "post.rescheduled", f"Post {id}", id, scheduled_at=at)
            version = post.version
        if before:
            _note_move(outcome, id, before, version)
        else:
            outcome.moved = None

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

    async def send(id: UUID) -> None:
        database, mine = member.installation.database, member.workspace.id
        done = await send_many(database, mine, [id], member.actor, wanted if is_chosen else None)
        if id in done.refused:
            raise AppError(409, "review_refused", done.refused[id])

    return send


@router.get("/posts/bulk/reviewers")
async def reviewers(member: Editing) -> Response:
    """Return whom people can choose as reviewers of many posts."""
    async with member.installation.database.session() as session:
        offered = await review_choices(session, member)
    return member.render("parts/bulk_reviewers.html", **offered)


def _note_move(outcome: Outcome, id: UUID, before: datetime, version: int) -> None:
    if outcome.moved is not None:
        outcome.moved = [*outcome.moved, (id, before, version)] if len(outcome.moved) < UNDONE_MOST else None


async def _labeller(member: Member, form: FilledForm, outcome: Outcome) -> Act:
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

    async def label(id: UUID) -> None:
        async with member.installation.database.begin() as session:
            await service.get_post(session, member.workspace.id, str(id), lock=True)
            back = await labels.change(session, id, labels.Change(on, off))
        if outcome.labelled is not None:
            entry = id, [one.id for one in back.on], list(back.off)
            outcome.labelled = [*outcome.labelled, entry] if len(outcome.labelled) < UNDONE_MOST else None

    return label


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


async def _result(
    member: Member,
    request: Request,
    action: str,
    outcome: Outcome,
    rest: list[UUID],
    form: FilledForm,
    back: bool = False,
) -> Response:
    """Return what became of the posts, as a toast or, without htmx, as a page. With a `rest`, it continues."""
    async with member.installation.database.session() as session:
        mine = Post.workspace_id == member.workspace.id
        posts = await session.scalars(select(Post).where(mine, Post.id.in_(list(outcome.reasons))))
        titles = {line.id: line.title for line in await lines_of(session, list(posts))}
    words = {"move": "moved back", "label": "labelled as before"}[action] if back else VERBS[action]
    context: dict[str, Any] = {
        "done": f"{outcome.done:,} {'post' if outcome.done == 1 else 'posts'} {words}.".replace(",", "\u00a0")
        if outcome.done
        else "",
        "asked": outcome.total,
        "verb": words,
        "ongoing": ONGOING[action],
        "number": outcome.done + outcome.refused,
        "refused": outcome.refused,
        "failed": [(titles.get(id, str(id)), why, f"/posts/{id}") for id, why in outcome.reasons.items()],
        "undo": {} if back else {name: value for name, value in _undo(outcome).items() if value},
        "link": (f"{member.base}/drafts", "Open drafts") if action == "copy" else (),
        "rest": _ids(rest),
        "so_far": outcome.note() if rest else "",
        "kept": [(name, value) for name in KEPT for value in form.all(name)],
    }
    if not is_htmx(request):
        return member.render("bulk_result.html", section="posts", **context)
    response = member.render("parts/bulk_result.html", **context)
    response.headers["HX-Trigger"] = "bulk-done" if rest else "refresh,bulk-done"
    return response


def _undo(outcome: Outcome) -> dict[str, str]:
    """Return the fields of the form of Undo; nothing without changes, and for too many."""
    return {"moved": _moves(outcome) or "", "labelled": _labels(outcome) or ""}


def _moves(outcome: Outcome) -> str | None:
    if outcome.moved is None:
        return None
    return " ".join(f"{id}={format_timestamp(at)}*{version}" for id, at, version in outcome.moved)


def _read_moves(text: str) -> list[tuple[UUID, datetime, int]]:
    """Return what `_moves` wrote. Raise ValueError."""
    found = []
    for each in text.split():
        id, _, rest = each.partition("=")
        at, _, version = rest.partition("*")
        found.append((UUID(id), parse_instant(at), int(version)))
    return found


def _labels(outcome: Outcome) -> str | None:
    if outcome.labelled is None:
        return None
    return " ".join(
        f"{id}={'+'.join(map(str, on))}*{'+'.join(map(str, off))}" for id, on, off in outcome.labelled if on or off
    )


def _read_labels(text: str) -> list[tuple[UUID, list[UUID], list[UUID]]]:
    """Return what `_labels` wrote. Raise ValueError."""
    found = []
    for each in text.split():
        id, _, rest = each.partition("=")
        on, off = ([UUID(one) for one in part.split("+") if one] for part in (rest + "*").split("*")[:2])
        found.append((UUID(id), on, off))
    return found
