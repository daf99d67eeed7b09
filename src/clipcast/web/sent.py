"""What Compose has just made of a draft: how many posts, and their Undo."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession
from starlette.responses import Response

from clipcast.common.ids import parse_id
from clipcast.common.problems import AppError, NotFound
from clipcast.common.versions import VersionMismatch, if_version
from clipcast.database.models.posts import Draft, Post
from clipcast.posts import drafts, service
from clipcast.web.bulk_outcome import ids_as_text, read_ids
from clipcast.web.forms import read_form
from clipcast.web.pages import is_htmx
from clipcast.web.viewers import Editing, Member

router = APIRouter(include_in_schema=False, prefix="/w/{workspace_id}")

# How long a person can undo what Compose has made.
LIFETIME = timedelta(days=1)


@dataclass(frozen=True)
class Sent:
    """The posts that a draft became. `draft_id` is None if that cannot be undone."""

    number: int
    in_review: bool
    first_id: UUID
    first_at: datetime | None
    draft_id: UUID | None
    made: str


@dataclass(frozen=True)
class Made:
    """A draft that was sent, and the versions of its posts when they were made."""

    draft_id: UUID
    versions: dict[UUID, int]


async def sign_made(session: AsyncSession, member: Member, draft_id: UUID, ids: Sequence[UUID]) -> str:
    """Return the token of the posts that the member's draft became. It is for this member alone."""
    rows = await session.execute(select(Post.id, Post.version).where(Post.id.in_(ids)))
    versions: dict[UUID, int] = {one.id: one.version for one in rows}
    content = [str(member.user.id), str(draft_id), "".join(ids_as_text(list(versions))), list(versions.values())]
    return member.installation.vault.sign({"sent": content}, LIFETIME)


def read_made(member: Member, token: str) -> Made | None:
    """Return what `sign_made` signed for this member; None for another text, and after `LIFETIME`."""
    claim = member.installation.vault.verify(token) or {}
    if "sent" not in claim:
        return None
    user, draft, ids, versions = claim["sent"]
    draft_id = parse_id(draft)
    if user != str(member.user.id) or draft_id is None:
        return None
    return Made(draft_id, dict(zip(read_ids(ids), versions, strict=True)))


async def made_of_draft(session: AsyncSession, member: Member, token: str) -> Sent | None:
    """Return what the token of an address says about posts that this person has just made; None without such posts."""
    made = read_made(member, token)
    if made is None:
        return None
    mine = member.workspace.id
    query = select(Post).where(Post.workspace_id == mine, Post.id.in_(list(made.versions))).order_by(Post.scheduled_at)
    posts = list(await session.scalars(query))
    if not posts:
        return None
    sent = select(Draft).where(Draft.workspace_id == mine, Draft.id == made.draft_id)
    draft = (await session.scalars(sent)).first()
    can_undo = draft is not None and len(posts) == len(made.versions) and _made(draft, made)
    first = posts[0]
    return Sent(
        len(posts), bool(first.review), first.id, first.scheduled_at, made.draft_id if can_undo else None, token
    )


def _made(draft: Draft, made: Made) -> bool:
    """Return whether the draft is sent as these posts, and they replaced none."""
    return draft.post_id in made.versions and not draft.content.get("replaces")


@router.post("/compose/{draft_id}/unsend")
async def unsend(member: Editing, draft_id: str, request: Request) -> Response:
    """Remove the posts that a draft became, all or none, and open the draft again.

    A second press, after a lost response, opens the draft.
    """
    made = read_made(member, (await read_form(request)).one("made"))
    mine = member.workspace.id
    async with member.installation.database.begin() as session:
        draft = await drafts.get_draft(session, mine, draft_id, lock=True)
        if made is None or draft.id != made.draft_id:
            raise _too_late()
        left = select(Post.id).where(Post.workspace_id == mine, Post.id.in_(list(made.versions))).limit(1)
        is_undone = draft.post_id is None and await session.scalar(left) is None
        if not is_undone:
            await _remove(session, member, draft, made)
    path = f"/compose/{draft.id}"
    if not is_htmx(request):
        return member.redirect(path)
    return Response(status_code=204, headers={"HX-Redirect": member.base + path})


async def _remove(session: AsyncSession, member: Member, draft: Draft, made: Made) -> None:
    """Remove the posts of a locked draft, which becomes one to send again. Raises AppError."""
    if not _made(draft, made):
        raise _too_late()
    mine = member.workspace.id
    for id, version in sorted(made.versions.items()):
        try:
            await service.get_pending(session, mine, str(id), "post_not_editable")
            await service.delete_post(session, mine, str(id), if_version(version))
        except (NotFound, VersionMismatch):
            raise _too_late() from None
        member.record(session, "post.deleted", f"Post {id}")
    draft.post_id = None
    draft.version += 1


def _too_late() -> AppError:
    return AppError(409, "post_not_editable", "This cannot be undone any more. Remove the posts in the list.")
