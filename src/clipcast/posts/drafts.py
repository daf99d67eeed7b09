"""Drafts: unsent posts of the compose page, saved during typing and converted to the body of POST /posts.

A draft's content is plain JSON that only the compose page writes (see `EMPTY`). Only this module interprets it, so
that the page, its preview and the post agree.
"""

import json
from collections.abc import Collection, Mapping
from copy import deepcopy
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any
from uuid import UUID

from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy import ColumnElement, Select, String, case, func, literal_column, select, true, update
from sqlalchemy.dialects.postgresql import array, insert
from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.problems import NotFound
from clipcast.common.timestamps import format_timestamp
from clipcast.database.limits import SEES_ALL, limit_of, saver_of
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft, Item
from clipcast.platforms.metadata import Metadata
from clipcast.platforms.registry import PLATFORMS

# The edits of a post, one after another, that are followed to the newest one.
EDITS_MAX = 20
# The saves of other pages that a draft remembers.
SAVES_MAX = 20
# The id of the post that a draft's post replaces. The key is no parameter, so that every plan can use the index.
replaced: ColumnElement[str] = Draft.content.op("->>", return_type=String())(literal_column("'replaces'"))


class DraftUnreadable(ValueError):
    """The stored content of a draft does not have the shape of this version."""


class DraftConflict(Exception):
    """The draft was posted, deleted, or saved by another page, after this page read it. Nothing was saved.

    `stored` is None if it was deleted.
    """

    def __init__(self, stored: Draft | None) -> None:
        super().__init__(str(stored.id) if stored else "deleted")
        self.stored = stored


@dataclass(frozen=True)
class Edit:
    """The origin of a save: the version that the page read, the id of the opened page, and its author.

    Version 0 is that of a draft that was not stored yet.
    """

    version: int
    page: str
    author: str
    author_id: UUID | None = None


class Content(BaseModel):
    """The shape of a draft's content."""

    model_config = ConfigDict(extra="forbid", strict=True)

    # `editId`s and `connectionId`s in the order of their selection.
    clips: list[str] = []
    accounts: list[str] = []
    # Pairs of the two that are not posted.
    left_out: list[list[str]] = []
    # The common texts of all accounts, which the more specific fields below override.
    title: str = ""
    text: str = ""
    # By `editId`: the title and the text of one clip.
    by_clip: dict[str, dict[str, str]] = {}
    # Metadata by platform, by `connectionId`, and by both ids of a target (see `cell`).
    by_platform: dict[str, dict[str, Any]] = {}
    by_account: dict[str, dict[str, Any]] = {}
    by_cell: dict[str, dict[str, Any]] = {}
    # Accounts and targets whose metadata differs in fields that are not specific to an account.
    own: list[str] = []
    # False publishes now; True at `scheduled_at`.
    later: bool = False
    # Whether Clipcast chooses: the next free posting times if all accounts have some, else now.
    auto_when: bool = False
    # The typed local time and its zone, and their instant; None while the time is incomplete or invalid.
    at: str = ""
    zone: str | None = None
    scheduled_at: str | None = None
    # True selects the second of two equal local times, where clocks go back.
    second: bool = False
    # What begins at that time (posts/planning.py): "" one post, "spread" a post for each clip, "repeat" a post again
    # and again. "next": posts at the next free posting times, whatever `at` is. `every` and `unit` are the distance of
    # two posts, `times` is the number of repeated ones.
    plan: str = ""
    every: int = 1
    unit: str = "days"
    times: int = 4
    # The scheduled post that this draft replaces.
    replaces: str | None = None
    # The version of that post when it was read; None in drafts of older versions of Clipcast.
    replaces_version: int | None = None


EMPTY: dict[str, Any] = Content().model_dump()
# The longest title that is taken from other words, in UTF-16 units.
TITLE_MOST = 100


def read(stored: Any) -> dict[str, Any]:
    """Return the content of a stored draft, with defaults for newer fields. Raise DraftUnreadable if it is invalid."""
    try:
        return Content.model_validate(stored).model_dump()
    except ValidationError as error:
        raise DraftUnreadable(str(error)) from None


def cell(clip: str, account: str) -> str:
    """Return the key of a target in a draft's content."""
    return f"{clip}/{account}"


def targets(content: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the targets of a draft as pairs of clip and account, ordered by clip."""
    left_out = {tuple(pair) for pair in content["left_out"]}
    return [
        (clip, account)
        for clip in content["clips"]
        for account in content["accounts"]
        if (clip, account) not in left_out
    ]


def metadata(content: dict[str, Any], clip: str, account: Connection, name: str = "") -> dict[str, Any]:
    """Return the metadata of one target.

    The most specific value wins: the target's, then the account's, the platform's, the clip's, and the common one. If
    the platform requires a title and there is none, it is the first line of the text, or the clip's `name`.
    """
    model = PLATFORMS[account.platform].metadata
    details: dict[str, Any] = {}
    for texts in (content, content["by_clip"].get(clip, {})):
        for source, field in (("title", model.title_field), ("text", model.text_field)):
            if field and texts.get(source):
                details[field] = texts[source]
    details |= content["by_platform"].get(account.platform, {})
    details |= content["by_account"].get(str(account.id), {})
    details |= content["by_cell"].get(cell(clip, str(account.id)), {})
    if needs_title(account.platform) and model.title_field and not str(details.get(model.title_field) or "").strip():
        text = str(details.get(model.text_field) or "").strip()
        if title := _title_from(text.partition("\n")[0], name):
            details[model.title_field] = title
    return details


def needs_title(platform: str) -> bool:
    """Return whether a platform requires a title."""
    model = PLATFORMS[platform].metadata
    return bool(model.title_field) and model.model_fields[model.title_field].is_required()


def _title_from(*texts: str) -> str:
    """Return the first of these texts that is not blank, as a title that every platform takes."""
    for text in texts:
        if plain := " ".join(text.replace("<", " ").replace(">", " ").split()):
            # Some platforms count an emoji as two characters.
            units = plain.encode("utf-16-le")[: 2 * TITLE_MOST]
            cut = units.decode("utf-16-le", "ignore")
            return cut if cut == plain else cut.rpartition(" ")[0] or cut
    return ""


def body(
    content: dict[str, Any], accounts: dict[str, Connection], names: Mapping[str, str] | None = None
) -> dict[str, Any]:
    """Return the body of POST /posts.

    `accounts` holds the existing connections by `connectionId`, and `names` those of clips by `editId`.
    """
    videos: dict[str, list[dict[str, Any]]] = {}
    for clip, account in targets(content):
        if account in accounts:
            details = metadata(content, clip, accounts[account], (names or {}).get(clip, ""))
            target = {"connectionId": account, "metadata": {accounts[account].platform: details}}
            videos.setdefault(clip, []).append(target)
    made: dict[str, Any] = {"videos": [{"editId": clip, "targets": found} for clip, found in videos.items()]}
    # Send "" for an unset time so that validation fails; null would publish now.
    has_time = content["later"] and content["plan"] != "next"
    return made | ({"scheduled_at": content["scheduled_at"] or ""} if has_time else {})


def draft_of_post(items: list[Item], scheduled_at: datetime | None) -> dict[str, Any]:
    """Return the content that would post these items again with the same metadata.

    Values that all items of an account share are stored for the account, the others for the target. Texts that all
    accounts of a clip, or all clips, share are stored once, so that they can be changed in one place.
    """
    content = deepcopy(EMPTY) | {"scheduled_at": format_timestamp(scheduled_at), "later": scheduled_at is not None}
    details_of = {(str(item.edit_id), str(item.connection_id)): dict(item.details) for item in items}
    platform_of = {str(item.connection_id): item.platform for item in items}
    content["clips"] = list(dict.fromkeys(clip for clip, _ in details_of))
    content["accounts"] = list(platform_of)
    content["left_out"] = [
        [clip, account]
        for clip in content["clips"]
        for account in content["accounts"]
        if (clip, account) not in details_of
    ]
    for source in ("title", "text"):
        _share(content, details_of, platform_of, source)
    for account in content["accounts"]:
        of_account = {clip: details for (clip, one), details in details_of.items() if one == account}
        first, *others = of_account.values()
        common = {name: value for name, value in first.items() if all(_has(one, name, value) for one in others)}
        if common:
            content["by_account"][account] = common
        for clip, details in of_account.items():
            if own := {name: value for name, value in details.items() if name not in common}:
                content["by_cell"][cell(clip, account)] = own
    offered = {account: PLATFORMS[platform].metadata.offered_fields for account, platform in platform_of.items()}
    differing = [account for account, common in content["by_account"].items() if set(common) - set(offered[account])]
    content["own"] = [*differing, *content["by_cell"]]
    return content


def _has(details: dict[str, Any], name: str, value: Any) -> bool:
    return name in details and details[name] == value


def _share(
    content: dict[str, Any], details_of: dict[tuple[str, str], dict[str, Any]], platform_of: dict[str, str], source: str
) -> None:
    """Move the title, or the text, from the targets to their clip, or to all clips.

    A clip's text moves only if all of its targets that support the field share it. Other targets would otherwise get a
    text that they did not have.
    """
    shared: dict[str, str | None] = {}
    for clip in content["clips"]:
        targets = [
            (details, field)
            for (one, account), details in details_of.items()
            if one == clip and (field := _field(platform_of[account], source))
        ]
        values = {json.dumps(details.get(field)) for details, field in targets}
        value = targets[0][0].get(targets[0][1]) if len(values) == 1 else None
        # The page shows a title as one line.
        is_shared = isinstance(value, str) and value and not (source == "title" and "\n" in value)
        if targets:
            shared[clip] = value if is_shared else None
        for details, field in targets if is_shared else []:
            del details[field]
    if len(set(shared.values())) == 1 and (only := next(iter(shared.values()))):
        content[source] = only
        return
    for clip, value in shared.items():
        if value:
            content["by_clip"].setdefault(clip, {})[source] = value


def _field(platform: str, source: str) -> str | None:
    """Return the platform's metadata field for a title or a text; None if it has none."""
    model: type[Metadata] = PLATFORMS[platform].metadata
    return model.title_field if source == "title" else model.text_field


async def save_draft(
    session: AsyncSession, workspace_id: UUID, draft_id: UUID, content: dict[str, Any], edit: Edit | None = None
) -> int:
    """Save the content of a new or existing draft; return the draft's version.

    Without `edit`, the content replaces any stored version. Saves of the same page never conflict: the response to one
    may be lost, or arrive after the next was sent.

    Raise NotFound for a draft of another workspace, and for one that the session does not see. Raise DraftConflict if
    the draft has been posted, or if another page has saved or deleted it after this page read it.
    """
    exists = select(Draft.id).where(Draft.id == draft_id).execution_options(**SEES_ALL)
    if limit_of(session) and await session.scalar(exists):
        await get_draft(session, workspace_id, str(draft_id))
    now = clock.now()
    author: dict[str, Any] = {"saved_by": edit.author if edit else "", "saved_from": edit.page if edit else ""}
    author |= {"saved_by_id": saver_of(session), "author_id": edit.author_id if edit else None}
    row = {"id": draft_id, "workspace_id": workspace_id, "content": content, "updated_at": now} | author
    unchanged = (Draft.version == edit.version) | (Draft.saved_from == edit.page) if edit else true()
    changes = {"content": content, "updated_at": now, "version": Draft.version + 1} | author
    if edit:
        # One for each page, as long as no other saves in between: the last is what counts.
        others = case((Draft.saved_from == edit.page, Draft.saves[2:SAVES_MAX]), else_=Draft.saves[1 : SAVES_MAX - 1])
        mark = _mark_of_save(edit.page, content)
        row, changes = row | {"saves": [mark]}, changes | {"saves": func.array_cat(array([mark]), others)}
    is_mine = (Draft.workspace_id == workspace_id) & Draft.post_id.is_(None) & unchanged
    if edit and edit.version:
        # Only a new draft is inserted: an open page does not bring back one that was deleted.
        update_only = update(Draft).where(Draft.id == draft_id, is_mine).values(changes).returning(Draft.version)
        saved = await session.execute(update_only, execution_options={"synchronize_session": False})
    else:
        statement = insert(Draft).values(row | {"created_at": now})
        upsert = statement.on_conflict_do_update(index_elements=[Draft.id], set_=changes, where=is_mine)
        saved = await session.execute(upsert.returning(Draft.version))
    if (version := saved.scalar_one_or_none()) is not None:
        return version
    if not await session.scalar(exists):
        raise DraftConflict(None)
    stored = await get_draft(session, workspace_id, str(draft_id))
    session.expunge(stored)  # callers read it after the rollback
    raise DraftConflict(stored)


def has_saved(draft: Draft, page: str, content: dict[str, Any]) -> bool:
    """Return whether this content is the last that the page saved, whoever has saved the draft since."""
    last = next((mark for mark in draft.saves if mark.startswith(f"{page} ")), None)
    return last == _mark_of_save(page, content)


def _mark_of_save(page: str, content: dict[str, Any]) -> str:
    return f"{page} {sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]}"


async def successor_of(session: AsyncSession, workspace_id: UUID, post_id: str) -> Draft | None:
    """Return the sent draft whose post replaced this post."""
    query = select(Draft).where(Draft.workspace_id == workspace_id, Draft.post_id.is_not(None), replaced == post_id)
    return (await session.scalars(query.order_by(Draft.id.desc()).limit(1))).first()


async def last_sent(session: AsyncSession, workspace_id: UUID, author_id: UUID) -> dict[str, Any] | None:
    """Return the content of the newest draft that this person sent; None without one, or if it cannot be read."""
    query = (
        select(Draft.content)
        .where(Draft.workspace_id == workspace_id, Draft.post_id.is_not(None), Draft.author_id == author_id)
        .order_by(Draft.id.desc())
        .limit(1)
    )
    stored = (await session.execute(query)).scalar_one_or_none()
    try:
        return read(stored) if stored else None
    except DraftUnreadable:
        return None


async def new_draft(session: AsyncSession, workspace_id: UUID, content: dict[str, Any]) -> Draft:
    draft = Draft(workspace_id=workspace_id, content=content, saved_by_id=saver_of(session))
    session.add(draft)
    await session.flush()
    return draft


async def get_draft(session: AsyncSession, workspace_id: UUID, draft_id: str, lock: bool = False) -> Draft:
    """Return the draft. Raise NotFound if the workspace has no such draft."""
    query = select(Draft).where(Draft.workspace_id == workspace_id, Draft.id == parse_id(draft_id))
    draft = (await session.execute(query.with_for_update() if lock else query)).scalar_one_or_none()
    if draft is None:
        raise NotFound("draft", draft_id)
    return draft


async def replacements(session: AsyncSession, workspace_id: UUID, post_ids: Collection[UUID]) -> dict[UUID, UUID]:
    """Return the posts that replaced these by an edit, also by several edits one after another."""
    found, now = dict[UUID, UUID](), {id: id for id in post_ids}
    for _ in range(EDITS_MAX):
        if not now:
            break
        query = select(replaced, Draft.post_id).where(Draft.workspace_id == workspace_id, Draft.post_id.is_not(None))
        rows = await session.execute(query.where(replaced.in_([str(id) for id in now])))
        edited = {id: new for text, new in rows if new and (id := parse_id(text)) and new != id}
        found |= {now[id]: new for id, new in edited.items()}
        now = {new: now[id] for id, new in edited.items()}
    return found


def unsent(workspace_id: UUID) -> Select[Draft]:
    """Return the query of a workspace's drafts that were not sent."""
    return select(Draft).where(Draft.workspace_id == workspace_id, Draft.post_id.is_(None))


async def number_of_unsent(session: AsyncSession, workspace_id: UUID) -> int:
    """Return the number of a workspace's drafts that were not sent."""
    return await session.scalar(select(func.count()).select_from(unsent(workspace_id).subquery())) or 0
