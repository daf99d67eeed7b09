"""The search for orphans: objects beside renditions that no row names."""

import os
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.unavailable import StorageUnavailable
from clipcast.database.models.clips import Clip
from clipcast.database.models.connections import Connection
from clipcast.renders import orphans
from clipcast.renders.orphans import AGE, NAMES, OrphanSearch
from clipcast.storage import Storage
from clipcast.testing.harness import Stage
from tests.renders.test_assets import SRT, upload

OLD = AGE + timedelta(hours=1)


@pytest.fixture
async def named(stage: Stage) -> list[str]:
    """Store an object of each folder for rows that exist, and return all keys."""
    await stage.caller.upload(stage.clip)
    await upload(stage.caller, "captions.srt", SRT.encode())
    connection = await stage.connect("youtube")
    picture = f"avatars/{connection}/0"
    async with stage.installation.database.begin() as session:
        clip = (await session.scalars(select(Clip))).one()
        (await session.get_one(Connection, UUID(connection))).avatar_key = picture
    for key in (picture, f"timelines/{clip.id}/strip.jpg", f"uploads/{clip.id}/1"):
        await stage.installation.storage.put_bytes(key, b"x")
    keys = [key for folder in NAMES for key, _ in await stage.installation.storage.list(folder)]
    assert {key.split("/")[0] + "/" for key in keys} == set(NAMES)
    return keys


async def strays(stage: Stage, owner: UUID | None = None) -> list[str]:
    """Store an object of each folder that no row names."""
    owner = owner or new_id()
    keys = [f"timelines/{owner}/strip.jpg", f"thumbnails/{owner}.jpg", f"uploads/{owner}/1", f"assets/{owner}/a.srt",
            f"clips/{owner}/a.mp4", f"avatars/{owner}/0"]  # fmt: skip
    for key in keys:
        await stage.installation.storage.put_bytes(key, b"x")
    return keys


def search_of(stage: Stage) -> OrphanSearch:
    return OrphanSearch(stage.installation.database, stage.installation.storage)


async def test_old_objects_without_a_row_are_deleted_and_no_others(stage: Stage, named: list[str]) -> None:
    storage, search = stage.installation.storage, search_of(stage)
    gone = await strays(stage)
    # The clip's earlier file, and a file that was never whole. A file of another form is not Clipcast's.
    [own] = [key for key in named if key.startswith("clips/")]
    gone += [own.replace(own.split("/")[2], "earlier.mp4"), own + "#1"]
    await storage.put_bytes(gone[-2], b"x")
    media: Path = stage.installation.settings.data_dir / "media"
    (media / gone[-1]).write_bytes(b"half")
    (media / "clips" / "notes.txt").write_bytes(b"mine")
    assert await search.step() == []  # all are young
    clock.move(OLD)
    young = f"clips/{new_id()}/new.mp4"
    await storage.put_bytes(young, b"x")
    later = clock.now().timestamp()
    os.utime(media / young, (later, later))
    assert sorted(await search_of(stage).step()) == sorted(gone)
    left = {key for folder in NAMES for key, _ in await storage.list(folder)}
    assert left == {*named, young, "clips/notes.txt"}
    assert await storage.unfinished("clips") == []


async def test_search_goes_on_where_it_ended(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(orphans, "PAGES_AT_ONCE", 2)
    gone = await strays(stage)
    clock.move(OLD)
    search = search_of(stage)
    found = [await search.step() for _ in range(4)]
    assert [len(one) for one in found] == [2, 2, 2, 0]
    assert sorted(key for one in found for key in one) == sorted(gone)


async def test_store_of_another_database_is_left_alone(stage: Stage, named: list[str]) -> None:
    for _ in range(orphans.ORPHANS_BORNE + 1):
        await strays(stage)
    clock.move(OLD)
    assert await search_of(stage).step() == []


async def test_store_that_is_away_is_searched_again_from_the_start(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await strays(stage)
    clock.move(OLD)
    search = search_of(stage)

    async def away(self: Storage, key: str) -> None:
        raise StorageUnavailable("away")

    with monkeypatch.context() as broken:
        broken.setattr(Storage, "delete", away)
        with pytest.raises(StorageUnavailable):
            await search.step()
    assert sorted(await search.step()) == sorted(gone)
