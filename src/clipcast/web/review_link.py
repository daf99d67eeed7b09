"""The page of a review link, for people without a sign-in: plain forms, no script, and of the workspace its name only.

A link that is guessed, revoked or expired, and a post that was not sent with the link, lead to the same page.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import quote, unquote, urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import joinedload
from starlette.responses import RedirectResponse, Response

from clipcast.api.dependencies import InstallationDep
from clipcast.api.rate_limits import Rate
from clipcast.audit.service import Actor
from clipcast.clients.logos import logo_url
from clipcast.clock import clock
from clipcast.common.names import tidy_name
from clipcast.common.problems import AppError
from clipcast.database.limits import limit_to, limited
from clipcast.database.models.clients import Client
from clipcast.database.models.posts import Item, Post
from clipcast.database.models.reviews import Review, ReviewComment, Reviewer, ReviewLink, ReviewState
from clipcast.database.models.workspaces import Workspace
from clipcast.installation import Installation
from clipcast.posts import reviewing
from clipcast.posts.status import PostStatus, post_status
from clipcast.renders.repository import renders_by_edit_id
from clipcast.reviews import repository, service
from clipcast.reviews.links import find_link, post_of, posts_of
from clipcast.reviews.schemas import NAME_MAX, TEXT_MAX
from clipcast.reviews.states import ShownState, shown_state
from clipcast.web.forms import FilledForm, read_form
from clipcast.web.link_limits import count_look, count_requests
from clipcast.web.pages import headers, render
from clipcast.web.review_contents import Media, Said, Shown, media_of, own_address, said_once, shown_items
from clipcast.web.reviews import check_text, read_second
from clipcast.web.viewers import address_of, is_secure

router = APIRouter(include_in_schema=False)

NAME_COOKIE = "clipcast_reviewer"
NAME_LIFETIME = timedelta(days=365)
PRIVATE = headers(script_src="'none'", connect_src="'none'") | {
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
}
# The forms that are sent with one link.
FORMS = (Rate(30, timedelta(minutes=1)), Rate(300, timedelta(hours=1)))
SAID = {
    "changed": "The post has changed since you opened it, so nothing was done. This is what it is now.",
    "late": "The post is on its way already, so nothing was done.",
    "full": "This post has too many comments. Nothing was added.",
}
APPROVE, CHANGES, COMMENT, TAKE_BACK = "approve", "changes", "comment", "take-back"


@dataclass(frozen=True)
class Offered:
    """A post as the page shows it."""

    post: Post
    review: Review
    reviewer: Reviewer
    state: ShownState
    status: PostStatus
    clips: list[tuple[Shown, Media | None]]
    comments: list[ReviewComment]

    @property
    def waits(self) -> bool:
        """Whether the link's people have still to decide."""
        return self.status == "pending" and self.reviewer.decision is None

    @property
    def said(self) -> list[Said]:
        """Its texts."""
        return said_once(clip for clip, _ in self.clips)

    @property
    def platforms(self) -> list[str]:
        """The platforms of its accounts."""
        return list(dict.fromkeys(name for said in self.said for name in said.platforms))


@router.get("/r/{token}")
async def link_page(
    token: str, request: Request, installation: InstallationDep, said: str = "", at: str = ""
) -> Response:
    """Return the posts that were sent for review with the link. Opening it decides nothing.

    The post of the review `at`, about which a person has just decided, keeps its place.
    """
    installation = await _as_seen(request, installation, token)
    async with installation.database.begin() as session:
        link = await find_link(session, token)
        if link is None:
            return _gone(request)
        return await _page(
            request, installation, session, link, token, notice=SAID.get(said, ""), at=at, has_changed=said == "changed"
        )


async def _as_seen(request: Request, installation: Installation, token: str) -> Installation:
    """Return the installation as the people of a link see it: with posts of its client only, if it has one.

    Raises AppError 429 for too many requests.
    """
    async with installation.database.session() as session:
        link = await find_link(session, token)
    await count_look(request, installation, "review link", link.id if link else None)
    if link is None or link.client_id is None:
        return installation
    limit = limit_to((link.client_id,), link.id)
    return replace(installation, database=limited(installation.database, limit))


@router.post("/r/{token}/{review_id}/{action}")
async def act(token: str, review_id: str, action: str, request: Request, installation: InstallationDep) -> Response:
    """Approve a post, ask for changes, comment, or take a decision back, until the post goes out."""
    installation = await _as_seen(request, installation, token)
    form = await read_form(request)
    async with installation.database.begin() as session:
        link = await find_link(session, token, lock=True)
        found = await post_of(session, link, review_id) if link else None
        if link is None or found is None or action not in (APPROVE, CHANGES, COMMENT, TAKE_BACK):
            return _gone(request)
        own = tidy_name(form.one("name")) or _known_name(request)
        # Whoever has the link may take an approval back. It is not asked who that is.
        name = link.name if action == TAKE_BACK and not own else own
        workspace_id, post_id, _ = found
        _check(form, name, action, await reviewing.longest_clip(session, workspace_id, post_id))
        if form.problems:
            return await _page(request, installation, session, link, token, form, review_id)
        link_id, said = link.id, ""
    await count_requests(installation, f"forms of review link {link_id}", FORMS)
    by = Actor("link", link_id, name, address_of(request))
    try:
        async with installation.database.begin() as session:
            # Once more, with the link held: its revocation comes before or after all of this.
            link = await find_link(session, token, lock=True)
            if link is None or (found := await post_of(session, link, review_id)) is None:
                return _gone(request)
            await _act(session, action, form, found, by)
    except AppError as error:
        problems = {
            "review_changed": "changed", "review_withdrawn": "changed", "post_not_pending": "late",
            "too_many_comments": "full", "not_found": "changed",
        }  # fmt: skip
        if (said := problems.get(error.code, "")) == "":
            raise
    query = urlencode({"at": review_id} | ({"said": said} if said else {}))
    # Words that have changed come into view before the buttons below them.
    view = "words" if said == "changed" else "decision"
    response = RedirectResponse(f"/r/{quote(token)}?{query}#{view}-{quote(review_id)}", 303, PRIVATE)
    if own:
        response.set_cookie(
            NAME_COOKIE, quote(own), max_age=int(NAME_LIFETIME.total_seconds()), path="/r",
            secure=is_secure(installation), httponly=True, samesite="lax",
        )  # fmt: skip
    return response


async def _act(session: AsyncSession, action: str, form: FilledForm, found: tuple[UUID, UUID, UUID], by: Actor) -> None:
    workspace_id, post_id, reviewer_id = found
    of_post = (session, workspace_id, str(post_id))
    revision = int(line) if (line := form.line("revision")).isdecimal() and len(line) < 9 else 0
    text, at = form.one("text").strip(), read_second(form.line("at"))
    match action:
        case "approve":
            await reviewing.decide(*of_post, str(reviewer_id), ReviewState.APPROVED, revision, by)
        case "take-back":
            await reviewing.decide(*of_post, str(reviewer_id), None, revision, by)
        case "changes":
            await reviewing.request_changes(*of_post, str(reviewer_id), revision, text, by, "link", at)
        case _:
            await reviewing.add_comment(*of_post, by, "link", text, at, public=True)


def _check(form: FilledForm, name: str, action: str, longest: float | None) -> None:
    if not 0 < len(name) <= NAME_MAX:
        form.add_problem("name", f"Write your name, at most {NAME_MAX} characters.")
    if action in (CHANGES, COMMENT):
        check_text(form, longest)


def _known_name(request: Request) -> str:
    name = tidy_name(unquote(request.cookies.get(NAME_COOKIE, "")))
    return name if len(name) <= NAME_MAX else ""


async def _page(
    request: Request,
    installation: Installation,
    session: AsyncSession,
    link: ReviewLink,
    token: str,
    form: FilledForm | None = None,
    form_of: str = "",
    notice: str = "",
    at: str = "",
    has_changed: bool = False,
) -> Response:
    found = await _offered(installation, session, link, form_of or at)
    await service.note_seen(session, [one.reviewer.id for one in found])
    link.opened_at = clock.now()
    workspace = await session.get_one(Workspace, link.workspace_id)
    client = await session.get(Client, link.client_id) if link.client_id else None
    logo = logo_url(installation, client) if client else None
    waiting = sum(one.waits for one in found)
    context = {
        "link": link, "workspace": workspace, "client": client, "logo": logo and own_address(installation, logo),
        "token": token, "zone": ZoneInfo(link.zone), "offered": found, "waiting": waiting,
        "name": _known_name(request), "form": form or FilledForm({}), "form_of": form_of, "notice": notice,
        "notice_of": at if any(str(one.review.id) == at for one in found) else "", "has_changed": has_changed,
        "name_max": NAME_MAX, "text_max": TEXT_MAX,
    }  # fmt: skip
    return render(request, "review_link.html", context, 422 if form else 200, PRIVATE)


async def _offered(installation: Installation, session: AsyncSession, link: ReviewLink, at: str) -> list[Offered]:
    """Return the posts of a link, those that wait first; the post of the review `at` is among them."""
    rows = await posts_of(session, link)
    query = select(Item).where(Item.post_id.in_([post.id for post, *_ in rows])).options(joinedload(Item.connection))
    items = list(await session.scalars(query.order_by(Item.position)))
    renders = await renders_by_edit_id(session, link.workspace_id, list({item.edit_id for item in items}))
    found = []
    for post, review, reviewer in rows:
        own = [item for item in items if item.post_id == post.id]
        clips = [(one, media_of(installation, one.render) if one.render else None) for one in shown_items(own, renders)]
        state, status = shown_state(post), post_status(item.status for item in own)
        assert state is not None
        comments = await repository.comments_of(session, review.id, public_only=True)
        found.append(Offered(post, review, reviewer, state, status, clips, comments))

    def place(one: Offered) -> tuple[Any, ...]:
        is_at = str(one.review.id) == at
        if not one.waits and not is_at:
            return (1,)  # in their order
        is_approved = one.post.review == ReviewState.APPROVED and not is_at
        return (0, is_approved, one.post.scheduled_at is not None, one.post.scheduled_at, one.post.id)

    return sorted(found, key=place)


def _gone(request: Request) -> Response:
    """Return the page of every link and post that is not there."""
    return render(request, "review_gone.html", {}, 404, PRIVATE)
