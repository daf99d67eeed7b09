"""Rows of a platform whose plugin is not installed now stay readable, and publish nothing."""

from uuid import UUID

from sqlalchemy import update

from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import Stage


def test_absent_platform_is_not_listed_and_has_its_name_as_title() -> None:
    assert "kelp" not in PLATFORMS
    assert PLATFORMS["kelp"].title == "kelp"
    assert "kelp" not in list(PLATFORMS)
    assert PLATFORMS.get("kelp") is None


async def test_item_of_absent_platform_waits_with_an_error_for_the_operator(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    post_id = await stage.post(connection, "youtube", {"title": "Tide"})
    async with stage.installation.database.begin() as session:
        await session.execute(update(Connection).where(Connection.id == UUID(connection)).values(platform="kelp"))
        await session.execute(update(Item).where(Item.post_id == UUID(post_id)).values(platform="kelp"))
    await stage.worker.run_due()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"], item["error"]["code"], item["error"]["actor"]) == (
        "processing", "transient", "platform_not_installed", "operator",
    )  # fmt: skip
    for path in ("/connections", f"/connections/{connection}", "/posts", f"/posts/{post_id}"):
        assert (await stage.caller.get(path)).status_code == 200, path
    assert await stage.sandbox.posts() == []


async def test_new_item_of_absent_platform_has_one_problem(stage: Stage) -> None:
    """Only the platform's package has its limits, so preflight checks neither the clip nor the metadata."""
    connection = await stage.connect("youtube")
    edit = await stage.caller.upload(stage.clip)
    async with stage.installation.database.begin() as session:
        await session.execute(update(Connection).where(Connection.id == UUID(connection)).values(platform="kelp"))
    target = {"connectionId": connection, "metadata": {"kelp": {"title": "Tide"}}}
    body = {"videos": [{"editId": edit, "targets": [target]}]}
    report = (await stage.caller.post("/posts/validate", body)).json()
    [problem] = report["errors"]
    assert (problem["path"], problem["code"]) == ("/videos/0/targets/0/connectionId", "platform_not_installed")
    assert problem["message"] == (
        "The platform kelp is not installed. The operator must install its package and restart Clipcast."
    )
    assert report["warnings"] == []
    [rejected] = (await stage.caller.post("/posts", body)).json()["errors"]
    assert (rejected["path"], rejected["code"]) == (problem["path"], problem["code"])


async def test_waiting_item_of_absent_platform_can_be_changed_and_ends_with_the_error(stage: Stage) -> None:
    connection = await stage.connect("youtube")
    post_id = await stage.post(connection, "youtube", {"title": "Tide"})
    async with stage.installation.database.begin() as session:
        await session.execute(update(Connection).where(Connection.id == UUID(connection)).values(platform="kelp"))
        await session.execute(update(Item).where(Item.post_id == UUID(post_id)).values(platform="kelp"))
    await stage.worker.run_due()
    item = await stage.item(post_id)
    change = {"metadata": {"kelp": {"title": "Low tide"}}}
    changed = await stage.caller.call("PATCH", f"/posts/{post_id}/items/{item['id']}", json=change)
    assert changed.status_code == 200, changed.text
    await stage.run_until_ended()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("failed", "platform_not_installed")
    retried = await stage.caller.post(f"/posts/{post_id}/retry")
    assert retried.status_code in (200, 202), retried.text
