"""Sending a draft: the posts that it plans are made in one transaction, or none of them."""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import exists, select
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.common.problems import NotFound, Problem, ValidationFailed
from clipcast.common.timestamps import parse_instant
from clipcast.common.versions import VersionMismatch, if_version
from clipcast.database.hot_queries import from_session
from clipcast.database.models.posts import Draft, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import service
from clipcast.posts.planning import REPEAT
from clipcast.web import edit_conflicts
from clipcast.web.composition import Composition
from clipcast.web.sent import sign_made
from clipcast.web.viewers import Member


class ReplacedMeanwhile(Exception):
    """An error: the scheduled post that a draft replaces was changed, replaced or deleted since the draft read it."""


class PlanChanged(Exception):
    """An error: the posts would not be those that the page showed, or go out without the approval that it named."""


async def send_draft(
    member: Member, session: AsyncSession, draft: Draft, composition: Composition, again: bool = False
) -> list[UUID]:
    """Create the post of a locked draft, or all posts of its plan, and return their ids.

    Raises ValidationFailed, ReplacedMeanwhile, PlanChanged, DuplicateContent unless it is posted `again`, or AppError
    409 if a worker has claimed an item of the replaced post.
    """
    if problems := composition.problems():
        raise ValidationFailed([Problem(name, "invalid", message) for name, message in problems.items()])
    mine, kept = member.workspace.id, None
    if replaced := composition.content["replaces"]:
        condition = if_version(composition.content["replaces_version"])
        try:
            kept = await service.withdraw_post(session, mine, replaced, condition)
        except (NotFound, VersionMismatch) as error:
            raise ReplacedMeanwhile from error
        await session.flush()
    executor, settings, created = await from_session(session), member.installation.settings, []
    plan = await composition.plan(member, executor)
    if message := composition.without_times(plan) or ("" if plan else "Choose clips and accounts."):
        raise ValidationFailed([Problem("when", "no_free_time", message)])
    made = service.Made(member.actor, "repeat" if composition.content["plan"] == REPEAT else None)
    for planned in plan:
        body = composition.body(planned) | {"allow_duplicate": again}
        post = await service.create_post(
            executor, mine, body, settings, kept=kept, refuse_duplicates=True, by=member.user.name, made=made
        )
        created.append(post)
    # Judged by the posts themselves: a posting time may have been taken since the plan was read.
    times = [parse_instant(one.scheduled_at) if one.scheduled_at else None for one in created]
    if not composition.is_shown([replace(one, scheduled_at=at) for one, at in zip(plan, times, strict=True)]):
        raise PlanChanged
    ids = [UUID(one.post_id) for one in created]
    if composition.approval_shown and not await session.scalar(
        select(exists().where(Post.id.in_(ids), Post.review.is_not(None)))
    ):
        raise PlanChanged
    draft.post_id, draft.author_id = ids[0], member.user.id
    names = ", ".join(f"{PLATFORMS[one.platform].title} @{one.username}" for one in composition.chosen_accounts)
    action = "post.replaced" if replaced else "post.created"
    for id, one in zip(ids, created, strict=True):
        member.record(session, action, names, id, scheduled_at=one.scheduled_at)
    return ids


async def path_of_made(member: Member, session: AsyncSession, draft: Draft, ids: list[UUID]) -> str:
    """Return the path that shows and counts the posts that a draft has just become."""
    if not edit_conflicts.of_draft(draft).content["plan"]:
        return sent_path(draft)
    first = await session.get_one(Post, ids[0])
    state = "in_review" if first.review else "scheduled"
    return f"/posts?state={state}&made={await sign_made(session, member, draft.id, ids)}"


def sent_path(draft: Draft) -> str:
    """Return the path of the page that shows what was made of a sent draft: its post, or the posts of its plan."""
    content = edit_conflicts.of_draft(draft).content
    return "/posts?state=scheduled" if content["plan"] else f"/posts/{draft.post_id}"
