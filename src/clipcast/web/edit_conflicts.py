"""Conflicts of two people who edit the same draft or scheduled post: the differences in words, for a choice."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database.models.posts import Draft, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts, repository
from clipcast.posts.status import post_status
from clipcast.web.forms import fields_of, label_of
from clipcast.web.viewers import Member

# Parts of a draft that repeat other parts, or mean nothing to a person.
SILENT = ("zone", "at", "second", "auto_when", "own", "replaces", "replaces_version")


@dataclass(frozen=True)
class Difference:
    """A part of a draft that differs, in both versions."""

    label: str
    theirs: str
    mine: str


@dataclass(frozen=True)
class Names:
    """The names of clips and accounts, by the ids that drafts use."""

    clips: Mapping[str, str] = field(default_factory=dict)
    accounts: Mapping[str, str] = field(default_factory=dict)

    def clip(self, id: str) -> str:
        return self.clips.get(id, "a deleted clip")

    def account(self, id: str) -> str:
        return self.accounts.get(id, "a removed account")

    def cell(self, pair: str) -> str:
        clip, _, account = pair.partition("/")
        return f"{self.clip(clip)} to {self.account(account)}"


TITLES = {
    "saved": "Another person edits this draft",
    "sent": "This draft was sent",
    "deleted": "This draft was deleted",
    "changed": "The post was changed",
    "replaced": "Another person edited the post",
    # By the viewer, in another tab or on another device.
    "saved by you": "You changed this draft in another tab",
    "replaced by you": "You edited the post in another tab",
    "begun": "Publishing of the post has begun",
    "gone": "The post was removed",
}


@dataclass(frozen=True)
class Conflict:
    """Another version of the draft on the page. `kind` is one of TITLES."""

    kind: str
    author: str
    at: datetime
    content: dict[str, Any]
    # The version of the draft (`saved`) or of the post (`changed`, `replaced`).
    version: int = 0
    post_id: str | None = None
    # Whether the viewer made it.
    is_own: bool = False
    # Whether the page holds words that were not saved because of it.
    has_unsaved: bool = True

    @property
    def title(self) -> str:
        """The heading of the conflict."""
        return TITLES.get(f"{self.kind} by you" if self.is_own else "", TITLES[self.kind])


def of_deleted(mine: dict[str, Any]) -> Conflict:
    """Return the conflict of this content with the deletion of its draft."""
    return Conflict("deleted", "", clock.now(), mine)


def of_draft(stored: Draft, viewer: UUID | None = None) -> Conflict:
    """Return the conflict with a draft that was saved or sent from another page, also of this viewer."""
    kind = "sent" if stored.post_id else "saved"
    post_id = str(stored.post_id) if stored.post_id else None
    return Conflict(
        kind,
        stored.saved_by,
        stored.updated_at,
        _read(stored.content),
        stored.version,
        post_id,
        _is_by(stored, viewer),
    )


def _is_by(stored: Draft, viewer: UUID | None) -> bool:
    """Return whether this person saved a draft last. Others may have the same name."""
    return stored.author_id is not None and stored.author_id == viewer


async def of_replaced(session: AsyncSession, member: Member, content: dict[str, Any]) -> Conflict | None:
    """Return the conflict with the post that a draft replaces: it changed, has begun or is gone; None without one."""
    post_id = content["replaces"]
    if not post_id:
        return None
    mine = member.workspace.id
    post = await repository.get_post(session, mine, post_id)
    if post is not None:
        return await _of_post(session, post, content["replaces_version"])
    successor = await drafts.successor_of(session, mine, post_id)
    if successor is None:
        return Conflict("gone", "", clock.now(), content)
    newer = await repository.get_post(session, mine, str(successor.post_id))
    kind, version = ("replaced", newer.version) if newer and await _is_pending(session, newer) else ("begun", 0)
    theirs = _read(successor.content)
    return Conflict(
        kind,
        successor.saved_by,
        successor.updated_at,
        theirs,
        version,
        str(successor.post_id),
        _is_by(successor, member.user.id),
    )


async def _of_post(session: AsyncSession, post: Post, version: int | None) -> Conflict | None:
    items = await repository.get_items(session, post.id)
    pending = post_status(item.status for item in items) == "pending"
    if pending and version in (None, post.version):
        return None
    theirs = drafts.draft_of_post(items, post.scheduled_at)
    return Conflict("changed" if pending else "begun", "", post.updated_at, theirs, post.version, str(post.id))


async def _is_pending(session: AsyncSession, post: Post) -> bool:
    return post_status(item.status for item in await repository.get_items(session, post.id)) == "pending"


def differences(
    theirs: dict[str, Any], mine: dict[str, Any], names: Names, when: Callable[[dict[str, Any]], str]
) -> list[Difference]:
    """Return every part in which the two contents differ. `when` returns the time of a content in words."""
    parts = [dict(_parts(content, names, when)) for content in (theirs, mine)]
    labels = dict.fromkeys([*parts[0], *parts[1]])
    pairs = ((label, *(one.get(label, "") for one in parts)) for label in labels)
    return [Difference(label, one, other) for label, one, other in pairs if one != other]


def _parts(content: dict[str, Any], names: Names, when: Callable[[dict[str, Any]], str]) -> Iterator[tuple[str, str]]:
    yield "Title", content["title"]
    yield "Caption", content["text"]
    yield "Clips", ", ".join(map(names.clip, content["clips"]))
    yield "Accounts", ", ".join(map(names.account, content["accounts"]))
    yield "Left out", ", ".join(sorted(names.cell("/".join(pair)) for pair in content["left_out"]))
    yield "When", when(content)
    for clip, words in content["by_clip"].items():
        for name, value in words.items():
            yield f"{names.clip(clip)}: {label_of(name).lower()}", value
    for platform, fields in content["by_platform"].items():
        title = PLATFORMS[platform].title if platform in PLATFORMS else platform
        for name, value in fields.items():
            yield f"{title}: {label_of(name).lower()}", _shown(name, value)
    for key, naming in (("by_account", names.account), ("by_cell", names.cell)):
        for id, fields in content[key].items():
            for name, value in fields.items():
                yield f"{naming(id)}: {label_of(name).lower()}", _shown(name, value)


def _shown(name: str, value: Any) -> str:
    fields = (one for platform in PLATFORMS.values() for one in fields_of(platform.metadata))
    choice = next((one for one in fields if one.name == name and value in one.choices), None)
    if choice:
        return choice.title_of(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def differs(theirs: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Return whether the two contents would make different posts."""
    return any(theirs[name] != mine[name] for name in theirs if name not in SILENT)


def replaces_fields(typed_id: str, typed_version: str) -> dict[str, Any]:
    """Return the fields of a draft for the post that it replaces, from the form's id and version."""
    return {"replaces": typed_id[:40] or None, "replaces_version": version_in(typed_version) if typed_id else None}


def version_in(typed: str) -> int | None:
    """Return the version in a form's field; None if the field holds none."""
    return int(typed) if typed.isdecimal() and len(typed) < 10 else None


def _read(stored: Any) -> dict[str, Any]:
    """Return a stored content; an empty one if this version of Clipcast cannot read it. Change nothing."""
    try:
        return drafts.read(stored)
    except drafts.DraftUnreadable:
        return drafts.EMPTY
