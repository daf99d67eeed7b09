"""The stored film strip and peaks of a clip: made once, and deleted with the clip."""

from pathlib import Path

import pytest
from sqlalchemy import select

from clipcast.clips.timelines import folder, strip_key, timeline_of
from clipcast.database.models.clips import Clip, Render, UnwantedObject
from clipcast.installation import Installation
from clipcast.rendering.children import ChildJob
from clipcast.storage import StorageError
from clipcast.testing.harness import Caller


async def uploaded(installation: Installation, caller: Caller, clip: Path) -> tuple[Clip, str]:
    """Return an uploaded clip, and the id of its render."""
    await caller.upload(clip)
    async with installation.database.session() as session:
        render = (await session.execute(select(Render))).scalar_one()
    return render.clip, str(render.id)


async def test_timeline_is_made_once(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, _ = await uploaded(installation, caller, clip)
    first = await timeline_of(installation, found)
    assert first.has_strip
    assert first.peaks

    async def fail(job: ChildJob, owner: object = None) -> None:
        raise AssertionError("a second child")

    monkeypatch.setattr(installation.children, "run_job", fail)
    assert await timeline_of(installation, found) == first


async def test_timeline_is_deleted_with_its_clip(installation: Installation, caller: Caller, clip: Path) -> None:
    found, render_id = await uploaded(installation, caller, clip)
    await timeline_of(installation, found)
    assert len(await installation.storage.list(folder(found.id))) == 2
    assert (await caller.call("DELETE", f"/renders/{render_id}")).is_success
    assert await installation.storage.list(folder(found.id)) == []


async def test_timeline_of_a_clip_that_is_deleted_meanwhile_leaves_nothing(
    installation: Installation, caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found, render_id = await uploaded(installation, caller, clip)
    real = installation.storage.put_bytes

    async def put_and_delete_clip(key: str, content: bytes) -> None:
        if key == strip_key(found.id):
            assert (await caller.call("DELETE", f"/renders/{render_id}")).is_success
        await real(key, content)

    monkeypatch.setattr(installation.storage, "put_bytes", put_and_delete_clip)
    await timeline_of(installation, found)
    assert await installation.storage.list(folder(found.id)) == []


async def test_timeline_of_a_lost_file_is_not_kept(installation: Installation, caller: Caller, clip: Path) -> None:
    found, _ = await uploaded(installation, caller, clip)
    await installation.storage.delete(found.storage_key)
    with pytest.raises(StorageError):
        await timeline_of(installation, found)
    assert await installation.storage.list(folder(found.id)) == []


async def test_sweep_finds_no_unwanted_folder_of_a_living_clip(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    found, _ = await uploaded(installation, caller, clip)
    await timeline_of(installation, found)
    async with installation.database.session() as session:
        assert await session.get(UnwantedObject, folder(found.id)) is None
