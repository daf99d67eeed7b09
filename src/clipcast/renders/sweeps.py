"""The sweep: it deletes files that are no longer kept, and what killed runs have left behind."""

import re
import shutil
from collections.abc import Collection
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import structlog

from clipcast.clips.unwanted import delete_unwanted, record_unwanted
from clipcast.clock import clock
from clipcast.common.ids import parse_id
from clipcast.common.settings import Settings
from clipcast.database import Database
from clipcast.database.hot_queries import Executor, Statement, from_session
from clipcast.installation.storage_mark import held_since
from clipcast.renders import space
from clipcast.renders.bin import delete_from_bin
from clipcast.renders.needed import NEEDED, USED
from clipcast.renders.orphans import AGE, OrphanSearch, most_are_foreign
from clipcast.storage import Storage, local_folder

log = structlog.get_logger()

# The name of an object: the rendition, and the fencing token of the run that wrote it.
NAME = re.compile(r"renditions/([0-9a-f-]+)/(\d+)\.")
# An item pins a rendition within this time after it has asked for it.
JUST_USED = timedelta(hours=1)
# Before an object without a row is deleted: other databases of the same storage show by their mark within minutes.
LEFT_FOR = timedelta(days=1)
# The most files that expire in one transaction, and rows that are looked up at a time.
AT_ONCE = 500

RUNNING = Statement("SELECT id || '.' || fence AS name FROM jobs WHERE state = 'running' AND id = ANY(:ids)")
# The files that nobody needs, the least recently used first: those of callers' renders are kept.
UNUSED = Statement(f"""
    SELECT id FROM renditions WHERE status = 'completed' AND last_used_at < :before AND NOT {NEEDED}
    ORDER BY last_used_at LIMIT :limit
""")
# Those beyond a budget, the files of renders included: each can be made again.
BEYOND = Statement(f"""
    WITH kept AS (
        SELECT id, last_used_at, NOT {USED} AND last_used_at < :before AS may_expire,
               sum(size) OVER (ORDER BY {USED} DESC, last_used_at DESC, id) AS total
        FROM renditions WHERE status = 'completed'
    )
    SELECT id FROM kept WHERE may_expire AND total > :budget ORDER BY last_used_at LIMIT :limit
""")
EXPIRE = Statement(f"""
    WITH chosen AS (
        SELECT id, storage_key, thumbnail_key FROM renditions
        WHERE id = ANY(:ids) AND status = 'completed' AND last_used_at < :before AND NOT {USED}
        FOR NO KEY UPDATE SKIP LOCKED
    )
    UPDATE renditions SET status = 'expired', storage_key = NULL, thumbnail_key = NULL FROM chosen
    WHERE renditions.id = chosen.id RETURNING chosen.storage_key, chosen.thumbnail_key
""")
# Rows whose clip is gone and that nobody needs. A trigger records their objects for deletion.
DELETE_LEFT = Statement(f"""
    DELETE FROM renditions WHERE id IN (
        SELECT id FROM renditions WHERE clip_id IS NULL AND last_used_at < :before AND NOT {NEEDED}
        LIMIT :limit FOR UPDATE SKIP LOCKED
    ) RETURNING id
""")
NAMED = Statement("""
    SELECT storage_key AS key FROM renditions WHERE id = ANY(:ids) AND storage_key IS NOT NULL
    UNION ALL SELECT thumbnail_key FROM renditions WHERE id = ANY(:ids) AND thumbnail_key IS NOT NULL
""")


async def sweep(settings: Settings, database: Database, storage: Storage, search: OrphanSearch) -> None:
    """Delete what is not kept. Any number of processes may do so. Raise DatabaseUnavailable, StorageUnavailable."""
    await sweep_work_folders(settings, database)
    await expire(settings, database, storage)
    await delete_from_bin(database)
    await delete_left(database)
    await delete_unwanted(database, storage)
    # A database that has just got the storage may be a restored one, whose operator may still want what it lacks.
    since = await held_since(database, storage)
    if since is not None and since < clock.now() - AGE:
        await delete_orphans(database, storage)
        await search.step()


async def sweep_work_folders(settings: Settings, database: Database) -> None:
    """Delete the work folders of runs that have ended, without their process."""
    folder = settings.data_dir / space.FOLDER
    found = {path.name: path for path in folder.iterdir()} if folder.is_dir() else {}
    running = await _running(database.hot_pool, found)
    for name in found.keys() - running:
        log.info("work_folder_deleted", name=name)
        _delete(found[name])


def _delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


async def expire(settings: Settings, database: Database, storage: Storage) -> int:
    """Delete the files that nobody has needed for CLIPCAST_RENDITION_KEEP, then those beyond the budget.

    Return their number. The rows stay: each file can be made again.
    """
    now = clock.now()
    expired = await _expire_all(database, storage, UNUSED, {"before": now - settings.rendition_keep})
    if (budget := budget_of(settings)) is not None:
        expired += await _expire_all(database, storage, BEYOND, {"before": now - JUST_USED, "budget": budget})
    return expired


async def _expire_all(database: Database, storage: Storage, choose: Statement, values: dict[str, object]) -> int:
    expired = 0
    while found := await _expire(database, storage, choose, values | {"limit": AT_ONCE}, values["before"]):
        expired += found
    return expired


def budget_of(settings: Settings) -> int | None:
    """Return the most bytes that renditions may take, or None without a limit: a bucket has no size."""
    folder = local_folder(settings.storage_url, settings.data_dir)
    if folder is None:
        return None
    return int(settings.rendition_budget / 100 * shutil.disk_usage(folder).total)


async def _expire(
    database: Database, storage: Storage, choose: Statement, values: dict[str, object], before: object
) -> int:
    ids = [row["id"] for row in await database.hot_pool.fetch(choose, values)]
    if not ids:
        return 0
    async with database.begin() as session:
        executor = await from_session(session)
        rows = await executor.fetch(EXPIRE, {"ids": ids, "before": before})
        keys = [key for row in rows for key in row if key]
        await record_unwanted(session, *keys)
    await delete_unwanted(database, storage, *keys)
    return len(rows)


async def delete_left(database: Database) -> int:
    """Delete the renditions of deleted clips. Return their number. Their objects are recorded for deletion."""
    values = {"before": clock.now() - timedelta(minutes=1), "limit": AT_ONCE}
    return len(await database.hot_pool.fetch(DELETE_LEFT, values))


async def delete_orphans(database: Database, storage: Storage) -> list[str]:
    """Delete the objects of renditions that no row names, no run writes and that are a day old. Return their keys.

    Delete nothing if that would be most of many: the store is probably that of another database, too.
    """
    before = clock.now() - LEFT_FOR
    found = [one.key async for page in storage.pages("renditions/") for one in page if one.modified_at < before]
    orphans = await orphans_among(database, found)
    if most_are_foreign(len(orphans), len(found)):
        log.warning("orphans_left", folder="renditions/", number=len(orphans), reason="most objects belong to no row")
        return []
    for key in orphans:
        log.info("orphan_deleted", key=key)
        await storage.delete(key)
    return orphans


async def orphans_among(database: Database, keys: Collection[str]) -> list[str]:
    """Return those of these keys, `renditions/ID/FENCE...`, that no row names and no run writes."""
    runs = {key: ".".join(found.groups()) if (found := NAME.match(key)) else "" for key in keys}
    # Runs are read before rows: what is written now is then either running or recorded.
    running = await _running(database.hot_pool, set(runs.values()))
    ids = list(_ids(runs.values()))
    named: set[str] = set()
    for start in range(0, len(ids), AT_ONCE):
        rows = await database.hot_pool.fetch(NAMED, {"ids": ids[start : start + AT_ONCE]})
        named |= {row["key"] for row in rows}
    return [key for key in keys if key not in named and runs[key] not in running]


async def _running(executor: Executor, names: Collection[str]) -> set[str]:
    """Return those of these names of runs, `JOB.FENCE`, that are under way."""
    ids, running = list(_ids(names)), set[str]()
    for start in range(0, len(ids), AT_ONCE):
        rows = await executor.fetch(RUNNING, {"ids": ids[start : start + AT_ONCE]})
        running |= {row["name"] for row in rows}
    return running


def _ids(names: Collection[str]) -> set[UUID]:
    return {id for name in names if (id := parse_id(name.split(".")[0]))}
