"""Plans: CSV files whose rows become posts together or not at all."""

import asyncio
from typing import Any

import httpx2
import pytest
from sqlalchemy import func, select

from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.posts import Post
from clipcast.testing.harness import ACCOUNT, Caller, Stage, some_day
from tests.clips.test_imports import any_host, file_handler, serving

__all__ = ["any_host"]

NAME = f"@{ACCOUNT}"


async def send(caller: Caller, text: str | bytes, key: str | None = None, **query: Any) -> httpx2.Response:
    headers = {"Content-Type": "text/csv; charset=utf-8"} | ({"Idempotency-Key": key} if key else {})
    content = text.encode() if isinstance(text, str) else text
    return await caller.call("POST", "/posts/csv", content=content, headers=headers, params=query)


async def problems(caller: Caller, text: str | bytes, **query: Any) -> list[tuple[int, str | None, str]]:
    """Return line, column and code of each problem of a plan that is rejected."""
    response = await send(caller, text, **query)
    assert response.status_code == 422, response.text
    return [(one["line"], one.get("column"), one["code"]) for one in response.json()["errors"]]


async def number_of_posts(stage: Stage) -> int:
    async with stage.installation.database.session() as session:
        return int(await session.scalar(select(func.count()).select_from(Post)) or 0)


async def test_rows_become_posts_with_their_texts_and_fields(stage: Stage) -> None:
    for platform in ("youtube", "bluesky"):
        await stage.connect(platform)
    edit, day = await stage.caller.upload(stage.clip), some_day()
    text = (
        "\ufeffEdit_Id;To;Text;Title;Tags;At;timezone;youtube.privacyStatus;youtube.embeddable;bluesky.labels\r\n"
        f'{edit};youtube:{NAME} bluesky:{NAME};"First ""light"";\r\nsecond line";Dawn;sea, #harbour;{day} 18:00;'
        "America/Sao_Paulo;unlisted;FALSE;\r\n"
        ";;;;;;;;;\r\n"
        f"{edit};bluesky:{NAME};=1+1;;;;;;;sexual\r\n"
    )
    dry = (await send(stage.caller, text, dry_run=True)).json()
    assert dry["errors"] == [], dry
    assert await number_of_posts(stage) == 0
    response = await send(stage.caller, text)
    assert response.status_code == 201, response.text
    created = response.json()
    assert (created["post_count"], created["item_count"]) == (2, 3)
    assert [post["line"] for post in created["posts"]] == [2, 5]
    first, second = [await stage.show(post["post_id"]) for post in created["posts"]]
    assert first["scheduled_at"] == f"{day}T21:00:00.000Z"
    assert [item["metadata"] for item in first["items"]] == [
        {"youtube": {"title": "Dawn", "description": 'First "light";\r\nsecond line', "tags": ["sea", "harbour"],
                     "privacyStatus": "unlisted", "embeddable": False}},
        {"bluesky": {"text": 'First "light";\r\nsecond line', "tags": ["sea", "harbour"]}},
    ]  # fmt: skip
    assert second["status"] == "processing"
    assert second["items"][0]["metadata"] == {"bluesky": {"text": "=1+1", "labels": ["sexual"]}}
    shown = [item["metadata"] for row in dry["rows"] for item in row["items"]]
    assert shown == [item["metadata"] for post in (first, second) for item in post["items"]]
    async with stage.installation.database.session() as session:
        created_posts = select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "post.created")
        assert await session.scalar(created_posts) == 2


async def test_every_broken_row_is_reported_and_nothing_is_created(stage: Stage) -> None:
    for platform in ("threads", "bluesky", "pinterest"):
        await stage.connect(platform)
    edit = await stage.caller.upload(stage.clip)
    long = "x" * 400
    rows = [
        "edit_id,clip,files,to,text,at,threads.isSpoilerMedia,bluesky.captions",
        f"{edit},,,threads:{NAME},fine,,,",
        f"{edit},,,{NAME},which,,,",
        f"{edit},,,threads:@nobody,who,,,",
        f"{edit},,,bluesky:{NAME},{long},,,",
        f"{edit},,,pinterest:{NAME},no board,,,",
        f"{edit},,,threads:{NAME},when,tomorrow,,",
        f"{edit},,,threads:{NAME},zone,2099-01-01 10:00,,",
        f"{edit},,,threads:{NAME},bool,,perhaps,",
        f"{edit},,,threads:{NAME},other,,,[]",
        f"{edit},,,bluesky:{NAME},json,,,[oops",
        f"{edit},,clip.mp4,threads:{NAME},both,,,",
        f",,clip.mp4,threads:{NAME},local,,,",
        f",,,threads:{NAME},none,,,",
        f"{edit},,,,nobody,,,",
        f"0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69,,,threads:{NAME},gone,,,",
        f",0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69,,threads:{NAME},gone,,,",
        f"{edit},,,threads:{NAME},twice;,,,,,",
        f'{edit},,,threads:{NAME},"a"b,,,',
        f'{edit},,,threads:{NAME},"two\nlines",then,,',
        f'{edit},,,threads:{NAME},"open,,,',
    ]
    expected = [
        (3, "to", "ambiguous_account"), (4, "to", "not_found"), (5, "text", "too_long"),
        (6, "pinterest.boardId", "required"), (7, "at", "invalid_time"), (8, "at", "offset_missing"),
        (9, "threads.isSpoilerMedia", "wrong_type"), (10, "bluesky.captions", "wrong_platform"),
        (11, "bluesky.captions", "wrong_type"), (12, "files", "ambiguous_field"), (13, "files", "not_uploaded"),
        (14, "edit_id", "required"), (15, "to", "required"), (16, "edit_id", "not_found"), (17, "clip", "not_found"),
        (18, None, "too_many_cells"), (19, None, "text_after_quote"), (20, "at", "invalid_time"),
        (22, None, "quote_not_closed"),
    ]  # fmt: skip
    text = "\n".join(rows)
    found = await problems(stage.caller, text)
    assert sorted(set(found), key=lambda one: one[0]) == expected
    response = await send(stage.caller, text, key="broken")
    messages = {one["line"]: one["message"] for one in response.json()["errors"]}
    assert f"bluesky:{NAME}, pinterest:{NAME}, threads:{NAME}" in messages[3]
    assert messages[5].startswith("Bluesky: ")
    assert await number_of_posts(stage) == 0
    dry = (await send(stage.caller, text, dry_run=True)).json()
    assert dry["valid"] is False
    assert {(one["line"], one["column"], one["code"]) for one in dry["errors"]} == {
        one for one in expected if one[2] != "not_uploaded"
    }
    # The key is still free: the plan can be corrected and sent again.
    assert (await send(stage.caller, "\n".join(rows[:2]), key="broken")).status_code == 201


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (1, None, "plan_empty")),
        ("edit_id,to\n", (1, None, "plan_empty")),
        ("\n\nedit_id,to,texxt\n", (3, "texxt", "unknown_column")),
        ("edit_id,to,youtube.privacystatus\n", (1, "youtube.privacystatus", "unknown_column")),
        ("edit_id,to,YouTube.Titel\n", (1, "youtube.Titel", "unknown_column")),
        ("edit_id,to,youtube.title,YouTube.title\n", (1, "YouTube.title", "duplicate_column")),
        ("edit_id,to,TO\n", (1, "TO", "duplicate_column")),
        ("edit_id,text\n", (1, "to", "required")),
        ("to,text\n", (1, "edit_id", "required")),
        ("edit_id,to\nx,@b\n\xe4,@c".encode("latin-1"), (3, None, "not_utf8")),
        ("edit_id,to\n".encode("utf-16"), (1, None, "not_utf8")),
        ("edit_id,to\nx,a\0b\n", (2, "to", "forbidden_character")),
        ("edit_id,to\nx," + "@c;" * 60, (2, "to", "too_long")),
        ("edit_id,to\n" + "x;" * 101 + ",@b", (2, "edit_id", "too_long")),
    ],
)
async def test_plan_that_cannot_be_read_names_line_and_column(
    caller: Caller, text: str | bytes, expected: tuple[int, str | None, str]
) -> None:
    assert expected in await problems(caller, text)


async def test_other_media_type_and_too_large_body_are_rejected(caller: Caller) -> None:
    other = await caller.call("POST", "/posts/csv", content=b"x", headers={"Content-Type": "application/json"})
    assert (other.status_code, other.json()["code"]) == (415, "unsupported_media_type")
    large = await send(caller, b"x" * 10_000_001)
    assert (large.status_code, large.json()["code"]) == (413, "body_too_large")


async def test_repeated_key_creates_the_posts_once(stage: Stage) -> None:
    await stage.connect("threads")
    text = f"edit_id\tto\ttext\n{await stage.caller.upload(stage.clip)}\tthreads:{NAME}\tTide\n"
    both = await asyncio.gather(*(send(stage.caller, text, key="plan-1") for _ in range(2)))
    assert [one.status_code for one in both] == [201, 201]
    assert both[0].json() == both[1].json()
    assert await number_of_posts(stage) == 1
    other = await send(stage.caller, text + "\n", key="plan-1")
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


@pytest.mark.usefixtures("any_host")
async def test_clips_by_video_id_and_by_address(stage: Stage) -> None:
    await stage.connect("threads")
    await stage.caller.upload(stage.clip)
    [clip] = (await stage.caller.get("/clips")).json()["clips"]
    async with serving(file_handler(stage.clip.read_bytes())) as address:
        head = f"clip,url,to,text\n{clip['video_id']},,threads:{NAME},one\n,{address}/a.mp4,threads:{NAME},two\n"
        text = head + f",{address}/a.mp4;http://127.0.0.1:1/b.mp4,threads:{NAME},three\n"
        dry = (await send(stage.caller, text, dry_run=True)).json()
        assert (dry["valid"], [len(row["items"]) for row in dry["rows"]]) == (True, [1, 1, 2])
        assert [one[:2] for one in await problems(stage.caller, text)] == [(4, "url")]
        assert await number_of_posts(stage) == 0
        assert (await send(stage.caller, head)).json()["item_count"] == 2


async def test_largest_number_of_rows_and_items(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipcast.common.plan_text.ROWS_MAX", 2)
    monkeypatch.setattr("clipcast.posts.plans.service.ITEMS_MAX", 4)
    assert (4, None, "too_many_rows") in await problems(caller, "edit_id,to\n" + "x,@b\n" * 5)
    assert (3, None, "too_many_items") in await problems(caller, "edit_id,to\n" + "x;y,@b;@c\n" * 2)


async def test_other_requests_have_their_turn_between_rows(stage: Stage) -> None:
    """The rows of a plan are checked and created one by one, so that no plan holds up other requests."""
    await stage.connect("threads")
    rows, turns, done = 50, 0, asyncio.Event()
    text = "edit_id,to,text\n" + f"{await stage.caller.upload(stage.clip)},threads:{NAME},Tide\n" * rows

    async def others() -> None:
        nonlocal turns
        while not done.is_set():
            await asyncio.sleep(0)
            turns += 1

    beside = asyncio.create_task(others())
    assert (await send(stage.caller, text, dry_run=True)).json()["valid"]
    assert turns > rows
    response = await send(stage.caller, text)
    done.set()
    await beside
    assert (response.status_code, response.json()["post_count"]) == (201, rows)
    assert turns > 2 * rows


async def test_doubles_of_other_rows_and_posts_are_warnings_with_the_line(stage: Stage) -> None:
    await stage.connect("threads")
    edit = await stage.caller.upload(stage.clip)
    row = f"{edit},threads:{NAME},Tide,"
    later = f"{row}{some_day()}T18:00Z\n{row}{some_day(9)}T18:00Z\n"
    text = f"edit_id,to,text,at\n{row}\n{row}\n{later}{row}{some_day()}T19:00Z\n"
    dry = (await send(stage.caller, text, dry_run=True)).json()
    doubles = [(one["line"], one["message"][-22:]) for one in dry["warnings"] if one["code"] == "duplicate_content"]
    assert doubles == [(3, "by line 2 of the plan."), (6, "by line 4 of the plan.")]
    assert (await send(stage.caller, text)).status_code == 201
    dry = (await send(stage.caller, text, dry_run=True)).json()
    assert {one["line"] for one in dry["warnings"] if one["code"] == "duplicate_content"} == {2, 3, 4, 5, 6}
    allowed = (await send(stage.caller, text, dry_run=True, allow_duplicate=True)).json()
    assert "duplicate_content" not in str(allowed)


async def test_workspace_that_refuses_doubles_gets_none_by_a_plan(stage: Stage) -> None:
    await stage.connect("threads")
    edit = await stage.caller.upload(stage.clip)
    assert (await stage.caller.call("PATCH", "/workspace", json={"duplicates": "refuse"})).status_code == 200
    text = f"edit_id,to,text\n{edit},threads:{NAME},Tide\n{edit},threads:{NAME},Tide\n"
    dry = (await send(stage.caller, text, dry_run=True)).json()
    assert (dry["valid"], [(one["line"], one["code"]) for one in dry["errors"]]) == (False, [(3, "duplicate_content")])
    assert (await send(stage.caller, text)).status_code == 422
    assert (await stage.caller.get("/posts")).json()["posts"] == []
    created = await send(stage.caller, text, allow_duplicate=True)
    assert (created.status_code, created.json()["post_count"]) == (201, 2)
