"""The runner of a renderer: it makes the file of one claimed rendition, and decides what becomes of it."""

import asyncio
import errno
import hashlib
import os
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import structlog

from clipcast.clock import clock
from clipcast.common.media import known_media
from clipcast.common.settings import Settings
from clipcast.common.unavailable import DatabaseUnavailable, StorageFull, StorageUnavailable
from clipcast.database import Database
from clipcast.database.changes import tell
from clipcast.database.hot_queries import Statement
from clipcast.installation.storage_mark import may_delete
from clipcast.jobs.claimed import ClaimedJob, LeaseLost
from clipcast.jobs.dead_letter import CRASHES_MAX
from clipcast.jobs.retry import spread
from clipcast.jobs.runs import MINE, mine, run_to_decision
from clipcast.platforms.errors import InternalError, MediaRejected
from clipcast.rendering import convert as conversion
from clipcast.rendering.children import Children, ChildUnavailable
from clipcast.rendering.convert import Converted, convert
from clipcast.rendering.encoders import SOFTWARE, working_encoder
from clipcast.rendering.errors import ConversionError, UnreadableMedia, WatermarkUnreadable, WorkFolderFull
from clipcast.rendering.examine import Examined, examine
from clipcast.rendering.planner import encoded, estimate_seconds
from clipcast.rendering.recipe import Recipe, recipe_of
from clipcast.renders import space
from clipcast.renders.conforming import order_conversions_again
from clipcast.renders.needed import NEEDED
from clipcast.renders.outcomes import SETTLED_AFTER, Made, RenditionOutcomes
from clipcast.renders.renditions import Input, remake
from clipcast.renders.waits import no_child, storage_away
from clipcast.storage import Storage, StorageError, is_local

log = structlog.get_logger()

# Seconds between two looks whether the rendition is still wanted, and between two writes of its progress.
LOOK_EVERY = 0.5
# The share of the progress that the conversion takes. The rest is for probing and storing.
CONVERTING = 97
# Free space for a file, as a multiple of its predicted size.
MARGIN = 1.2
STORAGE_PAUSE = timedelta(seconds=10)
# A finished file is stored again after these pauses, in seconds. Only then the job is given back, and the file lost.
STORE_PAUSES = (1, 2, 4, 8, 15, 30, 60, 60)
CHILD_PAUSE = timedelta(seconds=30)
DISK_PAUSE = timedelta(minutes=1)
# A job's pauses double with each failure, up to this one.
LONGEST_PAUSE = timedelta(minutes=10)
PIECE = 1024 * 1024
STORAGE_AWAY = storage_away("conversion")
DISK_FULL = InternalError(
    "disk_full", "The disk has too little free space for this conversion. It starts when there is enough.",
    fix="Free space in the data directory, or lower CLIPCAST_RENDITION_KEEP. The conversion needs nothing else.",
)  # fmt: skip
STORAGE_FULL = InternalError(
    "storage_full", "The storage has too little free space for this conversion. It continues when there is enough.",
    fix="Free space in the storage, or lower CLIPCAST_RENDITION_KEEP. The conversion needs nothing else.",
)  # fmt: skip
NO_CHILD = no_child("conversion")
FIX = (
    "Export the clip again, as MP4 with H.264 and AAC, and create a new post or render. "
    "A retry converts this one again."
)
CRASHED = "Retry it. If that ends the same way, export the clip again, as MP4 with H.264 and AAC."
# Of a trim at a key frame, which copies the picture.
EXACT = "Create a new render with `precision: exact` in its trim. That converts the picture instead of copying it."
WATERMARK = "Save the watermark again, as PNG, upload it, and create a new render with it."
SOURCE_GONE = MediaRejected(
    "conversion_failed", "The uploaded file was deleted before it was converted.",
    fix="Upload the clip again, and create a new post or render.",
)  # fmt: skip

FACTS = Statement("""
    SELECT renditions.status, renditions.workspace_id, renditions.inputs, renditions.recipe, renditions.expected,
           renditions.source_id, source.id AS source_found, source.status AS source_status,
           source.storage_key AS source_key, source.size AS source_size, source.sha256 AS source_sha256,
           source.media AS source_media, source.error AS source_error
    FROM renditions LEFT JOIN renditions AS source ON source.id = renditions.source_id
    WHERE renditions.id = :id
""")
# The files in store with these contents: several uploads may have the same.
PLACES = Statement("""
    SELECT sha256, storage_key FROM clips
    WHERE workspace_id = :workspace_id AND status = 'ready' AND sha256 = ANY(:contents)
    UNION ALL
    SELECT sha256, storage_key FROM assets
    WHERE workspace_id = :workspace_id AND status = 'ready' AND sha256 = ANY(:contents)
""")
MEDIA = Statement("""
    SELECT media FROM clips WHERE workspace_id = :workspace_id AND storage_key = :storage_key AND media IS NOT NULL
""")
START = Statement(f"""
    UPDATE renditions SET status = 'active', started_at = :now, error = NULL, completed_at = NULL
    WHERE id = :id AND status <> 'cancelled' AND {MINE} RETURNING id
""")
# Progress never decreases: another renderer may begin again.
LOOK = Statement(f"""
    WITH written AS (
        UPDATE renditions SET progress = :progress
        WHERE id = :id AND status = 'active' AND progress < :progress AND {MINE} RETURNING id
    )
    SELECT status, EXISTS (SELECT FROM written) AS has_changed, {MINE} AS mine,
           {NEEDED} OR last_used_at > :settled_before AS needed
    FROM renditions WHERE id = :id
""")


class NotWanted(Exception):
    """The rendition was cancelled, or nobody needs it any more."""


class SourceLost(Exception):
    """The rendition `source_id`, from which this one is made, has lost its object `key`."""

    def __init__(self, source_id: UUID, key: str) -> None:
        super().__init__(key)
        self.source_id = source_id
        self.key = key


class InputMoved(Exception):
    """A file was deleted while it was read. Another upload has the same content."""


@dataclass(frozen=True)
class Task:
    """What has to be made, in which folder, under which name."""

    claimed: ClaimedJob
    workspace_id: UUID
    inputs: tuple[Input, ...]
    recipe: Recipe
    # The predicted size in bytes.
    size: int
    folder: Path
    # The rendition whose file is the first input.
    source_id: UUID | None
    # On the monotonic clock.
    started_at: float = field(default_factory=clock.monotonic)

    @property
    def name(self) -> str:
        """The name of the objects, without an ending. It holds the fencing token, so that no two runs share it."""
        return f"renditions/{self.claimed.subject_id}/{self.claimed.lease.fence}"


class RenderRunner:
    """The resources that all runs of a renderer share."""

    def __init__(self, settings: Settings, database: Database, storage: Storage, children: Children) -> None:
        self._settings = settings
        self._database = database
        self._storage = storage
        self._children = children
        self._outcomes = RenditionOutcomes(database)
        self._encoder: str | None = None

    async def close(self) -> None:
        pass

    def may_end(self, task: asyncio.Task[None]) -> bool:
        """Return False: another renderer begins again, and a conversion can take longer than a graceful stop."""
        return False

    async def run(self, claimed: ClaimedJob) -> None:
        """Run `claimed` to a decision. Save every error as its outcome; raise only CancelledError."""
        await run_to_decision(claimed, self._decide, self._outcomes)

    async def _decide(self, claimed: ClaimedJob) -> None:
        try:
            task = await self._prepare(claimed)
            if task is None:
                return
            try:
                await self._make(task)
            except ConversionError as error:
                await self._failed(task, error)
            finally:
                await asyncio.to_thread(shutil.rmtree, task.folder, ignore_errors=True)
        except NotWanted:
            await self._outcomes.cancelled(claimed)
        except InputMoved:
            await self._outcomes.again(claimed)
        except SourceLost as lost:
            await remake(self._database.hot_pool, lost.source_id, lost=lost.key)
            await self._outcomes.blocked(claimed, lost.source_id)
        except MediaRejected as error:
            await self._outcomes.failed(claimed, error)
        except StorageFull as full:
            log.error("storage_full", error=str(full), rendition_id=str(claimed.subject_id))
            await self._outcomes.again(claimed, _pause(claimed, DISK_PAUSE), STORAGE_FULL)
        except StorageUnavailable as away:
            log.error("storage_unavailable", error=str(away), rendition_id=str(claimed.subject_id))
            await self._outcomes.again(claimed, _pause(claimed, STORAGE_PAUSE), STORAGE_AWAY)
        except ChildUnavailable as away:
            log.error("media_unavailable", error=str(away), rendition_id=str(claimed.subject_id))
            await self._outcomes.again(claimed, _pause(claimed, CHILD_PAUSE), NO_CHILD)
        except WorkFolderFull:
            await self._wait_for_space(claimed)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            await self._wait_for_space(claimed)

    async def _wait_for_space(self, claimed: ClaimedJob) -> None:
        log.error("disk_full", rendition_id=str(claimed.subject_id), folder=str(self._settings.data_dir))
        await self._outcomes.again(claimed, _pause(claimed, DISK_PAUSE), DISK_FULL)

    async def _failed(self, task: Task, error: ConversionError) -> None:
        """Run a job again whose child has died, until that has happened CRASHES_MAX times.

        A file that cannot be copied after all is encoded.
        """
        claimed, recipe = task.claimed, task.recipe
        log.warning(error.code, rendition_id=str(claimed.subject_id), reason=error.message)
        fix = EXACT if recipe.picture is None and recipe.edit.trim else FIX
        if isinstance(error, WatermarkUnreadable):
            fix = WATERMARK
        if error.code == "conversion_crashed":
            fix = CRASHED
        shown = MediaRejected(error.code, error.message, fix=fix)
        if error.code == "conversion_crashed" and claimed.crash_count + 1 < CRASHES_MAX:
            await self._outcomes.again(claimed, crashed=True)
        elif error.code == "conversion_failed" and (encoding := await self._encoding(task)):
            await self._outcomes.replanned(claimed, *encoding)
        else:
            await self._outcomes.failed(claimed, shown)

    async def _encoding(self, task: Task) -> tuple[Recipe, int] | None:
        """Return the recipe that encodes what the task copies, and about how many seconds that takes.

        Return None if there is none: only some trims can be copied.
        """
        if task.recipe.picture is not None or task.recipe.edit.trim is not None:
            return None
        values = {"workspace_id": task.workspace_id, "storage_key": task.inputs[0].storage_key}
        rows = await self._database.hot_pool.fetch(MEDIA, values)
        media = known_media(rows[0]["media"]) if rows else None
        if media is None:
            return None
        encoding = encoded(media, task.recipe)
        return encoding, estimate_seconds(media, encoding)

    async def _prepare(self, claimed: ClaimedJob) -> Task | None:
        """Check all conditions, and return the task; None if the run has ended with an outcome."""
        rows = await self._database.hot_pool.fetch(FACTS, {"id": claimed.subject_id})
        if not rows:
            raise LeaseLost(str(claimed.id))
        [row] = rows
        if not await self._look(claimed, 0):
            raise NotWanted
        inputs = tuple(Input(**one) for one in row["inputs"])
        if row["source_id"] is not None:
            source = await self._source(claimed, row)
            if source is None:
                return None
            inputs = (source, *inputs)
        inputs = await self._placed(row["workspace_id"], inputs)
        recipe = recipe_of(row["recipe"])
        expected = row["expected"] or {}
        size = int(expected.get("size") or _bounds(inputs, recipe) / conversion.SIZE_FACTOR)
        folder = self._settings.data_dir / space.FOLDER / f"{claimed.id}.{claimed.lease.fence}"
        return Task(claimed, row["workspace_id"], inputs, recipe, size, folder, row["source_id"])

    async def _placed(self, workspace_id: UUID, inputs: tuple[Input, ...]) -> tuple[Input, ...]:
        """Return the inputs, each under the key of an upload that exists, as far as one has its content."""
        values = {"workspace_id": workspace_id, "contents": [one.sha256 for one in inputs]}
        rows = await self._database.hot_pool.fetch(PLACES, values)
        keys, by_content = {row["storage_key"] for row in rows}, {row["sha256"]: row["storage_key"] for row in rows}
        return tuple(
            one if one.storage_key in keys else replace(one, storage_key=by_content.get(one.sha256, one.storage_key))
            for one in inputs
        )

    async def _source(self, claimed: ClaimedJob, row: Any) -> Input | None:
        """Return the file of the rendition from which this one is made. Wait for it if it is not there."""
        match row["source_status"]:
            case "completed":
                duration = float(row["source_media"]["duration"])
                return Input(row["source_key"], row["source_size"], row["source_sha256"], duration)
            case "failed" | "cancelled":
                if found := row["source_error"]:
                    raise MediaRejected(found["code"], found["message"])
                raise MediaRejected("conversion_cancelled", "The conversion was cancelled.")
            case "expired":
                await remake(self._database.hot_pool, row["source_id"])
        await self._outcomes.blocked(claimed, row["source_id"])
        return None

    async def _make(self, task: Task) -> None:
        copied = 0 if is_local(self._settings.storage_url) else sum(one.size for one in task.inputs)
        needed = int(MARGIN * task.size) + copied
        task.folder.parent.mkdir(mode=0o700, exist_ok=True)
        if not await asyncio.to_thread(space.has_room, task.folder.parent, needed):
            raise WorkFolderFull
        values = {"id": task.claimed.subject_id, "now": clock.now()} | mine(task.claimed)
        if not await self._database.hot_pool.fetch(START, values):
            raise NotWanted
        tell(self._database.hot_pool, task.claimed.subject_id)
        task.folder.mkdir(mode=0o700)
        try:
            made = await self._watched(task)
        except BaseException:
            await asyncio.shield(self._delete(task))
            raise
        # A stop does not interrupt the commit, and if the database does not respond, it may have happened.
        await asyncio.shield(self._record(task, made))

    async def _record(self, task: Task, made: Made) -> None:
        """Record the file, or delete it if another renderer has the job or nobody wants it any more."""
        try:
            is_recorded = await self._outcomes.completed(task.claimed, made)
        except LeaseLost:
            await self._delete(task)
            raise
        if not is_recorded:
            await self._delete(task)
            return
        seconds = clock.monotonic() - task.started_at
        log.info(
            "rendition_made",
            rendition_id=str(task.claimed.subject_id),
            action=task.recipe.action,
            bytes=made.size,
            seconds=round(seconds, 1),
            times_realtime=round(made.media.duration / max(seconds, 0.001), 2),
        )
        await self._delete_others(task)
        with suppress(DatabaseUnavailable):  # items order the same when they run
            await order_conversions_again(self._database.hot_pool, task.claimed.subject_id)

    async def _watched(self, task: Task) -> Made:
        """Make the file while somebody wants it. Save its progress."""
        done = 0.0

        def report(share: float) -> None:
            nonlocal done
            done = max(done, min(share, 1.0))

        making = asyncio.create_task(self._convert(task, report))
        try:
            while True:
                await asyncio.wait({making}, timeout=LOOK_EVERY)
                if making.done():
                    return making.result()
                task.claimed.lease.check()
                with suppress(DatabaseUnavailable):  # the lease ends if that lasts
                    if not await self._look(task.claimed, int(done * CONVERTING)):
                        raise NotWanted
        finally:
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)

    async def _look(self, claimed: ClaimedJob, progress: int) -> bool:
        """Save the progress. Return whether somebody wants the rendition. Raise LeaseLost."""
        values = {"id": claimed.subject_id, "progress": progress, "settled_before": clock.now() - SETTLED_AFTER}
        rows = await self._database.hot_pool.fetch(LOOK, values | mine(claimed))
        if not rows or not rows[0]["mine"]:
            raise LeaseLost(str(claimed.id))
        if rows[0]["has_changed"]:
            tell(self._database.hot_pool, claimed.subject_id)
        return bool(rows[0]["status"] != "cancelled" and rows[0]["needed"])

    async def _convert(self, task: Task, report: Callable[[float], None]) -> Made:
        try:
            inputs = [await self._input(task, number, one) for number, one in enumerate(task.inputs)]
            converted = await convert(
                self._children,
                inputs,
                task.recipe,
                task.folder,
                report,
                encoder=SOFTWARE if task.claimed.crash_count else await self._working_encoder(),
                fonts=self._settings.fonts,
            )
        except StorageError as error:
            log.warning("source_missing", rendition_id=str(task.claimed.subject_id), error=str(error))
            if await self._placed(task.workspace_id, task.inputs) != task.inputs:
                raise InputMoved from error
            if task.source_id and not await self._storage.has(task.inputs[0].storage_key):
                raise SourceLost(task.source_id, task.inputs[0].storage_key) from error
            raise SOURCE_GONE from error
        return await self._store(task, converted)

    async def _working_encoder(self) -> str:
        """Return the operator's encoder, or the one in software if that does not work here."""
        if self._encoder is None:
            self._encoder = await working_encoder(self._children, self._settings.video_encoder)
        return self._encoder

    async def _input(self, task: Task, number: int, one: Input) -> conversion.Input:
        """Return a file that a child reads: a copy in the work folder, if the storage is on another machine."""
        read = partial(self._storage.read, one.storage_key)
        if not is_local(self._settings.storage_url):
            path = task.folder / f"input{number}"
            with path.open("wb") as file:
                async for piece in read(0, one.size):
                    await asyncio.to_thread(file.write, piece)
            read = partial(_read_file, path)
        return conversion.Input(read, one.size, one.duration)

    async def _store(self, task: Task, converted: Converted) -> Made:
        read = partial(_read_file, converted.path)
        try:
            examined = await examine(self._children, read, converted.size, owner=task.workspace_id)
        except UnreadableMedia as error:
            message = f"The converted file is not a valid video: {error.message}"
            raise ConversionError("conversion_failed", message) from error
        for pause in STORE_PAUSES:
            try:
                return await self._put(task, converted, examined)
            except StorageFull:
                raise
            except StorageUnavailable as away:
                log.warning("not_stored", rendition_id=str(task.claimed.subject_id), error=str(away), pause=pause)
            await asyncio.sleep(pause)
        return await self._put(task, converted, examined)

    async def _put(self, task: Task, converted: Converted, examined: Examined) -> Made:
        digest = hashlib.sha256()

        async def hashed() -> AsyncIterator[bytes]:
            async for piece in _read_file(converted.path, 0, converted.size):
                digest.update(piece)
                yield piece

        await self._storage.put(f"{task.name}.mp4", hashed())
        if examined.thumbnail:
            await self._storage.put_bytes(f"{task.name}.jpg", examined.thumbnail)
        return Made(
            f"{task.name}.mp4",
            f"{task.name}.jpg" if examined.thumbnail else None,
            converted.size,
            digest.hexdigest(),
            examined.media,
            converted.warnings,
        )

    async def _delete(self, task: Task) -> None:
        """Delete this run's own objects. The sweep finds what is left behind."""
        with suppress(StorageUnavailable, DatabaseUnavailable):
            if not await may_delete(self._database, self._storage):
                return
            left = await self._storage.unfinished(f"renditions/{task.claimed.subject_id}/")
            for key in [f"{task.name}.mp4", f"{task.name}.jpg", *left]:
                if key.startswith(f"{task.name}."):
                    await self._storage.delete(key)

    async def _delete_others(self, task: Task) -> None:
        """Delete what earlier runs have left behind that were killed before they recorded their file.

        A later one may have begun already: the file may have been ordered again.
        """
        with suppress(StorageUnavailable, DatabaseUnavailable):
            folder = f"renditions/{task.claimed.subject_id}/"
            if not await may_delete(self._database, self._storage):
                return
            stored = [key for key, _ in await self._storage.list(folder)]
            for key in [*stored, *await self._storage.unfinished(folder)]:
                fence = key.removeprefix(folder).partition(".")[0]
                if fence.isdecimal() and int(fence) < task.claimed.lease.fence:
                    await self._storage.delete(key)


def _pause(claimed: ClaimedJob, first: timedelta) -> timedelta:
    """Return the time until the next run, which is longer after each failure: a run may take minutes of CPU."""
    return spread(min(first * 2 ** min(claimed.failures, 10), LONGEST_PAUSE))


def _bounds(inputs: tuple[Input, ...], recipe: Recipe) -> int:
    files = [conversion.Input(_nothing, one.size, one.duration) for one in inputs]
    return conversion.bounds_of(files, recipe).written


async def _nothing(start: int, end: int) -> AsyncIterator[bytes]:
    return
    yield b""


async def _read_file(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    with path.open("rb") as file:
        os.lseek(file.fileno(), start, os.SEEK_SET)
        left = end - start
        while left:
            piece = await asyncio.to_thread(os.read, file.fileno(), min(left, PIECE))
            if not piece:
                raise StorageError(f"{path.name} ended {left} bytes early")
            left -= len(piece)
            yield piece
