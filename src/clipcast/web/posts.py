"""Posts: the list, and a post's items with what can be done about each."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Annotated, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.pagination import PageParams
from clipcast.clips.repository import renders_by_edit_id
from clipcast.common.ids import parse_id
from clipcast.common.pagination import pagination
from clipcast.common.problems import AppError, NotFound, ValidationFailed
from clipcast.common.timestamps import format_timestamp
from clipcast.common.versions import VersionMismatch, if_version
from clipcast.connections.repository import CHOICES, get_connection, list_choices
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import editing, repository, service
from clipcast.posts.drafts import draft_of_post, new_draft, successor_of
from clipcast.posts.schemas import ItemOut, PostSummary, UpdatePost
from clipcast.posts.status import PostStatus, post_status, waits_to_be_tried
from clipcast.web import times
from clipcast.web.edit_conflicts import version_in
from clipcast.web.forms import Typed, typed_form
from clipcast.web.viewers import Editing, Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

STATUSES = get_args(PostStatus)
# What an item's error says about who must act, as people read it.
ACTORS = {
    "nobody": "It goes on by itself.",
    "caller": "Whoever posts must change something.",
    "account_owner": "The account's owner must act.",
    "operator": "Whoever runs this installation must act.",
    "platform": "The platform must act.",
}


@router.get("/posts")
async def posts_page(
    member: Looking,
    page: Annotated[PageParams, Depends()],
    status: str = "",
    account: str = "",
    since: str = "",
    until: str = "",
) -> Response:
    """`account` is a connection's id, or a platform for all of its accounts; `since` and `until` are days."""
    first, last = times.day(since, member.zone), times.day(until, member.zone)
    problems = Typed({})
    problems.refuse("since", None if first or not since else "This is no day, so it was not used. Choose one.")
    problems.refuse("until", None if last or not until else "This is no day, so it was not used. Choose one.")
    if since and until and first and last and first[0] > last[0]:
        problems.refuse("until", "This day is before the first one, so no post is between them.")
    if status and status not in STATUSES:
        problems.refuse("status", f"There is no status {status[:60]!r}, so all are shown.")
    if account and account not in PLATFORMS and parse_id(account) is None:
        problems.refuse("account", f"There is no account {account[:60]!r}, so all are shown.")
    wanted = repository.PostFilter(
        status if status in STATUSES else None,
        account if account in PLATFORMS else None,
        parse_id(account),
        first[0] if first else None,
        last[1] if last else None,
        or_held=status == "failed",
    )
    typed = {
        "status": wanted.status or "",
        "account": "" if "account" in problems.problems else account,
        "since": since if first else "",
        "until": until if last else "",
    }
    async with member.installation.database.session() as session:
        rows, total = await repository.list_posts(session, member.workspace.id, wanted, page.offset, page.limit)
        heads = await repository.heads_of(session, [post.id for post, *_ in rows])
        accounts = await list_choices(session, member.workspace.id)
        are_all = len(accounts) < CHOICES
        asked = await get_connection(session, member.workspace.id, account) if account else None
        accounts += [asked] if asked is not None and asked not in accounts else []
    return member.render(
        "posts.html",
        section="posts",
        posts=[vars(PostSummary.of(*row)) | {"heads": heads[row[0].id]} for row in rows],
        statuses=STATUSES,
        accounts=accounts,
        are_all=are_all,
        typed=typed,
        form=problems,
        chosen={name: value for name, value in typed.items() if value},
        pagination=pagination(page, total),
    )


@router.get("/posts/{post_id}")
async def post_page(member: Looking, post_id: str, changed: bool = False) -> Response:
    """`changed`: somebody wanted to do something with the post as it was before.

    The address of a post that an edited one has taken the place of leads to that one.
    """
    try:
        return await _post_page(member, post_id, changed=changed)
    except NotFound:
        async with member.installation.database.session() as session:
            successor = await successor_of(session, member.workspace.id, post_id)
        if successor is None:
            raise
        return member.redirect(f"/posts/{successor.post_id}" + ("?changed=true" if changed else ""))


async def _post_page(member: Member, post_id: str, form: Typed | None = None, changed: bool = False) -> Response:
    """With `form`: another time that was typed, which is shown again with what is wrong with it."""
    async with member.installation.database.session() as session:
        post = await service.get_post(session, member.workspace.id, post_id)
        items = await repository.get_items(session, post.id)
        renders = await renders_by_edit_id(session, member.workspace.id, [item.edit_id for item in items])
    known = times.to_input(post.scheduled_at, member.zone) if post.scheduled_at else ""
    typed = form.line("at") if form else known
    return member.render(
        "post.html",
        section="posts",
        post=post,
        state=post_status(item.status for item in items),
        items=items,
        show_item=ItemOut.model_validate,
        fixes_of=partial(fixes, member),
        renders=renders,
        account_fixes=account_fixes(member, items),
        changed=changed,
        held=repository.HELD,
        failed=sum(item.status == "failed" and item.connection.removed_at is None for item in items),
        actors=ACTORS,
        scheduled=typed,
        twice=times.comes_twice(typed, member.zone),
        second=_is_second(member, post.scheduled_at),
        form=form or Typed({}),
        status=422 if form else 200,
    )


def _is_second(member: Member, scheduled_at: datetime | None) -> bool:
    """Whether it is the second of two equal local times, where clocks go back."""
    return scheduled_at is not None and scheduled_at.astimezone(member.zone).fold == 1


def fixes(member: Member, item: Item) -> list[dict[str, str]]:
    """What can be done about an item that has an error: buttons, the most likely one first."""
    error = item.error
    if error is None or not member.may("editor") or item.status == "published":
        return []
    found = []
    platform = PLATFORMS[item.platform]
    if error["class"] == "reconnect" and item.connection.removed_at is None:
        found.append(_account_fix(item.connection))
    retry = f"/posts/{item.post_id}/items/{item.id}/retry"
    if waits_to_be_tried(item):
        found.append({"kind": "post", "path": retry, "title": "Try now"})
    if item.status != "failed":
        return found
    if error["class"] in ("invalid", "policy", "media"):
        found.append(
            {"kind": "post", "path": f"/posts/{item.post_id}/items/{item.id}/edit", "title": "Edit and post again"}
        )
    if error["class"] == "outcome_unknown":
        found.append({"kind": "post", "path": retry, "title": f"Look for it on {platform.title}"})
        found.append({
            "kind": "post", "path": f"{retry}?force=true", "title": "Send it again",
"confirm": f"Look at the account on {platform.title} first: if the video is live, this makes another.",
        })  # fmt: skip
    else:
        found.append({"kind": "post", "path": retry, "title": "Try again"})
    return found


def account_fixes(member: Member, items: list[Item]) -> list[dict[str, str]]:
    """What is to be done about the accounts of items that have not begun: each account once."""
    if not member.may("editor"):
        return []
    lost = {item.connection_id: item.connection for item in items if item.status == "pending"}
    return [
        _account_fix(one) | {"name": f"{PLATFORMS[one.platform].title} @{one.username}", "status": one.status}
        for one in lost.values()
        if one.status != "active" and one.removed_at is None
    ]


def _account_fix(connection: Connection) -> dict[str, str]:
    """The link by which an account that cannot be used is made usable."""
    if connection.status == "disabled":
        return {
            "kind": "link",
            "path": f"/connections/{connection.id}",
            "title": f"Resume @{connection.username}",
        }
    query = {"expects": str(connection.id), "way": connection.profile.get("way")}
    path = f"/connections/new/{connection.platform}?"
    return {
        "kind": "link",
        "path": path + urlencode({name: value for name, value in query.items() if value}),
        "title": f"Reconnect @{connection.username}",
    }


@router.get("/posts/{post_id}/items/{item_id}/attempts")
async def timeline(member: Looking, post_id: str, item_id: str) -> Response:
    async with member.installation.database.session() as session:
        attempts = await service.show_attempts(session, member.workspace.id, post_id, item_id)
    return member.render("parts/timeline.html", attempts=attempts)


# The version that the page showed: what somebody has changed meanwhile is shown first, and not overwritten or removed.
Shown = Annotated[int | None, Form(alias="version")]


async def _unless_changed(member: Member, post_id: str, act: Callable[[AsyncSession], Awaitable[str]]) -> Response:
    """Do it and go to the page that it names; to the post, with a word of why, where it is another by now, or gone."""
    try:
        async with member.installation.database.begin() as session:
            path = await act(session)
    except (NotFound, VersionMismatch):
        path = f"/posts/{post_id}?changed=true"
    return member.redirect(path)


@router.post("/posts/{post_id}/items/{item_id}/retry")
async def retry(member: Editing, post_id: str, item_id: str, force: bool = False) -> Response:
    async with member.installation.database.begin() as session:
        item = await service.retry_item(session, member.workspace.id, post_id, item_id, force)
        member.record(session, "item.retried", f"Item {item}", item, post_id=post_id, force=force)
    return member.redirect(f"/posts/{post_id}#item-{item_id}")


@router.post("/posts/{post_id}/retry")
async def retry_failed(member: Editing, post_id: str) -> Response:
    """Retry all failed items. Those of unknown outcome are looked for first."""
    async with member.installation.database.begin() as session:
        done = await service.retry_post(session, member.workspace.id, post_id)
        member.record(session, "post.retried", f"Post {post_id}", parse_id(post_id), items=len(done.retried))
    return member.redirect(f"/posts/{post_id}")


@router.post("/posts/{post_id}/items/{item_id}/edit")
async def edit_and_post_again(member: Editing, post_id: str, item_id: str) -> Response:
    """A draft with this item alone, to be put right and posted: the failed item itself stays as it ended."""
    async with member.installation.database.begin() as session:
        post = await service.get_post(session, member.workspace.id, post_id)
        item = await service.get_item(session, post, item_id)
        draft = await new_draft(session, member.workspace.id, draft_of_post([item], None))
    return member.redirect(f"/compose/{draft.id}")


@router.post("/posts/{post_id}/edit")
async def edit(member: Editing, post_id: str) -> Response:
    """A draft of a post that has not begun; sent, it takes the post's place."""

    async def act(session: AsyncSession) -> str:
        post = await service.get_post(session, member.workspace.id, post_id)
        items = await repository.get_items(session, post.id)
        content = draft_of_post(items, post.scheduled_at) | {"replaces": str(post.id), "replaces_version": post.version}
        draft = await new_draft(session, member.workspace.id, content)
        return f"/compose/{draft.id}"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/copy")
async def copy(member: Editing, post_id: str) -> Response:
    """A draft that says what the post said."""

    async def act(session: AsyncSession) -> str:
        post = await service.get_post(session, member.workspace.id, post_id)
        items = await repository.get_items(session, post.id)
        draft = await new_draft(session, member.workspace.id, draft_of_post(items, None))
        return f"/compose/{draft.id}"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/items/{item_id}/delete")
async def delete_item(member: Editing, post_id: str, item_id: str, version: Shown = None) -> Response:
    async def act(session: AsyncSession) -> str:
        await service.delete_item(session, member.workspace.id, post_id, item_id, if_version(version))
        member.record(session, "item.deleted", f"Item {item_id}", None, post_id=post_id)
        left = await repository.get_post(session, member.workspace.id, post_id)
        return f"/posts/{post_id}" if left else "/posts"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/delete")
async def delete_post(member: Editing, post_id: str, version: Shown = None) -> Response:
    async def act(session: AsyncSession) -> str:
        await service.delete_post(session, member.workspace.id, post_id, if_version(version))
        member.record(session, "post.deleted", f"Post {post_id}")
        return "/posts"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/publish")
async def publish(member: Editing, post_id: str, version: Shown = None) -> Response:
    async def act(session: AsyncSession) -> str:
        await service.publish_post(session, member.workspace.id, post_id, if_version(version))
        member.record(session, "post.published_now", f"Post {post_id}", parse_id(post_id))
        return f"/posts/{post_id}"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/reschedule")
async def reschedule(member: Editing, post_id: str, request: Request) -> Response:
    """To a local time of the viewer's zone."""
    form = await typed_form(request)
    at, which, version = form.line("at"), form.one("at.second"), form.line("version")
    if times.comes_twice(at, member.zone) and not which:
        form.refuse("at", "Clocks go back then, and this time comes twice. Choose which is meant.")
    try:
        instant = times.from_input(at, member.zone, which == "on")
        if not form.problems:
            await move(member, post_id, format_timestamp(instant), version_in(version))
    except ValueError as error:
        form.refuse("at", str(error))
    except (NotFound, VersionMismatch):
        return member.redirect(f"/posts/{post_id}?changed=true")
    except AppError as error:
        if error.status != 422:
            raise
        form.refuse("at", error.detail)
    return await _post_page(member, post_id, form) if form.problems else member.redirect(f"/posts/{post_id}")


async def move(member: Member, post_id: str, scheduled_at: str | None, version: int | None = None) -> Post:
    """Gives a pending post another time; with `version`, only if that is still the post's. Raises AppError."""
    body = UpdatePost.model_validate({"scheduled_at": scheduled_at})
    try:
        async with member.installation.database.begin() as session:
            await editing.update_post(
                session, member.workspace.id, post_id, body, member.installation.settings, if_version(version)
            )
            post = await service.get_post(session, member.workspace.id, post_id)
            member.record(session, "post.rescheduled", f"Post {post_id}", post.id, scheduled_at=scheduled_at)
            return post
    except ValidationFailed as failed:
        raise AppError(422, failed.code, " ".join(problem.message for problem in failed.errors)) from None
