"""Two people who edit the same draft, or the same scheduled post: what differs, in words, so that one can choose."""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.ext.asyncio import AsyncSession

from clipcast.clock import clock
from clipcast.database.models.posts import Draft, Post
from clipcast.platforms.registry import PLATFORMS
from clipcast.posts import drafts, repository
from clipcast.posts.status import post_status
from clipcast.web.forms import label_of
from clipcast.web.viewers import Member

# Parts of a draft that say the same thing in another way, or nothing to a person.
SILENT = ("zone", "at", "second", "own", "replaces", "replaces_version")


@dataclass(frozen=True)
class Difference:
    """One thing that is said differently."""

    label: str
    theirs: str
    mine: str


@dataclass(frozen=True)
class Names:
    """What clips and accounts are called, by the ids that drafts use."""

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
    "saved": "Somebody else edits this draft",
    "sent": "This draft was sent",
    "changed": "The post was changed",
    "replaced": "The post was edited by somebody else",
    "begun": "The post is not waiting any more",
    "gone": "The post was deleted",
}


@dataclass(frozen=True)
class Conflict:
    """Another text than the one on the page. `kind`, one of TITLES, says what happened to it."""

    kind: str
    author: str
    at: datetime
    content: dict[str, Any]
    # Of the draft (`saved`), or of the post (`changed`, `replaced`).
    version: int = 0
    post_id: str | None = None

    @property
    def title(self) -> str:
        return TITLES[self.kind]


def of_draft(stored: Draft) -> Conflict:
    """Somebody saved, or sent, the draft from another page."""
    kind = "sent" if stored.post_id else "saved"
    post_id = str(stored.post_id) if stored.post_id else None
    return Conflict(kind, stored.saved_by, stored.updated_at, _read(stored.content), stored.version, post_id)


async def of_replaced(session: AsyncSession, member: Member, content: dict[str, Any]) -> Conflict | None:
    """Whether the scheduled post that a draft is to replace is another by now, has begun, or is gone."""
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
    there = await repository.get_post(session, mine, str(successor.post_id))
    kind, version = ("replaced", there.version) if there and await _is_pending(session, there) else ("begun", 0)
    theirs = _read(successor.content)
    return Conflict(kind, successor.saved_by, successor.updated_at, theirs, version, str(successor.post_id))


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
    """Every part in which the two contents differ. `when` says in words when a content is to be posted."""
    said = [dict(_parts(content, names, when)) for content in (theirs, mine)]
    labels = dict.fromkeys([*said[0], *said[1]])
    pairs = ((label, *(one.get(label, "") for one in said)) for label in labels)
    return [Difference(label, one, other) for label, one, other in pairs if one != other]


def _parts(content: dict[str, Any], names: Names, when: Callable[[dict[str, Any]], str]) -> Iterator[tuple[str, str]]:
    yield "Title", content["title"]
    yield "Text", content["text"]
    yield "Clips", ", ".join(map(names.clip, content["clips"]))
    yield "Accounts", ", ".join(map(names.account, content["accounts"]))
    yield "Left out", ", ".join(sorted(names.cell("/".join(pair)) for pair in content["left_out"]))
    yield "When", when(content)
    for clip, words in content["by_clip"].items():
        for name, value in words.items():
            yield f"{names.clip(clip)}: {label_of(name).lower()}", value
    for platform, said in content["by_platform"].items():
        title = PLATFORMS[platform].title if platform in PLATFORMS else platform
        for name, value in said.items():
            yield f"{title}: {label_of(name).lower()}", _shown(value)
    for key, naming in (("by_account", names.account), ("by_cell", names.cell)):
        for id, said in content[key].items():
            for name, value in said.items():
                yield f"{naming(id)}: {label_of(name).lower()}", _shown(value)


def _shown(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def differs(theirs: dict[str, Any], mine: dict[str, Any]) -> bool:
    """Whether anything that would be posted differs."""
    return any(theirs[name] != mine[name] for name in theirs if name not in SILENT)


def replaces_fields(typed_id: str, typed_version: str) -> dict[str, Any]:
    """The post that a draft is to replace, and its version, as a form names them."""
    return {"replaces": typed_id[:40] or None, "replaces_version": version_in(typed_version) if typed_id else None}


def version_in(typed: str) -> int | None:
    """The version that a form names; None when it names none."""
    return int(typed) if typed.isdecimal() and len(typed) < 10 else None


def _read(stored: Any) -> dict[str, Any]:
    """A stored content; what this version cannot read shows as nothing, and stays as it is."""
    try:
        return drafts.read(stored)
    except drafts.DraftUnreadable:
        return drafts.EMPTY
