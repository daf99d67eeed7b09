"""Drafts: what somebody is composing, kept as it is typed, and turned into the body of POST /posts.

A draft's content is plain JSON that the compose page alone writes; see `EMPTY`. What it means is said here, so that
the page, its preview and the post that comes of it cannot differ.
"""

import json
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import select, true
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import NotFound
from clipcast.common.timestamps import format_timestamp
from clipcast.database import page_of
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft, Item
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.registry import PLATFORMS


class DraftUnreadable(ValueError):
    """The stored content of a draft does not have the shape that this version knows."""


class DraftConflict(Exception):
    """The draft was posted, or saved from another page, since a page read it. Nothing was written."""

    def __init__(self, stored: Draft) -> None:
        super().__init__(str(stored.id))
        self.stored = stored


@dataclass(frozen=True)
class Edit:
    """What a page says of itself when it saves: which version it read, which opened page it is, and whose."""

    version: int
    page: str
    author: str


class Content(BaseModel):
    """The shape of a draft's content."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # `editId`s and `connectionId`s, in the order in which they were chosen.
    clips: list[str] = []
    accounts: list[str] = []
    # Pairs of the two that are not to be posted.
    left_out: list[list[str]] = []
    # What every account gets, unless something more particular is said.
    title: str = ""
    text: str = ""
    # By `editId`: the title and the text of one clip.
    by_clip: dict[str, dict[str, str]] = {}
    # By platform, by `connectionId`, and by both ids of a target (see `cell`): metadata, as far as it is said.
    by_platform: dict[str, dict[str, Any]] = {}
    by_account: dict[str, dict[str, Any]] = {}
    by_cell: dict[str, dict[str, Any]] = {}
    # Accounts, and targets, for which more differs than what only an account can say.
    own: list[str] = []
    # Now, or at a time.
    later: bool = False
    # The local time and the name of its zone as they were typed; the instant that they mean, None while they mean none.
    at: str = ""
    zone: str | None = None
    scheduled_at: str | None = None
    # The second of two equal local times is meant, where clocks go back.
    second: bool = False
    # A scheduled post that this is to take the place of.
    replaces: str | None = None
    # That post's version when it was read; None in drafts of older versions of Clipcast.
    replaces_version: int | None = None


EMPTY: dict[str, Any] = Content().model_dump()


def read(stored: Any) -> dict[str, Any]:
    """Return the content of a stored draft, with what older versions did not have. Raises DraftUnreadable."""
    try:
        return Content.model_validate(stored).model_dump()
    except ValidationError as error:
        raise DraftUnreadable(str(error)) from None


def cell(clip: str, account: str) -> str:
    """The name of a target in a draft's content."""
    return f"{clip}/{account}"


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
    """What is said about one target.

    The target's own words win over the account's, these over the platform's, these over the clip's, and these over
    those for all.
    """
    model = PLATFORMS[account.platform].metadata
    said: dict[str, Any] = {}
    for words in (content, content["by_clip"].get(clip, {})):
        for source, field in (("title", model.title_field), ("text", model.text_field)):
            if field and words.get(source):
                said[field] = words[source]
    said |= content["by_platform"].get(account.platform, {})
    said |= content["by_account"].get(str(account.id), {})
    return said | dict(content["by_cell"].get(cell(clip, str(account.id)), {}))


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
    """Content that would post these items again, each exactly as it was said.

    What all items of an account say alike is kept for the account, the rest for the target. Texts that all accounts of
    a clip share, or all clips, are kept as such, so that they can be changed in one place.
    """
    content = deepcopy(EMPTY) | {"scheduled_at": format_timestamp(scheduled_at), "later": scheduled_at is not None}
    said = {(str(item.edit_id), str(item.connection_id)): dict(item.details) for item in items}
    platform_of = {str(item.connection_id): item.platform for item in items}
    content["clips"] = list(dict.fromkeys(clip for clip, _ in said))
    content["accounts"] = list(platform_of)
    content["left_out"] = [
        [clip, account] for clip in content["clips"] for account in content["accounts"] if (clip, account) not in said
    ]
    for source in ("title", "text"):
        _share(content, said, platform_of, source)
    for account in content["accounts"]:
        of_account = {clip: details for (clip, one), details in said.items() if one == account}
        first, *others = of_account.values()
        common = {name: value for name, value in first.items() if all(_says(one, name, value) for one in others)}
        if common:
            content["by_account"][account] = common
        for clip, details in of_account.items():
            if own := {name: value for name, value in details.items() if name not in common}:
                content["by_cell"][cell(clip, account)] = own
    offered = {account: PLATFORMS[platform].metadata.offered_fields for account, platform in platform_of.items()}
    differing = [account for account, common in content["by_account"].items() if set(common) - set(offered[account])]
    content["own"] = [*differing, *content["by_cell"]]
    return content


def _says(details: dict[str, Any], name: str, value: Any) -> bool:
    return name in details and details[name] == value


def _share(
    content: dict[str, Any], said: dict[tuple[str, str], dict[str, Any]], platform_of: dict[str, str], source: str
) -> None:
    """Move the title, or the text, from what targets say to what their clip shares, or all clips.

    Only where each target of the clip that could say one says the same: others would get what they did not say.
    """
    shared: dict[str, str | None] = {}
    for clip in content["clips"]:
        targets = [
            (details, field)
            for (one, account), details in said.items()
            if one == clip and (field := _field(platform_of[account], source))
        ]
        values = {json.dumps(details.get(field)) for details, field in targets}
        value = targets[0][0].get(targets[0][1]) if len(values) == 1 else None
        # A title is one line on the page.
        shared_here = isinstance(value, str) and value and not (source == "title" and "\n" in value)
        if targets:
            shared[clip] = value if shared_here else None
        for details, field in targets if shared_here else []:
            del details[field]
    if len(set(shared.values())) == 1 and (only := next(iter(shared.values()))):
        content[source] = only
        return
    for clip, value in shared.items():
        if value:
            content["by_clip"].setdefault(clip, {})[source] = value


def _field(platform: str, source: str) -> str | None:
    """The platform's own name of what people call a title, or a text."""
    model: type[Metadata] = PLATFORMS[platform].metadata
    return model.title_field if source == "title" else model.text_field


async def save_draft(
    session: AsyncSession, workspace_id: UUID, draft_id: UUID, content: dict[str, Any], edit: Edit | None = None
) -> int:
    """Write the content, of a new draft or of one that there is; return the draft's version.

    Without `edit` it is written whatever is stored. A page's own saves never conflict with each other: the response to
    one may be lost, or come after the next was sent.

    Raises NotFound for a draft of another workspace, and DraftConflict for one that has been posted, or that another
    page has saved since this one read it.
    """
    now = clock.now()
    author = {"saved_by": edit.author, "saved_from": edit.page} if edit else {"saved_by": "", "saved_from": ""}
    row = {"id": draft_id, "workspace_id": workspace_id, "content": content, "updated_at": now} | author
    unchanged = (Draft.version == edit.version) | (Draft.saved_from == edit.page) if edit else true()
    statement = insert(Draft).values(row | {"created_at": now})
    saved = await session.execute(
        statement.on_conflict_do_update(
            index_elements=[Draft.id],
            set_={"content": content, "updated_at": now, "version": Draft.version + 1} | author,
            where=(Draft.workspace_id == workspace_id) & Draft.post_id.is_(None) & unchanged,
        ).returning(Draft.version)
    )
    if (version := saved.scalar_one_or_none()) is not None:
        return version
    stored = await get_draft(session, workspace_id, str(draft_id))
    session.expunge(stored)  # it is read after the transaction was rolled back
    raise DraftConflict(stored)


async def successor_of(session: AsyncSession, workspace_id: UUID, post_id: str) -> Draft | None:
    """The sent draft whose post took the place of this post."""
    query = select(Draft).where(
        Draft.workspace_id == workspace_id, Draft.post_id.is_not(None), Draft.content["replaces"].astext == post_id
    )
    return (await session.scalars(query.order_by(Draft.id.desc()).limit(1))).first()


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
