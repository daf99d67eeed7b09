"""The file that an item sends: its render's, or a rendition of it that the platform accepts.

The journal pins a rendition before the platform's program begins, so that every run of a round sends the same bytes.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.media import Media, stored_media
from clipcast.common.problems import Problem
from clipcast.connections.options import known_limits
from clipcast.database import Database
from clipcast.database.hot_queries import Statement
from clipcast.jobs.claimed import ClaimedItem, ClipFacts
from clipcast.jobs.journal import RENDITION, Journal
from clipcast.jobs.kinds import FINISH
from clipcast.platforms.errors import InternalError, MediaRejected, PublishError
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.planner import Plan
from clipcast.renders.conforming import NEVER, SourceFile, limits_may_forbid, order_of, plan_for
from clipcast.renders.renditions import Ordered, ensure, remake, use
from clipcast.storage import Storage

AskLimits = Callable[[], Awaitable[Mapping[str, Any]]]

ATTEMPT = Statement("SELECT started_at FROM attempts WHERE id = :id")
ASSIGN = Statement("""
    UPDATE items SET rendition_id = :rendition_id, updated_at = :now
    WHERE id = :id AND rendition_id IS DISTINCT FROM CAST(:rendition_id AS uuid)
""")


class Blocked(Exception):
    """The item waits for a rendition. `is_conversion`: it is made for this item, not for its render."""

    def __init__(self, rendition_id: UUID, is_conversion: bool, why: str) -> None:
        super().__init__(why)
        self.rendition_id = rendition_id
        self.is_conversion = is_conversion
        self.why = why


class PinnedFileGone(Exception):
    """The pinned file does not exist any more, and nothing of the round is or will be visible: it may start over."""


class Conversions:
    """The choice of files for the items of a worker."""

    def __init__(self, database: Database, storage: Storage) -> None:
        self._pool = database.hot_pool
        self._storage = storage

    async def choose(self, claimed: ClaimedItem, journal: Journal, ask: AskLimits) -> ClipFacts:
        """Return the file of this round, pinned if it is a rendition.

        `ask` returns the account's own limits from the platform; none if it does not respond.

        Raise Blocked while it is made, MediaRejected or InternalError if that failed, MediaRejected for a file that no
        conversion makes acceptable, PinnedFileGone, LeaseLost and StorageUnavailable.
        """
        if journal.is_finished(RENDITION):
            return await self._pinned(claimed, journal)
        if claimed.kind == FINISH or journal.is_begun():
            return claimed.clip
        source, key = await self._of_render(claimed)
        if claimed.item.conform == NEVER:
            return await self._pin(claimed, journal, source)
        media = stored_media(source.media)
        planned = plan_for(media, claimed.item.platform, claimed.item.details)
        # The program of an absent platform says who must act.
        if planned.problems and claimed.item.platform in PLATFORMS:
            raise _not_accepted(claimed, planned.problems)
        if planned.recipe is None:
            return await self._pin(claimed, journal, source)
        await _check_limits(claimed, planned, ask)
        made = await self._converted(claimed, source, key, media, planned)
        _check(made, claimed)
        return await self._pin(claimed, journal, _facts(claimed.clip, made))

    async def _of_render(self, claimed: ClaimedItem) -> tuple[ClipFacts, str | None]:
        """Return the file of the item's render, when it is made and stored, and the key of its rendition."""
        clip = claimed.clip
        if clip.rendition_id is None:
            return clip, None
        found = await use(self._pool, clip.rendition_id)
        assert found is not None  # the render refers to it
        if not await self._is_stored(found):
            why = "The render is not finished"
            await self._wait_for(claimed, found, is_conversion=False, why=why)
        return _facts(clip, found), found.key

    async def _converted(
        self, claimed: ClaimedItem, clip: ClipFacts, key: str | None, media: Media, planned: Plan
    ) -> Ordered:
        """Return the rendition of the plan when it is made and stored. Order it if that is necessary.

        `key` is that of the rendition whose file is converted.
        """
        file = SourceFile(
            claimed.workspace_id, clip.id, clip.rendition_id, key, clip.storage_key, clip.size, clip.sha256, media
        )
        order = order_of(file, planned, clock.now())
        [made] = await ensure(self._pool, [order], await self._attempt_began(claimed))
        if claimed.item.rendition_id != made.id:
            await self._pool.fetch(ASSIGN, {"id": claimed.item.id, "rendition_id": made.id, "now": clock.now()})
        if not await self._is_stored(made):
            title = PLATFORMS[claimed.item.platform].title
            await self._wait_for(claimed, made, is_conversion=True, why=f"The clip is converted for {title}")
        return made

    async def _wait_for(self, claimed: ClaimedItem, found: Ordered, is_conversion: bool, why: str) -> None:
        """Raise Blocked while a rendition is made, or its error."""
        if found.status in ("failed", "cancelled"):
            began = await self._attempt_began(claimed)
            if found.completed_at is None or found.completed_at >= began:
                raise _error_of(found)
            await remake(self._pool, found.id, failed_before=began)
        elif found.status in ("completed", "expired"):
            await remake(self._pool, found.id, lost=found.storage_key)
        raise Blocked(found.id, is_conversion, why)

    async def _pinned(self, claimed: ClaimedItem, journal: Journal) -> ClipFacts:
        """Return the pinned file. If it is gone and nothing may be visible, have it made again: it may be the same."""
        pin = journal.result(RENDITION)
        found = await use(self._pool, UUID(pin["id"]))
        if claimed.kind == FINISH:  # nothing is sent any more
            return _gone(claimed.clip, pin, found)
        is_stored = found is not None and await self._is_stored(found)
        if found is not None and is_stored and found.sha256 == pin["sha256"]:
            return _facts(claimed.clip, found)
        if journal.may_be_seen():  # no other file may follow: the run asks about the video
            return _gone(claimed.clip, pin, found)
        if found is not None and not is_stored:
            await self._wait_for(claimed, found, found.id != claimed.clip.rendition_id, "The clip is converted again")
        raise PinnedFileGone("The converted file of this round does not exist any more.")

    async def _pin(self, claimed: ClaimedItem, journal: Journal, file: ClipFacts) -> ClipFacts:
        """Pin a rendition. The file of a clip never changes."""
        if file.rendition_id is not None:
            await journal.finish(RENDITION, {"id": str(file.rendition_id), "sha256": file.sha256, "size": file.size})
        return file

    async def _is_stored(self, found: Ordered) -> bool:
        return found.status == "completed" and await self._storage.has(found.storage_key or "")

    async def _attempt_began(self, claimed: ClaimedItem) -> datetime:
        rows = await self._pool.fetch(ATTEMPT, {"id": claimed.attempt_id})
        return rows[0]["started_at"] if rows else clock.now()


def _facts(clip: ClipFacts, made: Ordered) -> ClipFacts:
    """Return the facts of a rendition of the clip."""
    return replace(
        clip,
        rendition_id=made.id,
        status="ready",
        storage_key=made.storage_key or "",
        file_name=f"{clip.file_name.rpartition('.')[0] or clip.file_name}.mp4",
        content_type="video/mp4",
        size=made.size,
        sha256=made.sha256,
        media=made.media,
    )


def _gone(clip: ClipFacts, pin: dict[str, Any], found: Ordered | None) -> ClipFacts:
    """Return the facts of a pinned file that may not exist any more: a run can ask about its video, not send it."""
    media = found.media if found and found.media else clip.media
    key = f"renditions/{pin['id']}/gone"
    return replace(clip, status="ready", storage_key=key, size=pin["size"], sha256=pin["sha256"], media=media)


def _not_accepted(claimed: ClaimedItem, problems: Sequence[Problem]) -> MediaRejected:
    """Return the error of a file with problems that no conversion cures. Preflight expected another file."""
    title = PLATFORMS[claimed.item.platform].title
    return MediaRejected(
        "conversion_failed",
        f"No conversion makes the file fit for {title}. {' '.join(one.message for one in problems)}",
        fix="Create a new render of the clip that keeps this rule, such as with another trim, and a new post.",
    )


async def _check_limits(claimed: ClaimedItem, planned: Plan, ask: AskLimits) -> None:
    """Raise MediaRejected if the account's own limits forbid the result. Ask for unknown and exceeded ones."""
    item = claimed.item
    if not limits_may_forbid(item.platform, item.details, known_limits(claimed.connection.profile), planned):
        return
    metadata = PLATFORMS[item.platform].metadata.model_validate(item.details)
    if problems := metadata.check_limits(await ask(), planned.output):
        raise MediaRejected(
            problems[0].code, problems[0].message, fix="Create a new render of the clip that keeps this limit, such "
            "as with another trim, and a new post.", rejected=True,
        )  # fmt: skip


def _check(made: Ordered, claimed: ClaimedItem) -> None:
    """Raise MediaRejected if the file breaks a rule: the plan's prediction was wrong."""
    media = stored_media(made.media)
    platform = PLATFORMS[claimed.item.platform]
    rules = platform.media_for(platform.metadata.model_validate(claimed.item.details))
    if wrong := [problem.message for problem in rules.check(media)[0]]:
        raise MediaRejected(
            "conversion_failed", f"The converted file still breaks the rules of {platform.title}. {' '.join(wrong)}",
            fix="Export the clip again so that it keeps this rule, and create a new post.",
        )  # fmt: skip


def _error_of(found: Ordered) -> PublishError:
    """Return why a rendition was not made, as the error of an item."""
    if found.status == "cancelled":
        return MediaRejected("conversion_cancelled", "The conversion of the clip was cancelled.")
    error = found.error
    assert error is not None  # of every rendition that failed
    if error["class"] == "internal":
        return InternalError(error["code"], error["message"], fix=error["fix"], final=True)
    return MediaRejected(error["code"], error["message"], fix=error["fix"])
