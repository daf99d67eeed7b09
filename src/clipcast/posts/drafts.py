"""Drafts: what somebody is composing, kept as it is typed, and turned into the body of POST /posts.

A draft's content is plain JSON that the compose page alone writes; see `EMPTY`. What it means is said here, so that
the page, its preview and the post that comes of it cannot differ.
"""

from copy import deepcopy
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.api.problems import NotFound
from clipcast.clock import clock
from clipcast.connections.models import Connection
from clipcast.database import page_of
from clipcast.ids import parse_id
from clipcast.instants import show
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts.models import Draft, Item

EMPTY: dict[str, Any] = {
    # `editId`s and `connectionId`s, in the order in which they were chosen.
    "clips": [],
    "accounts": [],
    # Pairs of the two that are not to be posted.
    "left_out": [],
    # What every account gets, unless something more particular is said.
    "title": "",
    "text": "",
    # By `editId`: the title and the text of one clip.
    "by_clip": {},
    # By platform, and by `connectionId`: metadata, as far as it is said.
    "by_platform": {},
    "by_account": {},
    # Accounts for which more differs than what only they can say.
    "own": [],
    # Now, or at a time; the instant (None: not chosen yet), and the zone in which it was chosen.
    "later": False,
    "scheduled_at": None,
    "zone": None,
    # A scheduled post that this is to take the place of.
    "replaces": None,
}


def targets(content: dict[str, Any]) -> list[tuple[str, str]]:
    """What is to be posted: clip and account, clip by clip."""
    left_out = {tuple(pair) for pair in content["left_out"]}
    return [
        (clip, account)
        for clip in content["clips"]
        for account in content["accounts"]
        if (clip, account) not in left_out
    ]


def metadata(content: dict[str, Any], clip: str, account: Connection) -> dict[str, Any]:
    """What is said about one target: the account's own words win over the platform's, these over the clip's."""
    model = PLATFORMS[account.platform].metadata
    said: dict[str, Any] = {}
    for words in (content, content["by_clip"].get(clip, {})):
        for source, field in (("title", model.title_field), ("text", model.text_field)):
            if field and words.get(source):
                said[field] = words[source]
    said |= content["by_platform"].get(account.platform, {})
    return said | dict(content["by_account"].get(str(account.id), {}))


def body(content: dict[str, Any], accounts: dict[str, Connection]) -> dict[str, Any]:
    """The body of POST /posts. `accounts` are those that there are, by `connectionId`."""
    videos: dict[str, list[dict[str, Any]]] = {}
    for clip, account in targets(content):
        if account in accounts:
            said = metadata(content, clip, accounts[account])
            target = {"connectionId": account, "metadata": {accounts[account].platform: said}}
            videos.setdefault(clip, []).append(target)
    made: dict[str, Any] = {"videos": [{"editId": clip, "targets": found} for clip, found in videos.items()]}
    # A time that is still to be chosen is no time, which is refused; null would mean now.
    return made | ({"scheduled_at": content["scheduled_at"] or ""} if content["later"] else {})


def draft_of_post(items: list[Item], scheduled_at: datetime | None) -> dict[str, Any]:
    """Content that would post these items again. What they say is kept per account, as it was said."""
    content = deepcopy(EMPTY) | {"scheduled_at": show(scheduled_at), "later": scheduled_at is not None}
    pairs = {(str(item.edit_id), str(item.connection_id)) for item in items}
    content["clips"] = list(dict.fromkeys(str(item.edit_id) for item in items))
    content["accounts"] = list(dict.fromkeys(str(item.connection_id) for item in items))
    content["left_out"] = [
        [clip, account] for clip in content["clips"] for account in content["accounts"] if (clip, account) not in pairs
    ]
    content["own"] = content["accounts"]
    content["by_account"] = {str(item.connection_id): item.details for item in items}
    return content


async def save_draft(session: AsyncSession, workspace_id: UUID, draft_id: UUID, content: dict[str, Any]) -> None:
    """Writes the content, of a new draft or of one that there is. Raises NotFound for one that has been posted."""
    row = {"id": draft_id, "workspace_id": workspace_id, "content": content}
    now = clock.now()
    statement = insert(Draft).values(row | {"created_at": now, "updated_at": now})
    saved = await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Draft.id],
            set_={"content": content, "updated_at": now},
            where=(Draft.workspace_id == workspace_id) & Draft.post_id.is_(None),
        ).returning(Draft.id)
    )
    if saved.first() is None:
        raise NotFound("draft", draft_id)


async def new_draft(session: AsyncSession, workspace_id: UUID, content: dict[str, Any]) -> Draft:
    draft = Draft(workspace_id=workspace_id, content=content)
    session.add(draft)
    await session.flush()
    return draft


async def get_draft(session: AsyncSession, workspace_id: UUID, draft_id: str, lock: bool = False) -> Draft:
    """Raises NotFound."""
    query = select(Draft).where(Draft.workspace_id == workspace_id, Draft.id == parse_id(draft_id))
    draft = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if draft is None:
        raise NotFound("draft", draft_id)
    return draft


async def list_drafts(session: AsyncSession, workspace_id: UUID, offset: int, limit: int) -> tuple[list[Draft], int]:
    """Those that have not been posted, the newest first, and how many there are in all."""
    query = select(Draft).where(Draft.workspace_id == workspace_id, Draft.post_id.is_(None))
    return await page_of(session, query.order_by(Draft.id.desc()), offset, limit)
