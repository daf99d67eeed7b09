"""The pages of posts: the list, and a post with its items and their fixes."""

from datetime import datetime
from functools import partial
from typing import Annotated, get_args
from urllib.parse import urlencode

from fastapi import APIRouter, Depends
from starlette.responses import Response

from clipcast.api.pagination import PageParams
from clipcast.common.ids import parse_id
from clipcast.common.pagination import pagination
from clipcast.common.problems import NotFound
from clipcast.connections.repository import CHOICES, get_connection, list_choices
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import repository, service
from clipcast.posts.drafts import successor_of
from clipcast.posts.schemas import PostSummary
from clipcast.posts.status import PostStatus, post_status, waits_to_be_tried
from clipcast.renders.repository import renders_by_edit_id
from clipcast.web import times
from clipcast.web.forms import FilledForm
from clipcast.web.viewers import Looking, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

STATUSES = get_args(PostStatus)
# The `actor` of an error, as a sentence.
ACTORS = {
    "nobody": "It continues automatically.",
    "caller": "You must change the post.",
    "account_owner": "The account owner must act.",
    "operator": "The operator of this installation must act.",
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
    """Return the list of posts. `account` is a connection's id, or a platform's name; `since` and `until` are days."""
    first, last = times.day(since, member.zone), times.day(until, member.zone)
    problems = FilledForm({})
    problems.add_problem(
        "since", None if first or not since else "This is not a day, so the list ignores it. Choose one."
    )
    problems.add_problem(
        "until", None if last or not until else "This is not a day, so the list ignores it. Choose one."
    )
    if since and until and first and last and first[0] > last[0]:
        problems.add_problem("until", "This day is before the first one, so the list is empty.")
    if status and status not in STATUSES:
        problems.add_problem("status", f"The status {status[:60]!r} does not exist, so the list shows all.")
    if account and account not in PLATFORMS and parse_id(account) is None:
        problems.add_problem("account", f"The account {account[:60]!r} does not exist, so the list shows all.")
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
    """Return a post's page. `changed` shows that an action did nothing, because the post had changed.

    If an edited post has replaced this one, redirect to it.
    """
    try:
        return await render_post(member, post_id, changed=changed)
    except NotFound:
        async with member.installation.database.session() as session:
            successor = await successor_of(session, member.workspace.id, post_id)
        if successor is None:
            raise
        return member.redirect(f"/posts/{successor.post_id}" + ("?changed=true" if changed else ""))


async def render_post(member: Member, post_id: str, form: FilledForm | None = None, changed: bool = False) -> Response:
    """Return a post's page. `form` is a filled-in form for another time, with its problems."""
    async with member.installation.database.session() as session:
        post = await service.get_post(session, member.workspace.id, post_id)
        items = await repository.get_items(session, post.id)
        show_item = await service.showing(member.installation, session, items)
        renders = await renders_by_edit_id(session, member.workspace.id, [item.edit_id for item in items])
    scheduled = times.to_input(post.scheduled_at, member.zone) if post.scheduled_at else ""
    typed = form.line("at") if form else scheduled
    return member.render(
        "post.html",
        section="posts",
        post=post,
        state=post_status(item.status for item in items),
        items=items,
        show_item=show_item,
        fixes_of=partial(fixes, member),
        renders=renders,
        account_fixes=account_fixes(member, items),
        changed=changed,
        held=repository.HELD,
        failed=sum(item.status == "failed" and item.connection.removed_at is None for item in items),
        actors=ACTORS if member.may("editor") else ACTORS | {"caller": "An editor must change the post."},
        scheduled=typed,
        twice=times.comes_twice(typed, member.zone),
        second=_is_second(member, post.scheduled_at),
        form=form or FilledForm({}),
        status=422 if form else 200,
    )


def _is_second(member: Member, scheduled_at: datetime | None) -> bool:
    """Return whether the time is the second of two equal local times, where clocks go back."""
    return scheduled_at is not None and scheduled_at.astimezone(member.zone).fold == 1


def fixes(member: Member, item: Item) -> list[dict[str, str]]:
    """Return the buttons for an item that has an error, the most likely fix first."""
    error = item.shown_error
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
            "kind": "post", "path": f"{retry}?force=true", "title": "Send again",
"confirm": f"Check the account on {platform.title} first. If the video is live, this publishes a second one.",
        })  # fmt: skip
    else:
        found.append({"kind": "post", "path": retry, "title": "Try again"})
    return found


def account_fixes(member: Member, items: list[Item]) -> list[dict[str, str]]:
    """Return the fixes for unusable accounts of items that have not begun, each account once."""
    if not member.may("editor"):
        return []
    lost = {item.connection_id: item.connection for item in items if item.status == "pending"}
    return [
        _account_fix(one) | {"name": f"{PLATFORMS[one.platform].title} @{one.username}", "status": one.status}
        for one in lost.values()
        if one.status != "active" and one.removed_at is None
    ]


def _account_fix(connection: Connection) -> dict[str, str]:
    """Return the link that resumes or reconnects an account."""
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
    """Return an item's attempts."""
    async with member.installation.database.session() as session:
        attempts = await service.show_attempts(session, member.workspace.id, post_id, item_id)
    return member.render("parts/timeline.html", attempts=attempts)
