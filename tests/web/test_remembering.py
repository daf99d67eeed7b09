"""Compose offers the settings of an account's last post that a person made again, as a choice that can be changed."""

import re
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.database import Database
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Draft, Item
from clipcast.installation import Installation
from clipcast.posts import service
from clipcast.posts.last_settings import LAST
from clipcast.testing.harness import Sandbox
from tests.database.plans import fill_table, of_many, plan_of_hot
from tests.web.browser import sent
from tests.web.conftest import Visitor, connect, upload

NOTE = "As in the last post"


@pytest.fixture
async def pins(owner: Visitor, installation: Installation, sandbox: Sandbox, clip: Any) -> dict[str, Any]:
    """Return the ids of accounts at Pinterest and LinkedIn, of a clip, and of two boards."""
    for platform in ("pinterest", "linkedin"):
        await connect(owner, installation, platform)
    await upload(owner, clip)
    async with installation.database.session() as session:
        accounts = {one.platform: str(one.id) for one in await session.scalars(select(Connection))}
    [only] = re.findall(r'data-pick="([\w-]+)"', (await owner.get("./compose/library/clips")).text)
    mine = (await sandbox.account("pinterest"))["account_id"]
    boards = [one.board_id for one in sandbox.simulators["pinterest"].boards.values() if one.account_id == mine]
    return accounts | {"clip": only, "boards": boards[:2]}


def typed(pins: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Return a form with both accounts, before the page has their fields."""
    return {
        "account": [pins["pinterest"], pins["linkedin"]], "clip": [pins["clip"]], "text": str(new_id()),
        "when": "now", "at": "", "zone": "UTC",
    } | more  # fmt: skip


async def send(owner: Visitor, pins: dict[str, Any], board: str, **more: Any) -> str:
    """Send a post to a board, and return its id."""
    fields = typed(pins, **{f"account.{pins['pinterest']}.boardId": board} | more)
    return (await owner.post(f"./compose/{new_id()}/send", fields)).headers["hx-redirect"].rsplit("/", 1)[1]


async def begun(owner: Visitor, pins: dict[str, Any], **more: Any) -> tuple[dict[str, Any], str, str]:
    """Begin a draft with both accounts. Return its form as the page shows it, the page, and its path."""
    draft = f"./compose/{new_id()}"
    assert (await owner.post(draft, typed(pins, **more))).status_code == 200
    page = (await owner.get(draft)).text
    return sent(page), page, draft


async def test_settings_of_the_last_post_are_offered_again_and_can_be_changed(
    owner: Visitor, pins: dict[str, Any], installation: Installation
) -> None:
    board_field, seen_field = f"account.{pins['pinterest']}.boardId", "platform.linkedin.visibility"
    first, second = pins["boards"]
    now, page, _ = await begun(owner, pins)
    assert (now[board_field], now[seen_field], page.count(NOTE)) == ([""], ["PUBLIC"], 0)
    post = await send(owner, pins, first, **{seen_field: "CONNECTIONS", "account.x": "", "title": "Words of a clip"})

    now, page, draft = await begun(owner, pins)
    assert (now[board_field], now[seen_field], now["title"]) == ([first], ["CONNECTIONS"], [""])
    assert page.count(NOTE) == 2
    # A change stays, also the one to no board and to the platform's default.
    await owner.post(draft, now | {board_field: "", seen_field: "PUBLIC"})
    page = (await owner.get(draft)).text
    now = sent(page)
    assert (now[board_field], now[seen_field], page.count(NOTE)) == ([""], ["PUBLIC"], 0)

    # A post that is sent before the page shows the fields has them.
    quick = await owner.post(f"./compose/{new_id()}/send", typed(pins))
    async with installation.database.session() as session:
        query = select(Item.platform, Item.details).where(Item.post_id == UUID(quick.headers["hx-redirect"][-36:]))
        items = {one.platform: one.details for one in await session.execute(query)}
    assert items["pinterest"]["boardId"] == first
    assert items["linkedin"]["visibility"] == "CONNECTIONS"
    # An edit and a copy have what their post had.
    await send(owner, pins, second)
    copied = (await owner.post(f"./posts/{post}/copy")).headers["location"]
    assert sent((await owner.get(copied)).text)[board_field] == [first]


async def test_removed_board_is_not_offered_again(owner: Visitor, pins: dict[str, Any], sandbox: Sandbox) -> None:
    board_field = f"account.{pins['pinterest']}.boardId"
    await send(owner, pins, pins["boards"][0])
    del sandbox.simulators["pinterest"].boards[pins["boards"][0]]
    clock.move(timedelta(minutes=2))
    now, page, draft = await begun(owner, pins)
    assert now[board_field] == [""]
    assert "not offered now" not in page
    answer = await owner.post(draft + "/send", now)
    assert "choose board" in answer.text
    # Nor is one that nobody can ask for.
    await send(owner, pins, pins["boards"][1])
    await sandbox.fault("pinterest", "boards", "before", "status", status=503, times=9)
    clock.move(timedelta(minutes=2))
    assert (await begun(owner, pins))[0][board_field] == [""]


async def test_posts_of_programs_get_nothing_and_teach_nothing(
    owner: Visitor, pins: dict[str, Any], installation: Installation
) -> None:
    first, second = pins["boards"]
    await send(owner, pins, first)
    workspace, pool = UUID(owner.base[-36:]), installation.database.hot_pool

    def body(metadata: dict[str, Any]) -> dict[str, Any]:
        target = {"connectionId": pins["pinterest"], "metadata": {"pinterest": metadata}}
        return {"videos": [{"editId": pins["clip"], "targets": [target]}]}

    with pytest.raises(service.ValidationFailed):
        await service.create_post(pool, workspace, body({}), installation.settings)
    await service.create_post(pool, workspace, body({"boardId": second}), installation.settings)
    assert (await begun(owner, pins))[0][f"account.{pins['pinterest']}.boardId"] == [first]


async def test_template_wins_over_the_last_post(
    owner: Visitor, pins: dict[str, Any], installation: Installation
) -> None:
    first, second = pins["boards"]
    board_field, seen_field = f"account.{pins['pinterest']}.boardId", "platform.linkedin.visibility"
    saved = {board_field: second, seen_field: "LOGGED_IN"}
    # A form with the fields says the defaults, too.
    resharing = "platform.linkedin.isReshareDisabledByAuthor"
    plain = {board_field: second, f"account.{pins['pinterest']}.boardSectionId": "", seen_field: "PUBLIC"}
    plain |= {resharing: "off"}
    for name, settings in (("Full", saved), ("Words", {}), ("Plain", plain)):
        await owner.post(f"./compose/{new_id()}/templates", typed(pins, template_name=name, **settings))
    await send(owner, pins, first, **{seen_field: "CONNECTIONS", resharing: "on"})
    listed = (await owner.get(f"./compose/{new_id()}/templates")).text
    found = dict(re.findall(r'<strong><bdi>([^<]*)</bdi></strong>.*?/use/([\w-]+)"', listed, re.DOTALL))
    for name, *expected in (
        ("Full", second, "LOGGED_IN", True), ("Words", first, "CONNECTIONS", True), ("Plain", second, "PUBLIC", False),
    ):  # fmt: skip
        draft = f"./compose/{new_id()}"
        await owner.post(f"{draft}/use/{found[name]}", {"clip": [pins["clip"]], "when": "now", "zone": "UTC"})
        now = sent((await owner.get(draft)).text)
        assert [now[board_field][-1], now[seen_field][-1]] == expected[:2], name
        async with installation.database.session() as session:
            content = (await session.get_one(Draft, UUID(draft[-36:]))).content
        # Drafts name what is no default.
        shared = {"visibility": expected[1]} if expected[1] != "PUBLIC" else {}
        shared |= {"isReshareDisabledByAuthor": True} if expected[2] else {}
        assert (content["by_platform"].get("linkedin", {}), content["by_account"]) == (
            shared, {pins["pinterest"]: {"boardId": expected[0]}},
        ), name  # fmt: skip


async def test_last_items_are_found_by_their_index(database: Database) -> None:
    async with database.session() as session:
        await fill_table(
            session, Item, 3000, workspace_id=lambda _: UUID(int=1), connection_id=of_many,
            by_person=lambda row: row % 4 == 0 or None,
        )  # fmt: skip
        plan = await plan_of_hot(session, LAST)
    assert "ix_items_by_person" in plan
    assert "Sort" not in plan
