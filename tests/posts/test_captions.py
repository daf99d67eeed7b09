"""The search of captions: any part of those of the newest posts, and the beginnings of words in all."""

from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.posts import captions
from clipcast.posts.listing import Wanted, list_lines
from clipcast.testing.harness import Stage, some_day
from tests.database.plans import fill_table, of_many, plan_of
from tests.posts.many import copy_post

CAPTIONS = ("Dawn-patrol at the PIER, 3 boats", "Dawn over roofs", "صباح الخير من الميناء", "😀 Rooftop")
WORDS = {"title": "x", "privacyLevel": "SELF_ONLY"}


@pytest.fixture
async def posts(stage: Stage) -> list[UUID]:
    """Return four posts in the order of their times."""
    connection = await stage.connect("tiktok")
    first = await stage.post(connection, "tiktok", WORDS, await stage.caller.upload(stage.clip))
    database, now = stage.installation.database, clock.now()
    made = await copy_post(database, first, [now + timedelta(days=day) for day in range(1, 5)])
    for post, caption in zip(
        made,
        ("Dawn-patrol at the PIER, 3 boats", "Dawn over roofs", "صباح الخير من الميناء", "😀 Rooftop"),
        strict=True,
    ):
        async with database.begin() as session:
            words = WORDS | {"title": caption}
            await session.execute(update(Item).where(Item.post_id == post).values(details=words))
    return made


async def found(stage: Stage, query: str) -> list[UUID]:
    async with stage.installation.database.session() as session:
        wanted = Wanted(query=query)
        listed = await list_lines(session, UUID(stage.caller.workspace_id), wanted, 10, count=True)
    assert listed.total in (None, len(listed.posts))
    return [post.id for post in listed.posts][::-1]


async def test_old_captions_are_found_by_the_beginnings_of_words(
    stage: Stage, posts: list[UUID], monkeypatch: pytest.MonkeyPatch
) -> None:
    pier, roofs, greeting, rooftop = posts
    assert await found(stage, "ier") == [pier]  # all are among the newest
    monkeypatch.setattr(captions, "NEWEST", 1)
    for query, posts_found in {
        "dawn": [pier, roofs], "DA": [pier, roofs], "boats dawn": [pier], "pie": [pier], "ier": [], "3": [pier],
        "dawn-patrol": [pier], "roof": [roofs, rooftop], "ooft": [rooftop], "الميناء": [greeting], "😀": [rooftop],
        "only": [], "self": [], "dawn's": [], "'dawn' & ! |": [pier, roofs], "%": [], "\\": [],
    }.items():  # fmt: skip
        assert await found(stage, query) == posts_found, query
    # Frequent words are found by walking along the times.
    monkeypatch.setattr(captions, "FREQUENT", 0)
    assert await found(stage, "dawn") == [pier, roofs]


async def test_caption_of_the_item_that_is_left_is_found(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(captions, "NEWEST", 1)
    accounts = [await stage.connect("tiktok"), await stage.connect("tiktok", "night_bakery")]
    edit = await stage.caller.upload(stage.clip)
    targets = [
        {"connectionId": id, "metadata": {"tiktok": WORDS | {"title": caption}}}
        for id, caption in zip(accounts, ("Dawn", "Gulls"), strict=True)
    ]
    body = {"videos": [{"editId": edit, "targets": targets}], "scheduled_at": f"{some_day()}T12:00:00Z"}
    made = (await stage.caller.post("/posts", body)).json()["post_id"]
    targets[1]["metadata"] = targets[0]["metadata"]
    later = {"scheduled_at": f"{some_day(1)}T12:00:00Z", "allow_duplicate": True}
    assert (await stage.caller.post("/posts", body | later)).status_code == 201
    assert await found(stage, "gull") == []
    async with stage.installation.database.session() as session:
        first = (await session.scalars(select(Item.id).where(Item.post_id == UUID(made), Item.position == 0))).one()
    assert (await stage.caller.call("DELETE", f"/posts/{made}/items/{first}")).status_code == 204
    assert await found(stage, "gull") == [UUID(made)]


async def test_plan_for_all_words_uses_the_index_of_captions(installation: Installation) -> None:
    """A connection that has sent some searches may plan them for all words. It read every item then, for seconds."""
    query = select(Item.post_id).where(captions.with_words("dawn"))
    async with installation.database.session() as session:
        await fill_table(session, Item, 3000, workspace_id=of_many, details=lambda _: {"title": "Dawn"})
        plan, _ = await plan_of(session, lambda: session.execute(query))
    assert "ix_items_caption_words" in plan
