"""Creating and validating posts: all errors are reported at once, and then nothing is created."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import undefer

from clipcast.clips.sample import make_clip
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import parse_instant
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item, Post
from clipcast.testing.harness import Caller, Stage

TIKTOK = {"tiktok": {"privacyLevel": "SELF_ONLY"}}
YOUTUBE = {"youtube": {"title": "Tide"}}


@pytest.fixture
async def target(stage: Stage) -> dict[str, Any]:
    return {"connectionId": await stage.connect("youtube"), "metadata": YOUTUBE}


@pytest.fixture
async def edit(stage: Stage) -> str:
    return await stage.caller.upload(stage.clip)


async def nothing_was_created(stage: Stage) -> bool:
    async with stage.installation.database.session() as session:
        counts = [
            (await session.execute(select(func.count()).select_from(table))).scalar_one() for table in (Post, Item)
        ]
    return counts == [0, 0]


async def errors_of(stage: Stage, body: Any) -> set[tuple[str, str]]:
    """Return the path and code of every error, which POST and validate must agree on."""
    response = await stage.caller.post("/posts", body)
    assert response.status_code == 422, response.text
    assert await nothing_was_created(stage)
    validated = (await stage.caller.post("/posts/validate", body)).json()
    found = [(error["path"], error["code"]) for error in response.json()["errors"]]
    assert (validated["valid"], [(e["path"], e["code"]) for e in validated["errors"]]) == (False, found)
    assert len(found) == len(set(found))
    return set(found)


async def test_post_without_a_time_is_published_now(stage: Stage, edit: str, target: dict[str, Any]) -> None:
    response = await stage.caller.post("/posts", {"videos": [{"editId": edit, "targets": [target]}]})
    created = response.json()
    assert response.status_code == 201
    assert response.headers["location"] == f"/api/v1/posts/{created['post_id']}"
    assert created == {"post_id": created["post_id"], "item_count": 1, "status": "processing", "scheduled_at": None}
    post = await stage.show(created["post_id"])
    item = post["items"][0]
    assert set(post) == {
        "post_id",
        "status",
        "state_tag",
        "scheduled_at",
        "item_count",
        "client_id",
        "review",
        "created_at",
        "updated_at",
        "version",
        "items",
    }
    assert set(item) == {
        "id", "edit_id", "connection_id", "platform", "account", "status", "stage", "stage_text", "progress",
        "metadata", "attempts", "next_attempt_at", "held_until", "published_at", "platform_post_id",
        "platform_post_url", "error", "warnings", "conform", "rendition", "version", "can_delete", "created_at",
        "updated_at",
    }  # fmt: skip
    assert (item["edit_id"], item["connection_id"]) == (edit, target["connectionId"])
    assert (item["platform"], item["metadata"], item["attempts"]) == ("youtube", YOUTUBE, 0)
    assert item["account"]["username"] == "harbour.films"


async def test_post_with_a_time_is_pending_until_then(stage: Stage, edit: str, target: dict[str, Any]) -> None:
    at = (clock.now() + timedelta(days=3)).replace(microsecond=0)
    local = at.astimezone().isoformat()
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": local}
    created = (await stage.caller.post("/posts", body)).json()
    assert created["status"] == "pending"
    assert created["scheduled_at"].endswith("Z")
    assert parse_instant(created["scheduled_at"]) == at


@pytest.mark.parametrize(
    ("time", "code"),
    [
        ("2031-01-01T10:00:00", "offset_missing"),
        ("2031-01-01", "invalid_time"),
        ("tomorrow", "invalid_time"),
        ("", "invalid_time"),
        ("2031-02-30T10:00:00Z", "invalid_time"),
        ("2027-03-28T02:30:00[Europe/Berlin]", "offset_missing"),
        ("0001-01-01T00:00:00+23:59", "invalid_time"),
        (1_900_000_000, "invalid_time"),
        ("2020-01-01T00:00:00Z", "in_the_past"),
        ("2099-01-01T00:00:00Z", "too_far"),
    ],
)
async def test_unusable_time_is_an_error(stage: Stage, edit: str, target: dict[str, Any], time: Any, code: str) -> None:
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": time}
    assert await errors_of(stage, body) == {("/scheduled_at", code)}


async def test_misspelt_time_field_is_an_error(stage: Stage, edit: str, target: dict[str, Any]) -> None:
    body = {"videos": [{"editId": edit, "targets": [target]}], "scheduledAt": "2031-01-01T10:00:00Z"}
    response = await stage.caller.post("/posts", body)
    error = response.json()["errors"][0]
    assert (error["path"], error["code"]) == ("/scheduledAt", "unknown_field")
    assert "scheduled_at" in error["message"]


async def test_invalid_post_reports_all_errors_at_once(stage: Stage, edit: str) -> None:
    youtube, tiktok = await stage.connect("youtube"), await stage.connect("tiktok")
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    foreign_edit = await other.upload(stage.clip)
    body = {
        "videos": [
            {
                "editId": edit,
                "targets": [
                    {"connectionId": youtube, "metadata": {"youtube": {"title": "x" * 101, "tags": "no list"}}},
                    {"connectionId": tiktok, "metadata": YOUTUBE},
                    {"connectionId": tiktok},
                    {"connectionId": "nobody", "metadata": {}},
                    {"connectionId": youtube, "metadata": {"myspace": {}, "youtube": {"title": "ok"}}},
                    {"metadata": {}},
                ],
            },
            {"editId": foreign_edit, "targets": [{"connectionId": youtube, "metadata": YOUTUBE}], "extra": 1},
            {"editId": edit, "targets": []},
            {"editId": 7, "targets": [{"connectionId": youtube, "metadata": YOUTUBE}]},
            "not an object",
        ],
        "scheduled_at": "2020-01-01T00:00:00Z",
    }
    base = "/videos/0/targets"
    assert await errors_of(stage, body) == {
        (f"{base}/0/metadata/youtube/title", "too_long"),
        (f"{base}/0/metadata/youtube/tags", "wrong_type"),
        (f"{base}/1/metadata/youtube", "wrong_platform"),
        (f"{base}/2/metadata/tiktok/privacyLevel", "required"),
        (f"{base}/3/connectionId", "not_found"),
        (f"{base}/4/metadata/myspace", "unknown_field"),
        (f"{base}/5/connectionId", "required"),
        ("/videos/1/editId", "not_found"),
        ("/videos/1/extra", "unknown_field"),
        ("/videos/2/targets", "too_short"),
        ("/videos/3/editId", "wrong_type"),
        ("/videos/4", "wrong_type"),
        ("/scheduled_at", "in_the_past"),
    }


async def test_partial_post_creates_its_valid_items(stage: Stage, edit: str, target: dict[str, Any]) -> None:
    bad = target | {"metadata": {"youtube": {"title": "x" * 101}}}
    lost = {"connectionId": "nobody", "metadata": YOUTUBE}
    body = {
        "videos": [{"editId": edit, "targets": [bad, target, lost, target]}, {"editId": "gone", "targets": [target]}]
    }
    response = await stage.caller.post("/posts", body, params={"partial": "true"})
    created = response.json()
    assert (response.status_code, created["item_count"]) == (201, 1)
    assert {(e["path"], e["code"]) for e in created["errors"]} == {
        ("/videos/0/targets/0/metadata/youtube/title", "too_long"),
        ("/videos/0/targets/2/connectionId", "not_found"),
        ("/videos/0/targets/3", "not_unique"),
        ("/videos/1/editId", "not_found"),
    }
    await stage.run_until_ended()
    assert (await stage.show(created["post_id"]))["status"] == "completed"


async def test_partial_post_without_a_valid_item_or_time_is_rejected(
    stage: Stage, edit: str, target: dict[str, Any]
) -> None:
    lost = {"videos": [{"editId": edit, "targets": [{"connectionId": "nobody"}]}]}
    late = {"videos": [{"editId": edit, "targets": [target]}], "scheduled_at": "2020-01-01T00:00:00Z"}
    for body in (lost, late):
        assert (await stage.caller.post("/posts", body, params={"partial": "true"})).status_code == 422
    assert await nothing_was_created(stage)


async def test_same_clip_twice_for_a_connection_is_an_error(stage: Stage, edit: str, target: dict[str, Any]) -> None:
    body = {"videos": [{"editId": edit, "targets": [target, target]}, {"editId": edit, "targets": [target]}]}
    assert await errors_of(stage, body) == {
        ("/videos/0/targets/1", "not_unique"),
        ("/videos/1/targets/0", "not_unique"),
    }


async def test_clip_is_checked_by_the_rules_of_each_platform(stage: Stage, tmp_path) -> None:  # type: ignore[no-untyped-def]
    small = await stage.caller.upload(make_clip(tmp_path / "small.mp4", seconds=2, width=200, height=200))
    connection = await stage.connect("tiktok")
    body = {
        "videos": [{"editId": small, "conform": "never", "targets": [{"connectionId": connection, "metadata": TIKTOK}]}]
    }
    response = await stage.caller.post("/posts/validate", body)
    [error] = response.json()["errors"]
    assert (error["path"], error["code"], error["limit"], error["actual"]) == (
        "/videos/0/targets/0", "picture_too_small", 360, 200,
    )  # fmt: skip
    assert error["docs_url"].startswith("https://")
    assert [w["code"] for w in response.json()["warnings"]] == ["video_very_short"]


async def test_a_large_post(stage: Stage, target: dict[str, Any]) -> None:
    """Create a post of many clips and accounts, which are copies of one clip and one account."""
    edits = [await stage.caller.upload(stage.clip, f"{n}.mp4") for n in range(3)]
    connections = [target["connectionId"], await stage.connect("youtube", "tidepool")]
    body = {
        "videos": [
            {"editId": edit, "targets": [{"connectionId": c, "metadata": YOUTUBE} for c in connections]}
            for edit in edits
        ]
    }
    created = (await stage.caller.post("/posts", body)).json()
    assert created["item_count"] == 6
    items = (await stage.show(created["post_id"]))["items"]
    assert [(i["edit_id"], i["connection_id"]) for i in items] == [(e, c) for e in edits for c in connections]


async def test_post_of_100_videos_for_50_accounts_creates_5000_items(
    stage: Stage, edit: str, target: dict[str, Any]
) -> None:
    """Create the largest allowed post; its clips and accounts are copies of one."""
    async with stage.installation.database.begin() as session:
        render = (await session.execute(select(Render).options(undefer("*")))).scalar_one()
        account = (await session.execute(select(Connection))).scalar_one()
        clips = [await _copy(session, render.clip) for _ in range(100)]
        renders = [await _copy(session, render, clip_id=clip.id, edit_setting_id=new_id()) for clip in clips]
        accounts = [await _copy(session, account, account_id=f"copy {n}") for n in range(50)]
    targets = [{"connectionId": str(one.id), "metadata": YOUTUBE} for one in accounts]
    body = {"videos": [{"editId": str(one.edit_setting_id), "targets": targets} for one in renders]}
    response = await stage.caller.post("/posts", body)
    assert response.status_code == 201, response.text
    assert response.json()["item_count"] == 5000
    items = (await stage.show(response.json()["post_id"]))["items"]
    assert len({(item["edit_id"], item["connection_id"]) for item in items}) == 5000


async def _copy(session: AsyncSession, row: Any, **changes: Any) -> Any:
    values = {column.key: getattr(row, column.key) for column in row.__table__.columns} | {"id": new_id()}
    copy = type(row)(**values | changes)
    session.add(copy)
    await session.flush()
    return copy


async def test_too_many_videos_or_targets_are_errors(stage: Stage, edit: str, target: dict[str, Any]) -> None:
    many = {"videos": [{"editId": edit, "targets": [target] * 51}]}
    assert ("/videos/0/targets", "too_long") in await errors_of(stage, many)
    assert ("/videos", "too_long") in await errors_of(stage, {"videos": [{"editId": edit, "targets": [target]}] * 101})


@pytest.mark.parametrize("body", [{}, {"videos": []}, {"videos": None}, {"videos": "x"}, {"videos": {}}])
async def test_body_without_videos_is_an_error(stage: Stage, body: Any) -> None:
    assert {path for path, _ in await errors_of(stage, body)} == {"/videos"}


async def test_connection_and_clip_of_another_workspace_are_not_found(stage: Stage, target: dict[str, Any]) -> None:
    other = await Caller.create(stage.installation, stage.caller.http, "Other")
    edit = await other.upload(stage.clip)
    response = await other.post("/posts", {"videos": [{"editId": edit, "targets": [target]}]})
    assert [(e["path"], e["code"]) for e in response.json()["errors"]] == [
        ("/videos/0/targets/0/connectionId", "not_found")
    ]
