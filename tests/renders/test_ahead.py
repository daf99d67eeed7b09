"""`conform_for` of POST /renders: conversions that are ordered with a render, kept with it, and used by posts."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.database.models.renditions import Rendition, RenditionAhead
from clipcast.platforms.registry import PLATFORMS
from clipcast.renders.sweeps import delete_left, expire
from clipcast.testing.harness import Stage
from clipcast.testing.media_files import make
from tests.renders.videos import upload_video

LINKEDIN: dict[str, Any] = dict(PLATFORMS["linkedin"].metadata.example)


@pytest.fixture(scope="session")
def matroska(session_dir: Path) -> Path:
    """Make a clip that platforms take as MP4: its picture and sound can be copied."""
    return make(session_dir / "ahead.mkv", seconds=4.2, size=(540, 960))


@pytest.fixture
async def video_id(stage: Stage, matroska: Path) -> str:
    return await upload_video(stage.caller, matroska, "ahead.mkv")


async def renditions(stage: Stage) -> list[Rendition]:
    async with stage.installation.database.session() as session:
        return list(await session.scalars(select(Rendition).order_by(Rendition.created_at)))


async def conversions(stage: Stage, render_id: str) -> list[tuple[str, str, str]]:
    shown = (await stage.caller.get(f"/renders/{render_id}")).json()["conversions"]
    return [(one["platform"], one["action"], one["status"]) for one in shown]


async def test_conversions_are_ordered_shared_and_used_by_a_post(stage: Stage, video_id: str) -> None:
    body = {"video_id": video_id, "conform_for": ["linkedin", "youtube", "bluesky"]}
    made = await stage.caller.post("/renders", body)
    assert (made.status_code, made.json()["status"], made.json()["warnings"]) == (200, "completed", [])
    # YouTube takes the file as it is.
    assert await conversions(stage, made.json()["render_id"]) == [
        ("bluesky", "remux", "queued"), ("linkedin", "remux", "queued"),
    ]  # fmt: skip
    await stage.renderer.run_due()
    assert {one[2] for one in await conversions(stage, made.json()["render_id"])} == {"completed"}
    post = await stage.post(await stage.connect("linkedin"), "linkedin", LINKEDIN, made.json()["edit_setting_id"])
    await stage.worker.run_due()
    assert (await stage.item(post))["rendition"]["status"] == "completed"
    [only] = await renditions(stage)
    assert (await stage.row(post)).rendition_id == only.id


async def test_conversion_of_a_render_waits_for_it(stage: Stage, video_id: str) -> None:
    body = {"video_id": video_id, "aspect_ratio": "1:1", "fit": "crop", "trim": {"end": 3.2}}
    made = (await stage.caller.post("/renders", body)).json()
    again = await stage.caller.post("/renders", body | {"conform_for": ["facebook"]})
    assert (again.status_code, again.json()["render_id"]) == (200, made["render_id"])
    assert await conversions(stage, made["render_id"]) == [("facebook", "video", "queued")]
    await stage.renderer.run_due()
    await stage.renderer.run_due()
    square, reel = await renditions(stage)
    assert [one.status for one in (square, reel)] == ["completed", "completed"]
    assert reel.source_id == square.id
    assert await conversions(stage, made["render_id"]) == [("facebook", "video", "completed")]


async def test_conversions_are_kept_and_go_with_their_render(stage: Stage, video_id: str) -> None:
    installation, caller = stage.installation, stage.caller
    body = {"video_id": video_id, "speed": 1.25, "aspect_ratio": "21:9", "conform_for": ["facebook"]}
    made = (await caller.post("/renders", body)).json()
    assert await conversions(stage, made["render_id"]) == [("facebook", "video", "queued")]
    assert [one.source_id is None for one in await renditions(stage)] == [True, False]
    clock.move(timedelta(days=30))
    assert await delete_left(installation.database) == 0
    assert await expire(installation.settings, installation.database, installation.storage) == 0
    assert (await caller.call("DELETE", f"/renders/{made['render_id']}")).status_code == 204
    assert {one.status for one in await renditions(stage)} == {"cancelled"}
    assert (await caller.call("DELETE", f"/renders/{made['render_id']}")).status_code == 204
    async with installation.database.session() as session:
        assert [*await session.scalars(select(Rendition)), *await session.scalars(select(RenditionAhead))] == []


async def test_platform_that_does_not_take_the_result_is_a_warning(stage: Stage, video_id: str) -> None:
    body = {"video_id": video_id, "trim": {"end": 1}, "conform_for": ["tiktok", "linkedin"]}
    made = (await stage.caller.post("/renders", body)).json()
    [warning] = [one for one in made["warnings"] if one["path"] == "/conform_for/1"]
    assert (warning["code"], warning["limit"]) == ("video_too_short", 3)
    assert warning["message"].startswith("LinkedIn: ")
    assert "linkedin" not in [one[0] for one in await conversions(stage, made["render_id"])]
