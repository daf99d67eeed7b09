"""POST /renders with changes: orders, states, limits, cancellation and deletion. Nothing is encoded here."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.clips.unwanted import delete_unwanted
from clipcast.clock import clock
from clipcast.common.problems import ValidationFailed
from clipcast.database.models.clips import Clip, Render, UnwantedObject
from clipcast.database.models.jobs import Job
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.installation import Installation
from clipcast.platforms.registry import PLATFORMS
from clipcast.rendering.fonts import fonts_in
from clipcast.rendering.recipe import Cue, recipe_of
from clipcast.renders import repository, service
from clipcast.renders.edit_schemas import EditBody
from clipcast.storage import Storage
from clipcast.testing.harness import Caller, Stage
from clipcast.testing.media_files import make
from tests.renders.orders import until_waiting
from tests.renders.test_assets import SRT, png, upload
from tests.renders.videos import upload_video
from tests.storage.objects import objects

SPEED = {"speed": 2}
LINKEDIN: dict[str, Any] = dict(PLATFORMS["linkedin"].metadata.example)


@pytest.fixture
async def video_id(caller: Caller, clip: Path) -> str:
    return await upload_video(caller, clip)


async def rendition_of(installation: Installation, render_id: str) -> Rendition:
    async with installation.database.session() as session:
        render = await session.get_one(Render, UUID(render_id))
        assert render.rendition
        return render.rendition


async def set_rendition(installation: Installation, render_id: str, **values: Any) -> None:
    """Set columns as a renderer does."""
    rendition = await rendition_of(installation, render_id)
    async with installation.database.begin() as session:
        await session.execute(update(Rendition).where(Rendition.id == rendition.id).values(**values))


async def finish(installation: Installation, render_id: str, clip: Path) -> None:
    """Store a file as the render's result, as a renderer does."""
    rendition = await rendition_of(installation, render_id)
    key = f"renditions/{rendition.id}/1.mp4"
    await installation.storage.put_bytes(key, clip.read_bytes())
    async with installation.database.session() as session:
        media = (await session.execute(select(Clip.media).limit(1))).scalar_one()
    size = clip.stat().st_size
    await set_rendition(
        installation, render_id, status="completed", progress=100, storage_key=key, size=size, sha256="a" * 64,
        media=media, started_at=clock.now(), completed_at=clock.now(),
    )  # fmt: skip


async def test_order_is_queued_with_its_recipe_and_job(
    installation: Installation, caller: Caller, video_id: str
) -> None:
    response = await caller.post("/renders", {"video_id": video_id, "name": "Fast", "speed": 2, "resolution": "720p"})
    made = response.json()
    assert response.status_code == 202, response.text
    assert (made["status"], made["from_cache"], made["download_url"], made["has_watermark"]) == (
        "queued", False, None, False,
    )  # fmt: skip
    assert made["output_resolution"] == "540p"
    shown = (await caller.get(f"/renders/{made['render_id']}")).json()
    assert (shown["output"]["duration"], shown["output"]["is_final"]) == (pytest.approx(2.1, abs=0.05), False)
    assert (shown["name"], shown["status"], shown["progress"], shown["position"]) == ("Fast", "queued", 0, 1)
    assert shown["edit"] == {"speed": 2.0, "resolution": "720p"}
    rendition = await rendition_of(installation, made["render_id"])
    assert recipe_of(rendition.recipe).edit.speed == 2
    async with installation.database.session() as session:
        job = await session.get_one(Job, rendition.id)
    assert (job.queue, job.state) == ("cpu", "ready")


async def test_same_body_is_the_same_render(caller: Caller, video_id: str) -> None:
    first = await caller.post("/renders", {"video_id": video_id, "speed": 2})
    second = await caller.post("/renders", {"video_id": video_id, "speed": 2.0, "name": "Other", "fit": "pad_blur"})
    other = await caller.post("/renders", {"video_id": video_id, "speed": 3})
    assert [one.status_code for one in (first, second, other)] == [202, 200, 202]
    assert second.json()["from_cache"] is True
    assert first.json()["render_id"] == second.json()["render_id"] != other.json()["render_id"]


async def test_same_file_is_encoded_once(installation: Installation, caller: Caller, clip: Path) -> None:
    """Two uploads have two renders, which share the result. Cancelling one leaves the other."""
    ids = [await upload_video(caller, clip), await upload_video(caller, clip)]
    made = [(await caller.post("/renders", {"video_id": id, "speed": 2})).json()["render_id"] for id in ids]
    assert made[0] != made[1]
    renditions = [await rendition_of(installation, id) for id in made]
    assert renditions[0].id == renditions[1].id
    assert (await caller.call("DELETE", f"/renders/{made[0]}")).status_code == 204
    assert (await caller.get(f"/renders/{made[0]}")).status_code == 404
    assert (await caller.get(f"/renders/{made[1]}")).json()["status"] == "queued"


@pytest.mark.usefixtures("stopped_clock")
async def test_progress_and_remaining_time_come_from_the_rendition(
    installation: Installation, caller: Caller, video_id: str
) -> None:
    render_id = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()["render_id"]
    await set_rendition(
        installation, render_id, status="active", progress=25, started_at=clock.now() - timedelta(seconds=10)
    )
    shown = (await caller.get(f"/renders/{render_id}")).json()
    assert (shown["status"], shown["progress"], shown["position"]) == ("active", 25, None)
    assert 29 <= shown["eta_seconds"] <= 35
    early = await caller.get(f"/renders/{render_id}/download")
    assert (early.status_code, early.json()["code"]) == (409, "render_not_completed")


async def test_completed_render_is_downloaded(
    installation: Installation, caller: Caller, video_id: str, clip: Path
) -> None:
    render_id = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()["render_id"]
    await finish(installation, render_id, clip)
    shown = (await caller.get(f"/renders/{render_id}")).json()
    assert (shown["status"], shown["progress"], shown["eta_seconds"]) == ("completed", 100, None)
    assert shown["output"]["is_final"] is True
    assert shown["completed_at"]
    download = (await caller.get(f"/renders/{render_id}/download")).json()
    assert download["filename"] == "clip.mp4"
    assert (await caller.http.get(download["url"])).content == clip.read_bytes()
    again = await caller.post("/renders", {"video_id": video_id} | SPEED)
    assert (again.status_code, again.json()["from_cache"]) == (200, True)
    assert (await caller.http.get(again.json()["download_url"])).status_code == 200
    assert (await caller.call("DELETE", f"/renders/{render_id}")).status_code == 204
    assert (await caller.http.get(download["url"])).json()["code"] == "file_deleted"
    assert [key for key, _ in await installation.storage.list("renditions/")] == []
    assert (await caller.get("/clips")).json()["pagination"]["total_count"] == 1


async def test_repeated_order_tries_a_waiting_render_at_once(
    installation: Installation, caller: Caller, video_id: str
) -> None:
    """Its pauses double while the disk is full. Who has freed space need not wait for the last one."""
    made = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()
    rendition = await rendition_of(installation, made["render_id"])
    waits = {"state": "waiting", "due_at": clock.now() + timedelta(minutes=10), "failures": 5}
    clock.move(timedelta(seconds=61))
    async with installation.database.begin() as session:
        await session.execute(update(Job).where(Job.id == rendition.id).values(**waits, error={"code": "disk_full"}))
    again = await caller.post("/renders", {"video_id": video_id} | SPEED)
    assert (again.status_code, again.json()["from_cache"]) == (200, True)
    async with installation.database.session() as session:
        job = await session.get_one(Job, rendition.id)
        assert (job.state, job.failures, job.due_at <= clock.now()) == ("ready", 5, True)


async def test_names_of_different_edits_differ(caller: Caller, video_id: str) -> None:
    names = []
    for text in ("One", "Two", "Three"):
        body = {"video_id": video_id, "captions": {"text": f"1\n00:00:00,000 --> 00:00:01,000\n{text}\n"}}
        made = (await caller.post("/renders", body)).json()
        names.append((await caller.get(f"/renders/{made['render_id']}")).json()["name"])
    assert names == [names[0], f"{names[0]} (2)", f"{names[0]} (3)"]
    assert names[0].endswith(", captions")


async def test_long_name_of_an_edit_is_cut_before_its_number(caller: Caller, clip: Path) -> None:
    """The title has the signs of patterns."""
    video_id = await upload_video(caller, clip, "50%_" * 45 + ".mp4")
    edit = {
        "trim": {"start": 0.25, "end": 1.75}, "speed": 1.125, "aspect_ratio": "9:16", "resolution": "720p",
        "fade": {"in": 0.1}, "audio": {"loudness": -14}, "cover": {"at": 0.5},
        "intro": {"video_id": video_id}, "outro": {"video_id": video_id},
    }  # fmt: skip
    names = []
    for words in ("One", "Two", "Three"):
        captions = {"text": f"1\n00:00:00,000 --> 00:00:01,000\n{words}\n"}
        response = await caller.post("/renders", {"video_id": video_id, "captions": captions} | edit)
        assert response.status_code == 202, response.text
        names.append((await caller.get(f"/renders/{response.json()['render_id']}")).json()["name"])
    assert names == [names[0], f"{names[0]} (2)", f"{names[0]} (3)"]
    assert 240 < len(names[0]) < len(names[2]) <= 255


async def test_expired_render_is_made_again_under_its_id(
    installation: Installation, caller: Caller, video_id: str
) -> None:
    made = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()
    await set_rendition(installation, made["render_id"], status="expired", completed_at=clock.now())
    path = f"/renders/{made['render_id']}"
    assert (await caller.get(path)).json()["status"] == "expired"
    assert (await caller.get(f"{path}/download")).json()["code"] == "render_expired"
    clock.move(timedelta(seconds=1))
    again = await caller.post("/renders", {"video_id": video_id} | SPEED)
    assert (again.status_code, again.json()["status"], again.json()["from_cache"]) == (202, "queued", False)
    assert again.json()["edit_setting_id"] == made["edit_setting_id"]


@pytest.mark.parametrize("status", ["failed", "cancelled"])
async def test_failed_render_shows_its_error_and_can_be_ordered_again(
    installation: Installation, caller: Caller, video_id: str, status: str
) -> None:
    render_id = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()["render_id"]
    error = {"code": "conversion_crashed", "message": "It crashed.", "class": "media", "fix": "Export it again."}
    await set_rendition(installation, render_id, status=status, error=error, completed_at=clock.now())
    shown = (await caller.get(f"/renders/{render_id}")).json()
    assert (shown["status"], shown["error"]) == (
        status, {"code": "conversion_crashed", "message": "It crashed.", "fix": "Export it again."},
    )  # fmt: skip
    clock.move(timedelta(seconds=1))
    again = await caller.post("/renders", {"video_id": video_id} | SPEED)
    assert (again.status_code, again.json()["render_id"], again.json()["status"]) == (202, render_id, "queued")


@pytest.mark.parametrize("status", ["queued", "active"])
async def test_delete_cancels_a_render_under_way_and_then_deletes_it(
    installation: Installation, caller: Caller, video_id: str, status: str
) -> None:
    render_id = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()["render_id"]
    await set_rendition(installation, render_id, status=status)
    path = f"/renders/{render_id}"
    assert (await caller.call("DELETE", path)).status_code == 204
    shown = (await caller.get(path)).json()
    assert (shown["status"], shown["position"]) == ("cancelled", None)
    rendition = await rendition_of(installation, render_id)
    async with installation.database.session() as session:
        assert (await session.get_one(Job, rendition.id)).state == "done"
    assert (await caller.call("DELETE", path)).status_code == 204
    assert (await caller.get(path)).status_code == 404
    async with installation.database.session() as session:
        assert await session.get(Rendition, rendition.id) is None


async def test_render_of_a_post_is_neither_cancelled_nor_deleted(stage: Stage, video_id: str) -> None:
    made = (await stage.caller.post("/renders", {"video_id": video_id} | SPEED)).json()
    connection = await stage.connect("youtube")
    await stage.post(connection, "youtube", {"title": "Tide"}, edit=made["edit_setting_id"])
    for path in (f"/renders/{made['render_id']}", f"/clips/{video_id}"):
        refused = await stage.caller.call("DELETE", path)
        assert (refused.status_code, refused.json()["code"]) == (409, "render_in_use")
    assert (await stage.caller.get(f"/renders/{made['render_id']}")).json()["status"] == "queued"


async def test_renders_are_listed_by_status(installation: Installation, caller: Caller, video_id: str) -> None:
    made = {}
    for speed, status in ((2, "queued"), (3, "active"), (4, "failed"), (0.5, "expired")):
        render_id = (await caller.post("/renders", {"video_id": video_id, "speed": speed})).json()["render_id"]
        await set_rendition(installation, render_id, status=status)
        made[status] = render_id
    made["completed"] = (await caller.post("/renders", {"video_id": video_id})).json()["render_id"]

    async def ids(status: str) -> set[str]:
        response = await caller.get("/renders", params={"status": status})
        return {one["render_id"] for one in response.json()["renders"]}

    for status, render_id in made.items():
        assert await ids(status) == {render_id}
    assert await ids("processing") == {made["queued"], made["active"]}
    assert await ids("cancelled") == set()
    assert (await caller.get("/renders", params={"status": "done"})).status_code == 422
    usage = (await caller.get("/renders/limits")).json()["usage"]
    assert (usage["active_count"], usage["queued_count"], usage["total_pending"]) == (1, 1, 2)


async def test_too_many_waiting_renders_return_429(
    caller: Caller, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "QUEUE_MAX", 1)
    assert (await caller.post("/renders", {"video_id": video_id, "speed": 2})).status_code == 202
    full = await caller.post("/renders", {"video_id": video_id, "speed": 3})
    assert (full.status_code, full.json()["code"], full.headers["retry-after"]) == (429, "render_queue_full", "60")
    assert (await caller.post("/renders", {"video_id": video_id, "speed": 2})).status_code == 200
    assert (await caller.post("/renders", {"video_id": video_id})).status_code == 200


async def test_conversions_for_platforms_count_as_waiting(
    caller: Caller, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "QUEUE_MAX", 2)
    body = {"video_id": video_id, "speed": 1.25, "aspect_ratio": "21:9", "conform_for": ["facebook"]}
    assert (await caller.post("/renders", body)).status_code == 202
    full = await caller.post("/renders", body | {"conform_for": ["linkedin"], "speed": 1.5})
    assert (full.status_code, full.json()["code"]) == (429, "render_queue_full")
    assert (await caller.get("/renders/limits")).json()["usage"]["total_pending"] == 1


async def test_position_follows_the_jobs(caller: Caller, video_id: str, installation: Installation) -> None:
    made = [
        (await caller.post("/renders", {"video_id": video_id, "speed": speed})).json()["render_id"] for speed in (2, 3)
    ]

    async def positions() -> list[int]:
        return [(await caller.get(f"/renders/{one}")).json()["position"] for one in made]

    assert await positions() == [1, 2]
    async with installation.database.begin() as session:
        second = select(Render.rendition_id).where(Render.id == UUID(made[1])).scalar_subquery()
        await session.execute(update(Job).where(Job.id == second).values(priority=Job.priority - 1))
    assert await positions() == [2, 1]


async def test_orders_at_the_same_time_keep_to_the_limit(
    caller: Caller, clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "QUEUE_MAX", 2)
    ids = [await upload_video(caller, clip) for _ in range(6)]
    bodies = [{"video_id": id, "speed": 1.5 + number / 10} for number, id in enumerate(ids)]
    made = await asyncio.gather(*(caller.post("/renders", body) for body in bodies))
    assert sorted(one.status_code for one in made) == [202, 202, 429, 429, 429, 429]


async def test_hanging_storage_holds_no_connection_of_the_database(
    installation: Installation, caller: Caller, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captions are read while nothing is held. A watermark is not read at all."""
    captions = (await upload(caller, "a.srt", SRT.encode())).json()["asset_id"]
    logo = (await upload(caller, "logo.png", png(300, 100))).json()["asset_id"]
    read, held, hangs, goes_on = Storage.read, [], asyncio.Event(), asyncio.Event()

    async def hanging(self: Storage, key: str, start: int, end: int) -> AsyncIterator[bytes]:
        held.append((key.rsplit(".")[-1], installation.database.engine.pool.checkedout()))  # type: ignore[attr-defined]
        hangs.set()
        await goes_on.wait()
        async for piece in read(self, key, start, end):
            yield piece

    before = installation.database.engine.pool.checkedout()  # type: ignore[attr-defined]
    monkeypatch.setattr(Storage, "read", hanging)
    body = {"video_id": video_id, "captions": {"asset_id": captions}, "watermark": {"asset_id": logo}}
    order = asyncio.create_task(caller.post("/renders", body))
    await hangs.wait()
    goes_on.set()
    assert (await order).status_code == 202
    assert held == [("srt", before)]


async def test_video_that_another_videos_render_uses_is_kept(
    installation: Installation, caller: Caller, tmp_path: Path, clip: Path
) -> None:
    main = await upload_video(caller, clip)
    intro = await upload_video(caller, make(tmp_path / "intro.mp4", seconds=1), "intro.mp4")
    plain = (await caller.post("/renders", {"video_id": intro})).json()["render_id"]
    body = {"video_id": main, "intro": {"video_id": intro}}
    render_id = (await caller.post("/renders", body)).json()["render_id"]
    for path in (f"/clips/{intro}", f"/renders/{plain}"):
        used = await caller.call("DELETE", path)
        assert (used.status_code, used.json()["code"]) == (409, "video_in_use")
    assert (await caller.get(f"/renders/{plain}")).json()["status"] == "completed"
    await finish(installation, render_id, clip)
    assert (await caller.call("DELETE", f"/clips/{intro}")).status_code == 204
    assert (await caller.get(f"/renders/{render_id}")).json()["status"] == "completed"


async def test_unreadable_facts_are_a_problem_of_their_video_only(
    installation: Installation, caller: Caller, clip: Path
) -> None:
    lost, kept = [await upload_video(caller, clip) for _ in range(2)]
    submission = (await caller.post("/clips", {"video_id": lost})).json()["submission_id"]
    waiting = (await caller.post("/clips", {"video_id": lost, "strategy_id": "scenes"})).json()["submission_id"]
    path = f"/clips/{lost}/submissions/{submission}"
    [found] = (await caller.get(f"{path}/clips")).json()["clips"]
    await caller.post("/renders", {"video_id": lost, "speed": 3})
    async with installation.database.begin() as session:
        await session.execute(update(Clip).where(Clip.id == UUID(lost)).values(media={"new": "form"}))
        await session.execute(update(Rendition).values(expected={"new": "form"}))
    for url, body in (
        ("/renders", {"video_id": lost, "speed": 2}),
        ("/renders", {"video_id": lost}),
        ("/clips", {"video_id": lost}),
        (f"{path}/clips/{found['id']}/render", None),
        ("/videos/upload/complete", {"video_id": lost, "file_name": "clip.mp4"}),
    ):
        answer = await caller.post(url, body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (422, "clip_unreadable"), url
    intro = await caller.post("/renders", {"video_id": kept, "intro": {"video_id": lost}})
    assert intro.json()["errors"][0]["path"] == "/intro/video_id"
    assert [one["video_id"] for one in (await caller.get("/clips")).json()["clips"]] == [kept]
    shown = (await caller.get(f"/clips/{lost}/submissions/{waiting}")).json()
    assert (shown["status"], shown["estimated_time"]) == ("queued", None)
    renders = (await caller.get("/renders")).json()["renders"]
    assert [one["output_resolution"] for one in renders] == [None, "540p", None]
    for one in renders:
        assert (await caller.get(f"/renders/{one['render_id']}")).status_code == 200


async def test_files_of_an_edit_reach_the_rendition(installation: Installation, caller: Caller, clip: Path) -> None:
    ids = [await upload_video(caller, clip, name) for name in ("main.mp4", "intro.mp4")]
    captions = (await upload(caller, "a.srt", SRT.encode())).json()["asset_id"]
    logo = (await upload(caller, "logo.png", png(300, 100))).json()["asset_id"]
    body = {
        "video_id": ids[0],
        "captions": {"asset_id": captions, "language": "he"},
        "watermark": {"asset_id": logo},
        "intro": {"video_id": ids[1]},
    }
    response = await caller.post("/renders", body)
    assert response.status_code == 202, response.text
    rendition = await rendition_of(installation, response.json()["render_id"])
    recipe = recipe_of(rendition.recipe)
    assert recipe.edit.captions
    assert recipe.edit.captions.cues == (Cue(1.0, 2.5, "שלום 👋"),)
    assert recipe.edit.watermark
    assert (recipe.edit.watermark.input, recipe.edit.intro) == (1, 2)
    folders = [one["storage_key"].split("/")[0] for one in rendition.inputs]
    assert folders == ["clips", "assets", "clips"]
    used = await caller.call("DELETE", f"/assets/{logo}")
    assert (used.status_code, used.json()["code"]) == (409, "asset_in_use")
    assert (await caller.call("DELETE", f"/assets/{captions}")).status_code == 204
    assert rendition.expected
    assert rendition.expected["duration"] == pytest.approx(8.4, abs=0.1)


async def test_asset_is_kept_while_a_post_needs_a_render_of_it(stage: Stage) -> None:
    """If the render's file is lost, it is made again."""
    caller = stage.caller
    logo = (await upload(caller, "logo.png", png(300, 100))).json()["asset_id"]
    body = {"video_id": await upload_video(caller, stage.clip), "watermark": {"asset_id": logo}}
    render = (await caller.post("/renders", body)).json()
    await finish(stage.installation, render["render_id"], stage.clip)
    post_id = await stage.post(await stage.connect("linkedin"), "linkedin", LINKEDIN, render["edit_setting_id"])
    used = await caller.call("DELETE", f"/assets/{logo}")
    assert (used.status_code, used.json()["code"]) == (409, "asset_in_use")
    async with stage.installation.database.begin() as session:
        await session.execute(update(Item).where(Item.post_id == UUID(post_id)).values(status="published"))
    assert (await caller.call("DELETE", f"/assets/{logo}")).status_code == 204


async def test_cancellation_spares_what_another_render_has_just_ordered(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of the same bytes is committed while the cancellation looks who needs them."""
    caller = stage.caller
    first, second = [await upload_video(caller, stage.clip, name) for name in ("a.mp4", "b.mp4")]
    render_id = (await caller.post("/renders", {"video_id": first} | SPEED)).json()["render_id"]
    real, others = service.cancel, list[str]()

    async def cancel(*about: Any) -> bool:
        others.append((await caller.post("/renders", {"video_id": second} | SPEED)).json()["render_id"])
        return await real(*about)

    monkeypatch.setattr(service, "cancel", cancel)
    assert (await caller.call("DELETE", f"/renders/{render_id}")).status_code == 204
    assert (await caller.get(f"/renders/{others[0]}")).json()["status"] == "queued"


async def test_order_while_another_one_is_cancelled_is_made(stage: Stage) -> None:
    """The cancellation holds the rendition's lock until its commit. The order waits for it, and begins anew."""
    caller = stage.caller
    first, second = [await upload_video(caller, stage.clip, name) for name in ("a.mp4", "b.mp4")]
    render_id = (await caller.post("/renders", {"video_id": first} | SPEED)).json()["render_id"]
    async with stage.installation.database.begin() as session:
        clip = (await session.scalars(select(Clip).where(Clip.id == UUID(first)))).one()
        [render] = [one for one in await repository.renders_of_clip(session, clip.id) if str(one.id) == render_id]
        await service.delete_render(session, render)
        ordering = asyncio.create_task(caller.post("/renders", {"video_id": second} | SPEED))
        await until_waiting(stage)
        clock.move(timedelta(seconds=1))
        await session.execute(update(Rendition).values(completed_at=clock.now()))
    assert (await ordering).json()["status"] == "queued"


@pytest.mark.parametrize("deleted", [0, 1])
async def test_deleted_upload_leaves_the_render_of_another_one_with_the_same_bytes(stage: Stage, deleted: int) -> None:
    caller = stage.caller
    videos = [await upload_video(caller, stage.clip, name) for name in ("a.mp4", "b.mp4")]
    renders = [(await caller.post("/renders", {"video_id": one} | SPEED)).json()["render_id"] for one in videos]
    plain = (await caller.post("/renders", {"video_id": videos[deleted]})).json()["render_id"]
    for render_id in (renders[deleted], plain):
        assert (await caller.call("DELETE", f"/renders/{render_id}")).status_code == 204
    async with stage.installation.database.session() as session:
        assert await session.get(Clip, UUID(videos[deleted])) is None
    await stage.renderer.run_due()
    kept = f"/renders/{renders[1 - deleted]}"
    assert (await caller.get(kept)).json()["status"] == "completed"
    async with stage.installation.database.begin() as session:
        await session.execute(update(Rendition).values(status="expired", storage_key=None))
    assert (await caller.post("/renders", {"video_id": videos[1 - deleted]} | SPEED)).status_code == 202
    await stage.renderer.run_due()
    assert (await caller.get(kept)).json()["status"] == "completed"


async def test_all_problems_of_a_body_are_listed(caller: Caller, video_id: str) -> None:
    unfinished = (await caller.post("/assets/upload", {"file_name": "a.png"})).json()["asset_id"]
    captions = (await upload(caller, "a.srt", SRT.encode())).json()["asset_id"]
    body = {
        "video_id": video_id,
        "trim": {"start": 1, "end": 99},
        "captions": {"text": "1\n00:00:02,000 --> 00:00:01,000\nA"},
        "watermark": {"asset_id": unfinished},
        "intro": {"video_id": "nothing"},
        "cover": {"at": 50},
    }
    response = await caller.post("/renders", body)
    assert response.status_code == 422
    found = {(one["path"], one["code"]) for one in response.json()["errors"]}
    assert found == {
        ("/trim/end", "after_the_end"),
        ("/captions/text", "captions_time_invalid"),
        ("/watermark/asset_id", "upload_not_completed"),
        ("/intro/video_id", "not_found"),
        ("/cover/at", "after_the_end"),
    }
    for fields, expected in (
        ({"captions": {}}, ("/captions", "required")),
        ({"captions": {"text": "x", "asset_id": "y"}}, ("/captions", "ambiguous_field")),
        ({"watermark": {"asset_id": captions}}, ("/watermark/asset_id", "not_allowed")),
        ({"conform_for": ["tiktok", "myspace"]}, ("/conform_for/1", "not_allowed")),
        ({"trim": {"start": 2, "end": 2}}, ("/trim", "trim_empty")),
    ):
        [problem] = (await caller.post("/renders", {"video_id": video_id} | fields)).json()["errors"]
        assert (problem["path"], problem["code"]) == expected


async def test_problems_of_form_and_of_meaning_come_together(caller: Caller, video_id: str) -> None:
    """What depends on a field that cannot be read is judged when it can be."""
    body = {
        "video_id": video_id,
        "trim": {"start": 100, "end": 110},
        "fit": "corp",
        "focus": {"x": 0.1},
        "intro": {"video_id": "unknown"},
        "cover": {"at": 50},
        "colour": "red",
        "conform_for": ["myspace"],
    }
    response = await caller.post("/renders", body)
    assert {(one["path"], one["code"]) for one in response.json()["errors"]} == {
        ("/fit", "not_allowed"), ("/colour", "unknown_field"), ("/conform_for/0", "not_allowed"),
        ("/trim/start", "after_the_end"), ("/trim/end", "after_the_end"), ("/intro/video_id", "not_found"),
        ("/cover/at", "after_the_end"),
    }  # fmt: skip
    wrong = await caller.post("/renders", body | {"video_id": "unknown"})
    found = {one["path"] for one in wrong.json()["errors"]}
    assert (wrong.status_code, found) == (422, {"/fit", "/colour", "/conform_for/0", "/video_id"})
    for raw in ([], {"speed": 9}):
        assert (await caller.post("/renders", raw)).status_code == 422


async def test_repeated_request_is_answered_although_its_files_are_gone(caller: Caller, video_id: str) -> None:
    asset = (await upload(caller, "logo.png", png(8, 8))).json()["asset_id"]
    body, key = {"video_id": video_id, "watermark": {"asset_id": asset}}, {"Idempotency-Key": "once"}
    first = await caller.call("POST", "/renders", json=body, headers=key)
    assert (await caller.call("DELETE", f"/renders/{first.json()['render_id']}")).status_code == 204
    assert (await caller.call("DELETE", f"/assets/{asset}")).status_code == 204
    again = await caller.call("POST", "/renders", json=body, headers=key)
    assert (again.status_code, again.json()) == (first.status_code, first.json())


@pytest.mark.parametrize("field", ["intro", "watermark"])
async def test_file_that_is_deleted_before_the_order_is_a_problem(
    installation: Installation, caller: Caller, video_id: str, clip: Path, field: str
) -> None:
    if field == "intro":
        name, value = "video_id", await upload_video(caller, clip)
        deleting = f"/clips/{value}"
    else:
        name, value = "asset_id", (await upload(caller, "logo.png", png(8, 8))).json()["asset_id"]
        deleting = f"/assets/{value}"
    edit = EditBody.model_validate({field: {name: value}})
    workspace_id = UUID(caller.workspace_id)
    prepared = await service.prepare(installation, workspace_id, video_id, edit)
    assert (await caller.call("DELETE", deleting)).status_code == 204
    with pytest.raises(ValidationFailed) as raised:
        async with installation.database.begin() as session:
            await service.create_render(session, workspace_id, prepared)
    assert [(one.path, one.code) for one in raised.value.errors] == [(f"/{field}/{name}", "not_found")]


async def test_text_that_cannot_be_encoded_is_rejected(caller: Caller, video_id: str) -> None:
    """JSON may hold half of a surrogate pair, which neither PostgreSQL nor a hash takes."""
    raw = f'{{"video_id": "{video_id}", "captions": {{"text": "1\\n00:00:01,000 --> 00:00:02,000\\n\\ud83d"}}}}'
    response = await caller.call("POST", "/renders", content=raw.encode(), headers={"Content-Type": "application/json"})
    assert response.status_code == 422


async def test_render_of_an_unknown_or_unfinished_video(installation: Installation, caller: Caller) -> None:
    assert (await caller.post("/renders", {"video_id": "x", "speed": 2})).status_code == 404
    started = (await caller.post("/videos/upload", {"file_name": "a.mp4"})).json()
    early = await caller.post("/renders", {"video_id": started["video_id"], "speed": 2})
    assert (early.status_code, early.json()["code"]) == (409, "upload_not_completed")


async def test_deleting_a_video_cancels_its_renders_and_deletes_all_files(
    installation: Installation, caller: Caller, video_id: str, clip: Path
) -> None:
    done = (await caller.post("/renders", {"video_id": video_id, "speed": 2})).json()["render_id"]
    await finish(installation, done, clip)
    await caller.post("/renders", {"video_id": video_id, "speed": 3})
    await caller.post("/renders", {"video_id": video_id})
    assert (await caller.call("DELETE", f"/clips/{video_id}")).status_code == 204
    assert (await caller.call("DELETE", f"/clips/{video_id}")).status_code == 404
    assert await objects(installation.storage) == []
    await delete_unwanted(installation.database, installation.storage)
    async with installation.database.session() as session:
        for table in (Clip, Render, Rendition, Job, UnwantedObject):
            assert (await session.execute(select(table))).scalars().all() == []


async def test_plain_render_goes_without_its_video_if_that_has_other_renders(caller: Caller, video_id: str) -> None:
    plain = (await caller.post("/renders", {"video_id": video_id})).json()["render_id"]
    other = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()["render_id"]
    assert (await caller.call("DELETE", f"/renders/{plain}")).status_code == 204
    assert (await caller.get(f"/renders/{other}")).json()["status"] == "queued"
    assert (await caller.get("/clips")).json()["pagination"]["total_count"] == 1


async def test_renders_belong_to_their_workspace(installation: Installation, caller: Caller, video_id: str) -> None:
    render_id = (await caller.post("/renders", {"video_id": video_id} | SPEED)).json()["render_id"]
    stranger = await Caller.create(installation, caller.http, "Other")
    for method, path in (
        ("GET", f"/renders/{render_id}"),
        ("GET", f"/renders/{render_id}/download"),
        ("DELETE", f"/renders/{render_id}"),
        ("DELETE", f"/clips/{video_id}"),
    ):
        assert (await stranger.call(method, path)).status_code == 404
    assert (await stranger.post("/renders", {"video_id": video_id} | SPEED)).status_code == 404
    assert (await stranger.get("/renders/limits")).json()["usage"]["total_pending"] == 0


async def test_missing_file_beside_an_existing_one_is_a_problem(caller: Caller, video_id: str) -> None:
    logo = (await upload(caller, "logo.png", png(300, 100))).json()["asset_id"]
    for watermark, intro, outro in product((None, logo, "unknown"), *[(None, video_id, "unknown")] * 2):
        named: dict[str, Any] = {"watermark": {"asset_id": watermark}} if watermark else {}
        named |= {name: {"video_id": id} for name, id in (("intro", intro), ("outro", outro)) if id}
        response = await caller.post("/renders", {"video_id": video_id, "cover": {"at": 3000}} | named)
        found = [(problem["path"], problem["code"]) for problem in response.json()["errors"]]
        values = {"/watermark/asset_id": watermark, "/intro/video_id": intro, "/outro/video_id": outro}
        missing = [(path, "not_found") for path, value in values.items() if value == "unknown"]
        assert response.status_code == 422
        assert found == [*missing, ("/cover/at", "after_the_end")]


async def test_font_that_the_operators_folder_lacks_is_a_problem(
    installation: Installation, caller: Caller, video_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder is searched in a thread, once a minute."""
    threads = []

    def search(folder: Path) -> list[Path]:
        threads.append(threading.get_ident())
        return fonts_in(folder)

    monkeypatch.setattr(service, "fonts_in", search)
    body = {"video_id": video_id, "captions": {"text": SRT, "style": {"font": "Brand"}}}
    assert (await caller.post("/renders", body)).status_code == 202  # without a folder here, renderers may have it
    folder = installation.settings.fonts
    folder.mkdir()
    body["captions"]["style"]["font"] = "Empty"  # type: ignore[index]
    assert (await caller.post("/renders", body)).status_code == 202  # nor does an empty one say what they have
    (folder / "Other.ttf").write_bytes(b"")
    threads.clear()
    body["captions"]["style"]["font"] = "Missing"  # type: ignore[index]
    [problem] = (await caller.post("/renders", body)).json()["errors"]
    assert (problem["path"], problem["code"], problem["limit"]) == ("/captions/style/font", "not_found", ["Other.ttf"])
    body["captions"]["style"]["font"] = "Other"  # type: ignore[index]
    assert (await caller.post("/renders", body)).status_code == 202
    assert len(threads) == 1
    assert threads[0] != threading.get_ident()
    (folder / "Late.otf").write_bytes(b"")
    clock.move(timedelta(seconds=61))
    body["captions"]["style"]["font"] = "Late"  # type: ignore[index]
    assert (await caller.post("/renders", body)).status_code == 202

    def fail(folder: Path) -> list[Path]:
        raise OSError(folder)

    monkeypatch.setattr(service, "fonts_in", fail)
    clock.move(timedelta(seconds=61))
    body["captions"]["style"]["font"] = "Missing"  # type: ignore[index]
    assert (await caller.post("/renders", body)).status_code == 202
