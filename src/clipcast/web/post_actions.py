"""The actions on a post's page: retry, edit, copy, move, publish now and remove."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Form, Request
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.api.numbers import PLAIN_WHOLE
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound, ValidationFailed
from clipcast.common.timestamps import format_timestamp
from clipcast.common.versions import VersionMismatch, if_version
from clipcast.posts import editing, repository, service
from clipcast.posts.drafts import draft_of_post, new_draft
from clipcast.posts.schemas import UpdatePost
from clipcast.web import times
from clipcast.web.edit_conflicts import version_in
from clipcast.web.forms import read_form
from clipcast.web.post_page import render_post
from clipcast.web.said import in_words
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# The version that the page showed. If the post has changed since, the page shows it again and does nothing.
Shown = Annotated[Annotated[int, PLAIN_WHOLE] | None, Form(alias="version")]


async def _unless_changed(member: Member, post_id: str, act: Callable[[AsyncSession], Awaitable[str]]) -> Response:
    """Run `act` and redirect to the path that it returns; to the post with a notice if the post has changed."""
    try:
        async with member.installation.database.begin() as session:
            path = await act(session)
    except (NotFound, VersionMismatch):
        path = f"/posts/{post_id}?changed=true"
    return member.redirect(path)


@router.post("/posts/{post_id}/items/{item_id}/retry")
async def retry(member: Editing, post_id: str, item_id: str, force: bool = False) -> Response:
    """Retry an item now. `force` sends an item of unknown outcome again, without looking for it first."""
    async with member.installation.database.begin() as session:
        item = await service.retry_item(session, member.workspace.id, post_id, item_id, force)
        member.record(session, "item.retried", f"Item {item}", item, post_id=post_id, force=force)
    return member.redirect(f"/posts/{post_id}?item={item_id}")


@router.post("/posts/{post_id}/items/{item_id}/published")
async def confirm(member: Editing, post_id: str, item_id: str, url: Annotated[str, Form()] = "") -> Response:
    """Save an item of unknown outcome as published: a person has found it on the platform."""
    async with member.installation.database.begin() as session:
        item = await service.confirm_item(session, member.workspace.id, post_id, item_id, url.strip())
        member.record(session, "item.confirmed", f"Item {item}", item, post_id=post_id, url=url)
    return member.redirect(f"/posts/{post_id}?item={item_id}")


@router.post("/posts/{post_id}/retry")
async def retry_failed(member: Editing, post_id: str) -> Response:
    """Retry all failed items. If an outcome is unknown, Clipcast looks for the item first."""
    async with member.installation.database.begin() as session:
        done = await service.retry_post(session, member.workspace.id, post_id)
        member.record(session, "post.retried", f"Post {post_id}", parse_id(post_id), items=len(done.retried))
    return member.redirect(f"/posts/{post_id}")


@router.post("/posts/{post_id}/items/{item_id}/edit")
async def edit_and_post_again(member: Editing, post_id: str, item_id: str) -> Response:
    """Create a draft with this item alone, for a corrected post. The failed item stays unchanged."""
    async with member.installation.database.begin() as session:
        post = await service.get_post(session, member.workspace.id, post_id)
        item = await service.get_item(session, post, item_id)
        draft = await new_draft(session, member.workspace.id, draft_of_post([item], None))
    return member.redirect(f"/compose/{draft.id}")


@router.post("/posts/{post_id}/edit")
async def edit(member: Editing, post_id: str) -> Response:
    """Create a draft of a pending post. When it is sent, it replaces the post."""

    async def act(session: AsyncSession) -> str:
        post = await service.get_post(session, member.workspace.id, post_id)
        items = await repository.get_items(session, post.id)
        content = draft_of_post(items, post.scheduled_at) | {"replaces": str(post.id), "replaces_version": post.version}
        draft = await new_draft(session, member.workspace.id, content)
        return f"/compose/{draft.id}"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/copy")
async def copy(member: Editing, post_id: str) -> Response:
    """Create a draft with the content of the post."""

    async def act(session: AsyncSession) -> str:
        post = await service.get_post(session, member.workspace.id, post_id)
        items = await repository.get_items(session, post.id)
        draft = await new_draft(session, member.workspace.id, draft_of_post(items, None))
        return f"/compose/{draft.id}"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/items/{item_id}/delete")
async def delete_item(member: Editing, post_id: str, item_id: str, version: Shown = None) -> Response:
    """Remove Clipcast's record of an item."""

    async def act(session: AsyncSession) -> str:
        await service.delete_item(session, member.workspace.id, post_id, item_id, if_version(version))
        member.record(session, "item.deleted", f"Item {item_id}", None, post_id=post_id)
        left = await repository.get_post(session, member.workspace.id, post_id)
        return f"/posts/{post_id}" if left else "/posts"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/delete")
async def delete_post(member: Editing, post_id: str, version: Shown = None) -> Response:
    """Remove Clipcast's record of a post."""

    async def act(session: AsyncSession) -> str:
        await service.delete_post(session, member.workspace.id, post_id, if_version(version))
        member.record(session, "post.deleted", f"Post {post_id}")
        return "/posts"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/publish")
async def publish(member: Editing, post_id: str, version: Shown = None) -> Response:
    """Publish a post now."""

    async def act(session: AsyncSession) -> str:
        await service.publish_post(session, member.workspace.id, post_id, if_version(version))
        member.record(session, "post.published_now", f"Post {post_id}", parse_id(post_id))
        return f"/posts/{post_id}"

    return await _unless_changed(member, post_id, act)


@router.post("/posts/{post_id}/reschedule")
async def reschedule(member: Editing, post_id: str, request: Request) -> Response:
    """Move a pending post to a local time of the viewer's zone."""
    form = await read_form(request)
    at, which, version = form.line("at"), form.one("at.second"), form.line("version")
    if times.comes_twice(at, member.zone) and not which:
        form.add_problem("at", "Clocks go back then, so this time occurs twice. Choose one of the two.")
    try:
        instant = times.from_input(at, member.zone, which == "on")
        if instant <= clock.now():
            form.add_problem("at", f"{times.passed(instant, member.zone)} Choose a later time.")
        if not form.problems:
            await _move(member, post_id, format_timestamp(instant), version_in(version))
    except ValueError as error:
        form.add_problem("at", str(error))
    except (NotFound, VersionMismatch):
        return member.redirect(f"/posts/{post_id}?changed=true")
    except AppError as error:
        if error.status != 422:
            raise
        form.add_problem("at", times.localized(in_words(error.detail), member.zone))
    return await render_post(member, post_id, form) if form.problems else member.redirect(f"/posts/{post_id}")


async def _move(member: Member, post_id: str, scheduled_at: str | None, version: int | None) -> None:
    """Move a pending post to another time. With `version`, only if the post still has that version. Raises AppError."""
    body = UpdatePost.model_validate({"scheduled_at": scheduled_at})
    try:
        async with member.installation.database.begin() as session:
            await editing.update_post(
                session, member.workspace.id, post_id, body, member.installation.settings, if_version(version)
            )
            member.record(session, "post.rescheduled", f"Post {post_id}", parse_id(post_id), scheduled_at=scheduled_at)
    except ValidationFailed as failed:
        raise AppError(422, failed.code, " ".join(problem.message for problem in failed.errors)) from None
