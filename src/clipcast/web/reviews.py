"""The pages of reviews: what waits for whom, a post with its comments, sending for review, and review links."""

import re
from collections.abc import Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from math import ceil
from typing import Any, get_args
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.clients.rule_schemas import REVIEWERS_MAX
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.names import tidy_name
from clipcast.common.problems import AppError, NotFound, ValidationFailed
from clipcast.common.timestamps import parse_instant
from clipcast.database.models.clients import Client
from clipcast.database.models.posts import Post
from clipcast.database.models.reviews import Reviewer, ReviewState
from clipcast.people.repository import list_approvers
from clipcast.posts import repository as posts
from clipcast.posts import reviewing
from clipcast.posts.lines import PostLine, lines_of
from clipcast.posts.service import get_post
from clipcast.posts.states import OF_REVIEW
from clipcast.renders.repository import renders_by_edit_id
from clipcast.reviews import links, repository, service
from clipcast.reviews.schemas import NAME_MAX, NO_NAME, TEXT_MAX, CommentOut, ReviewOut, ReviewRequest
from clipcast.reviews.states import ShownState
from clipcast.web import times
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.pages import length
from clipcast.web.review_contents import Shown, shown_items
from clipcast.web.review_mail import Mailed, mail_link, make_once, read_address
from clipcast.web.viewers import Editing, Looking, Member, Reviewing

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

SHOWN_MAX = 50
MEMBERS_MAX = 200
STATES: tuple[ShownState, ...] = get_args(get_args(ShownState)[0])
TITLES = {
    "waiting": "Waiting", "changes_requested": "Changes asked for", "approved": "Approved", "expired": "Expired",
    "withdrawn": "Withdrawn",
}  # fmt: skip
CHANGED = "The post has changed since you opened it, so Clipcast did nothing. This is what it is now."
TOO_LATE = "Publishing has begun, so Clipcast did nothing."
# A time in a clip: minutes and seconds, or seconds alone.
SECOND = re.compile(r"(?P<minutes>[0-9]{1,5}):(?P<seconds>[0-5]?[0-9])|(?P<all>[0-9]{1,8})")


@dataclass(frozen=True)
class Row:
    """A post in the list of reviews."""

    line: PostLine
    state: ShownState
    progress: repository.Progress


@dataclass(frozen=True)
class Ended:
    """A reviewer who can no longer decide. The time at which a link ended."""

    name: str
    kind: str
    at: datetime | None


@dataclass(frozen=True)
class Chosen:
    """The post that the page shows, with its review."""

    post: Post
    line: PostLine
    review: ReviewOut
    previews: list[Shown]
    # The member's own row among the reviewers; None for others.
    own_id: str | None
    own_decision: str | None
    asks_links: bool
    # What was said, and the ends of those who were asked, in time.
    talk: list[CommentOut | Ended]
    is_stuck: bool
    # Whether its client wants an approval.
    needs_approval: bool
    scheduled: str


@router.get("/review")
async def reviews_page(member: Looking, state: str = "waiting", shown: str = "") -> Response:
    """Return the list of reviews in a state, with one beside it: of the post `shown`, else the first of the list.

    An open page names the post that it shows, which may leave the state meanwhile.
    """
    return await _page(member, state, None, shown=shown)


@router.get("/review/count")
async def review_count(member: Looking) -> Response:
    """Return the number of reviews that wait for the viewer, for the sidebar."""
    async with member.installation.database.session() as session:
        number = await repository.count_waiting(session, member.workspace.id, member.user.id, member.may("editor"))
    return member.render("parts/review_count.html", number=number)


@router.get("/review/links")
async def links_page(member: Looking) -> Response:
    """Return the page of the review links."""
    return await _links_page(member)


@router.post("/review/links")
async def create_link(member: Editing, request: Request) -> Response:
    """Create a review link and show its address once."""
    form = await read_form(request)
    name, to = form.name("name", NAME_MAX, NO_NAME), read_address(form, "email")
    client = find_client(member, form)
    if form.problems:
        return await _links_page(member, form)
    async with member.installation.database.begin() as session:
        make = partial(
            links.create_link, session, member.installation.settings, member.workspace.id, name,
            client.timezone if client else member.zone.key, member.actor, client.id if client else None,
        )  # fmt: skip
        link = await make_once(session, member, form, make)
    return await _links_page(member, url=link.url, mailed=await mail_link(member, link, to))


@router.post("/review/links/{link_id}/revoke")
async def revoke_link(member: Editing, link_id: str) -> Response:
    """End a review link."""
    async with member.installation.database.begin() as session:
        await links.revoke_link(session, member.workspace.id, link_id, member.actor)
    return member.redirect("/review/links")


def find_client(member: Member, form: FilledForm) -> Client | None:
    """Return the client that the form names; None for no client. Add a problem for one that does not exist."""
    name = form.line("client")
    found = next((one for one in member.clients if str(one.id) == name), None)
    if name and found is None:
        form.add_problem("client", "This client was deleted. Choose again.")
    if member.is_limited and not name:
        form.add_problem("client", "Choose the client for whom the link is.")
    return found


async def _links_page(
    member: Member, form: FilledForm | None = None, url: str = "", mailed: Mailed | None = None
) -> Response:
    async with member.installation.database.session() as session:
        found = await links.list_links(session, member.workspace.id)
        waiting = await repository.count_waiting_for(session, member.workspace.id, Reviewer.link_id)
    return member.render(
        "review_links.html",
        422 if form else 200,
        section="review",
        links=found,
        waiting=waiting,
        form=form or FilledForm({}),
        url=url,
        mailed=mailed,
        run=new_id(),
        lifetime=links.LIFETIME,
        name_max=NAME_MAX,
    )


@router.get("/review/{post_id}")
async def review_page(member: Looking, post_id: str, said: str = "") -> Response:
    """Return a post in review with its comments, beside the others in its state."""
    notice = {"changed": CHANGED, "late": TOO_LATE}.get(said, "")
    return await _page(member, None, post_id, notice=notice)


async def _page(
    member: Member,
    state: str | None,
    post_id: str | None,
    form: FilledForm | None = None,
    notice: str = "",
    shown: str = "",
) -> Response:
    mine = member.workspace.id
    async with member.installation.database.begin() as session:
        chosen = await _chosen(member, session, post_id) if post_id else None
        wanted: ShownState = chosen.review.state if chosen else state if state in STATES else "waiting"
        found, total = await repository.list_reviews(session, mine, wanted, 0, SHOWN_MAX)
        lines = await lines_of(session, [post for post, _ in found])
        progress = await repository.progress_of(session, [review.id for _, review in found])
        rows = [Row(line, wanted, progress[review.id]) for line, (_, review) in zip(lines, found, strict=True)]
        if shown:
            with suppress(NotFound):
                chosen = await _chosen(member, session, shown)
        if chosen is None and rows:
            chosen = await _chosen(member, session, str(rows[0].line.id))
        counts = await repository.count_by_state(session, mine)
        if chosen and chosen.own_id:
            await service.note_seen(session, [UUID(chosen.own_id)])
    return member.render(
        "review.html",
        422 if form else 200,
        section="review",
        tabs=[
            (name, TITLES[name], f"{member.base}/review?state={name}", str(counts.get(name) or "")) for name in STATES
        ],
        state=wanted,
        rows=rows,
        more=total - len(rows),
        chosen=chosen,
        is_chosen=post_id is not None,
        shown_as=OF_REVIEW,
        notice=notice,
        form=form or FilledForm({}),
        text_max=TEXT_MAX,
    )


async def _chosen(member: Member, session: AsyncSession, post_id: str) -> Chosen:
    mine = member.workspace.id
    post = await get_post(session, mine, post_id)
    review = await reviewing.show_review(session, mine, post_id)
    items = await posts.get_items(session, post.id)
    renders = await renders_by_edit_id(session, mine, [item.edit_id for item in items])
    [line] = await lines_of(session, [post])
    own = await reviewing.reviewer_of(session, mine, post_id, member.user.id)
    asked = await repository.named_reviewers(session, (await service.get_review(session, post)).id, mine)
    ended = [Ended(one.name, one.kind, one.until) for one in asked if not one.can_decide and one.is_known]
    return Chosen(
        post,
        line,
        review,
        shown_items(items, renders),
        str(own.id) if own else None,
        own.decision if own else None,
        any(one.kind == "link" for one in review.reviewers),
        _in_time(review.comments, ended),
        await reviewing.is_stuck(session, mine, post.id),
        await reviewing.needs_approval(session, mine, post_id),
        times.to_input(post.scheduled_at, member.zone) if post.scheduled_at else "",
    )


def _in_time(comments: Sequence[CommentOut], ended: Sequence[Ended]) -> list[CommentOut | Ended]:
    """Return the comments with the ends of reviewers among them. An end whose time is unknown comes last."""

    def said_at(one: CommentOut | Ended) -> tuple[bool, datetime]:
        at = one.at if isinstance(one, Ended) else parse_instant(one.created_at)
        return at is None, at or clock.now()

    return sorted([*comments, *ended], key=said_at)


@router.post("/review/{post_id}/approve")
async def approve(member: Looking, post_id: str, request: Request) -> Response:
    """Approve the revision that the page showed. Only a named reviewer may."""
    form = await read_form(request)
    return await _decide(member, post_id, ReviewState.APPROVED, form)


@router.post("/review/{post_id}/take-back")
async def take_back(member: Looking, post_id: str, request: Request) -> Response:
    """Take a decision back, as long as the post has not begun."""
    form = await read_form(request)
    return await _decide(member, post_id, None, form)


@router.post("/review/{post_id}/changes")
async def ask_for_changes(member: Looking, post_id: str, request: Request) -> Response:
    """Ask for changes, with the text that says which."""
    form = await read_form(request)
    await _check_comment(member, post_id, form)
    if form.problems:
        return await _page(member, None, post_id, form)
    return await _decide(member, post_id, ReviewState.CHANGES_REQUESTED, form)


async def _decide(member: Member, post_id: str, decision: ReviewState | None, form: FilledForm) -> Response:
    mine = member.workspace.id
    revision = int(line) if (line := form.line("revision")).isdecimal() and len(line) < 9 else 0
    try:
        async with member.installation.database.begin() as session:
            own = await reviewing.reviewer_of(session, mine, post_id, member.user.id)
            if own is None or not member.may("reviewer"):
                message = "You are not asked to review this post. Whoever sent it can send it to you."
                raise AppError(403, "role_missing", message)
            if decision == ReviewState.CHANGES_REQUESTED:
                text, at = form.one("text").strip(), read_second(form.line("at"))
                await reviewing.request_changes(
                    session, mine, post_id, str(own.id), revision, text, member.actor, "member", at
                )
            else:
                await reviewing.decide(session, mine, post_id, str(own.id), decision, revision, member.actor)
    except AppError as error:
        said = {"review_changed": "changed", "review_withdrawn": "changed", "post_not_pending": "late"}.get(error.code)
        if said is None:
            raise
        return member.redirect(f"/review/{post_id}?said={said}")
    return member.redirect(f"/review/{post_id}")


@router.post("/review/{post_id}/comments")
async def comment(member: Reviewing, post_id: str, request: Request) -> Response:
    """Comment on a post in review."""
    form = await read_form(request)
    await _check_comment(member, post_id, form)
    if form.problems:
        return await _page(member, None, post_id, form)
    async with member.installation.database.begin() as session:
        await reviewing.add_comment(
            session, member.workspace.id, post_id, member.actor, "member", form.one("text").strip(),
            read_second(form.line("at")), form.line("public") == "on",
        )  # fmt: skip
    return member.redirect(f"/review/{post_id}#comments")


async def _check_comment(member: Member, post_id: str, form: FilledForm) -> None:
    async with member.installation.database.session() as session:
        post = await get_post(session, member.workspace.id, post_id)
        check_text(form, await reviewing.longest_clip(session, member.workspace.id, post.id))


def read_second(typed: str) -> float | None:
    """Return the second that `1:05` or `65` names; None for anything else."""
    if not (found := SECOND.fullmatch(typed)):
        return None
    return float(int(found["minutes"] or 0) * 60 + int(found["seconds"] or found["all"]))


def check_text(form: FilledForm, longest: float | None) -> None:
    """Add the problems of a comment's text and of its time in the clip. `longest`: the seconds of the longest clip."""
    text = form.one("text").strip()
    form.add_problem("text", None if text else "Write what you want to say.")
    if len(text) > TEXT_MAX:
        form.add_problem("text", f"At most {TEXT_MAX} characters; this has {len(text)}.")
    at = form.line("at")
    second = read_second(at)
    if at and second is None:
        form.add_problem("at", "Write the time in the clip as minutes and seconds, such as 0:14.")
    elif second is not None and longest is not None and second > ceil(longest):
        form.add_problem("at", f"The clip is {length(longest)} long. Write a time in it.")


@router.get("/posts/{post_id}/review")
async def send_page(member: Editing, post_id: str) -> Response:
    """Return the form that sends a post for review."""
    return await _send_page(member, post_id)


async def _send_page(
    member: Member,
    post_id: str,
    form: FilledForm | None = None,
    url: str = "",
    status: int = 200,
    mailed: Mailed | None = None,
) -> Response:
    async with member.installation.database.session() as session:
        post = await get_post(session, member.workspace.id, post_id)
        [line] = await lines_of(session, [post])
        try:
            review = await reviewing.show_review(session, member.workspace.id, post_id)
        except NotFound:
            review = None
        clients = await reviewing.clients_of_items(session, await posts.get_items(session, post.id))
        offered = await review_choices(session, member, clients)
    return member.render(
        "send_review.html", status, section="review", post=post, line=line, review=review, url=url, mailed=mailed,
        form=form or FilledForm({}), run=new_id(), lifetime=links.LIFETIME, **offered,
    )  # fmt: skip


async def review_choices(
    session: AsyncSession, member: Member, client_ids: Collection[UUID | None] = ()
) -> dict[str, Any]:
    """Return what `parts/review.html` offers: the members and the open links that can approve posts of these clients.

    Without clients, all that can approve posts of any.
    """
    found = await links.list_links(session, member.workspace.id)
    return {
        "members": await list_approvers(session, member.workspace.id, client_ids, MEMBERS_MAX),
        "review_links": [
            one for one in found if not (one.client_id and client_ids) or {one.client_id} == set(client_ids)
        ],
        "name_max": NAME_MAX,
        "text_max": TEXT_MAX,
    }


@router.post("/posts/{post_id}/review")
async def send(member: Editing, post_id: str, request: Request) -> Response:
    """Send a post for review. A new link is made in the same transaction, and its address is shown once."""
    form, made = await read_form(request), None
    wanted, name = request_of(form)
    check_request(form, wanted, name)
    to = read_address(form, "review.email")
    form.add_problem("review.new_link", "Write for whom the link is." if to and not name else None)
    try:
        if form.problems:
            return await _send_page(member, post_id, form, status=422)
        async with member.installation.database.begin() as session:
            if name:
                make = partial(
                    links.create_link, session, member.installation.settings, member.workspace.id, name,
                    member.zone.key, member.actor,
                    await reviewing.only_client_of(session, member.workspace.id, post_id),
                )  # fmt: skip
                made = await make_once(session, member, form, make)
                wanted = wanted.model_copy(update={"links": [*wanted.links, made.id]})
            await reviewing.send_for_review(session, member.workspace.id, post_id, wanted, member.actor)
    except ValidationFailed as failed:
        form.add_problem("reviewers", " ".join(problem.message for problem in failed.errors))
        return await _send_page(member, post_id, form, status=422)
    except AppError as error:
        if error.code != reviewing.NOT_PENDING:
            raise
        return member.redirect(f"/posts/{post_id}?changed=true")
    if made is None:
        return member.redirect(f"/review/{post_id}")
    return await _send_page(member, post_id, url=made.url, mailed=await mail_link(member, made, to))


def request_of(form: FilledForm) -> tuple[ReviewRequest, str]:
    """Return the request that the fields of `parts/review.html` hold, and the name of a new link."""
    wanted = ReviewRequest.model_construct(
        members=form.all("review.member"),
        links=form.all("review.link"),
        rule="all" if form.line("review.rule") == "all" else "any",
        message=form.one("review.message").strip(),
    )
    return wanted, tidy_name(form.one("review.new_link"))


def check_request(form: FilledForm, wanted: ReviewRequest, name: str) -> None:
    if name:
        form.add_problem("review.new_link", NO_NAME if len(name) > NAME_MAX else None)
    elif not wanted.members and not wanted.links:
        form.add_problem("reviewers", "Choose who must approve it.")
    if max(len(wanted.members), len(wanted.links)) > REVIEWERS_MAX:
        form.add_problem("reviewers", f"Choose at most {REVIEWERS_MAX}.")
    if len(wanted.message) > TEXT_MAX:
        form.add_problem("review.message", f"At most {TEXT_MAX} characters; this has {len(wanted.message)}.")


@router.post("/review/{post_id}/withdraw")
async def withdraw(member: Editing, post_id: str) -> Response:
    """Withdraw a review: the post is not sent."""
    return await _end(member, post_id, reviewing.withdraw_review)


@router.post("/review/{post_id}/remove")
async def remove(member: Editing, post_id: str) -> Response:
    """Remove a review: the post is sent without an approval. Where a client wants one, only owners may."""
    async with member.installation.database.session() as session:
        if not member.actor.may_skip_review and await reviewing.needs_approval(session, member.workspace.id, post_id):
            raise AppError(
                403, "role_missing", "This client's posts need an approval. Only an owner publishes without."
            )
    return await _end(member, post_id, reviewing.remove_review, f"/posts/{post_id}")


async def _end(member: Member, post_id: str, act: Any, then: str = "") -> Response:
    try:
        async with member.installation.database.begin() as session:
            await act(session, member.workspace.id, post_id, member.actor)
    except AppError as error:
        if error.status != 409:
            raise
        return member.redirect(f"/review/{post_id}?said=late")
    return member.redirect(then or f"/review/{post_id}")
