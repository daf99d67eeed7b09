"""The guard against doubles: the same bytes and words, twice to one account within CLIPCAST_DUPLICATE_WINDOW.

Failed items do not count, unless their video may be live. Scheduled ones count at their time.
"""

import hashlib
import json
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from pydantic_core import to_json

from clipcast.common.problems import AppError, Problem
from clipcast.common.settings import Settings
from clipcast.common.timestamps import format_timestamp
from clipcast.database.hot_queries import Executor, Statement
from clipcast.platforms.metadata import Metadata

DUPLICATE = "duplicate_content"
# What a workspace does about doubles.
WARN, REFUSE = "warn", "refuse"

# Holds the workspace until the transaction ends, so that of two equal requests at once the later one finds the first.
LOCK = Statement("SELECT duplicates FROM workspaces WHERE id = :workspace_id FOR NO KEY UPDATE")

# Of each wanted item, the latest double. An index gives the few items in the time.
FIND = Statement(
    """
    SELECT wanted.position, earlier.post_id, earlier.item_id, earlier.at, earlier.status, connections.platform,
           connections.username
    FROM jsonb_to_recordset(CAST(:wanted AS jsonb)) AS wanted(
        position int, connection_id uuid, fingerprint bigint, since timestamptz, until timestamptz)
    CROSS JOIN LATERAL (
        SELECT items.post_id, items.id AS item_id, items.goes_at AS at, items.status FROM items
        WHERE items.connection_id = wanted.connection_id AND items.fingerprint = wanted.fingerprint
          AND items.goes_at > wanted.since AND items.goes_at < wanted.until
          AND (items.status <> 'failed' OR items.error ->> 'class' = 'outcome_unknown')
          AND items.post_id IS DISTINCT FROM CAST(:without AS uuid)
        ORDER BY items.goes_at DESC LIMIT 1
    ) AS earlier
    JOIN connections ON connections.id = wanted.connection_id
    ORDER BY wanted.position
    """,
    sees_all=True,
)
# Of the posts of doubles, those that the asker sees.
SEEN = Statement("SELECT id FROM posts WHERE id = ANY(:ids)")


@dataclass(frozen=True)
class Sent:
    """An item as far as its doubles matter. `path` is that of its target in the request, "" if it names none.

    Without a fingerprint, nobody knows whether the item is a double: its file has no checksum.
    """

    path: str
    connection_id: UUID
    fingerprint: int | None


@dataclass(frozen=True)
class Scope:
    """Where doubles are searched: around the time of the items, in other posts than `without`."""

    workspace_id: UUID
    at: datetime
    settings: Settings
    without: UUID | None = None


class DuplicateContent(AppError):
    """409 with the problem of each double."""

    def __init__(self, problems: list[Problem]) -> None:
        detail = f"{problems[0].message} Change the words, or send allow_duplicate=true. Nothing was changed."
        super().__init__(409, DUPLICATE, detail, errors=problems)


def fingerprint_of(content: str, metadata: Metadata) -> int:
    """Return a number of 64 bits for the bytes, the words and the place on the account, such as Reels or a board.

    `content` names the bytes. Spaces, and how Unicode composes characters, make no difference.
    """
    model = type(metadata)
    names = (model.title_field, model.text_field, *model.place_fields)
    values = [getattr(metadata, _attributes(model)[name], None) if name else None for name in names]
    parts = [content, *(_plain(value) for value in values)]
    digest = hashlib.sha256(json.dumps(parts).encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


@cache
def _attributes(model: type[Metadata]) -> dict[str, str]:
    return {field.alias or name: name for name, field in model.model_fields.items()}


def _plain(value: Any) -> str:
    return " ".join(unicodedata.normalize("NFC", str(value or "")).split())


async def find_doubles(executor: Executor, items: Sequence[Sent], scope: Scope) -> list[Problem]:
    """Return a problem for each item that repeats an earlier one of this request, or of another post."""
    [found] = await find_doubles_of_each(executor, [(items, scope.at)], scope.settings, scope.without)
    return found


async def find_doubles_of_each(
    executor: Executor,
    requests: Sequence[tuple[Sequence[Sent], datetime]],
    settings: Settings,
    without: UUID | None = None,
) -> list[list[Problem]]:
    """Return the same for each of these requests, whose items have a time of their own, by one statement."""
    window = settings.duplicate_window
    if not window:
        return [[] for _ in requests]
    found: list[list[Problem]] = []
    places: list[tuple[int, Sent]] = []
    wanted: list[dict[str, Any]] = []
    for number, (items, at) in enumerate(requests):
        singles, problems = _repeated(items)
        found.append(problems)
        for one in singles:
            wanted.append(
                {
                    "position": len(places), "connection_id": one.connection_id, "fingerprint": one.fingerprint,
                    "since": at - window, "until": at + window,
                }
            )  # fmt: skip
            places.append((number, one))
    rows = await executor.fetch(FIND, {"wanted": to_json(wanted).decode(), "without": without})
    ids = list({row["post_id"] for row in rows})
    seen = {row["id"] for row in await executor.fetch(SEEN, {"ids": ids})} if ids else set()
    for row in rows:
        number, one = places[row["position"]]
        found[number].append(_problem(one.path, row, row["post_id"] in seen))
    return found


def _repeated(items: Sequence[Sent]) -> tuple[list[Sent], list[Problem]]:
    """Return the items of a request without those that repeat an earlier one, and a problem for each of these."""
    first: dict[tuple[UUID, int], Sent] = {}
    problems: list[Problem] = []
    for one in items:
        if one.fingerprint is None:
            continue
        other = first.setdefault((one.connection_id, one.fingerprint), one)
        if other is not one:
            place = f"{other.path} of this request" if other.path else "another item of the post"
            message = f"The same clip and words go to this account by {place}."
            problems.append(Problem(one.path, DUPLICATE, message))
    return list(first.values()), problems


def _problem(path: str, row: Any, is_seen: bool) -> Problem:
    """Return the problem of an item, with the earlier one, which is named only if its post is seen."""
    at = format_timestamp(row["at"])
    verb = {"published": "was published", "failed": "may have been published"}.get(row["status"], "is due")
    post = f"post {row['post_id']}" if is_seen else "a post that you do not see"
    message = f"The same clip and words are in {post}, which {verb} at {at} on {row['platform']}:@{row['username']}."
    earlier = {
        "post_id": str(row["post_id"]),
        "item_id": str(row["item_id"]),
        "account": f"{row['platform']}:@{row['username']}",
        "at": at,
        "status": row["status"],
    }
    return Problem(path, DUPLICATE, message, earlier=earlier if is_seen else None)


async def require_new(executor: Executor, items: Sequence[Sent], scope: Scope) -> None:
    """Raise DuplicateContent if an item is a double, as long as the executor's transaction lasts."""
    if problems := await hold_doubles(executor, items, scope):
        raise DuplicateContent(problems)


async def hold_doubles(executor: Executor, items: Sequence[Sent], scope: Scope) -> list[Problem]:
    """Return the problem of each double. No other request adds one until the executor's transaction ends."""
    if not scope.settings.duplicate_window:
        return []
    await executor.fetch(LOCK, {"workspace_id": scope.workspace_id})
    return await find_doubles(executor, items, scope)


async def require_new_if_refused(executor: Executor, items: Sequence[Sent], scope: Scope) -> None:
    """Do the same if the workspace refuses doubles."""
    rows = await executor.fetch(LOCK, {"workspace_id": scope.workspace_id})
    if any(row["duplicates"] == REFUSE for row in rows):
        await require_new(executor, items, scope)
