"""Switching accounts off and on, removing them, and links that are good once."""

from datetime import timedelta
from uuid import UUID

import httpx2

from clipcast.cli.browser import consent
from clipcast.clock import clock
from clipcast.connections import manage
from clipcast.connections.links import make_link, read_link
from clipcast.connections.models import Connection
from clipcast.installation import Installation
from tests.harness import ACCOUNT, Caller, Sandbox, Stage

TIKTOK = {"title": "x", "privacyLevel": "SELF_ONLY"}


async def connection_of(here: Installation, connection_id: str) -> Connection:
    async with here.database.session() as session:
        return await session.get_one(Connection, UUID(connection_id))


async def test_nothing_goes_to_an_account_that_is_switched_off(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    workspace = UUID(stage.caller.workspace_id)
    async with stage.here.database.begin() as session:
        await manage.switch_off(session, workspace, connection)
    await stage.run_until_ended()
    item = await stage.item(post)
    assert (item["status"], item["error"]["message"]) == ("failed", "It was switched off in the app.")
    assert await stage.sandbox.posts("tiktok") == []
    async with stage.here.database.begin() as session:
        await manage.switch_on(session, workspace, connection)
    assert (await stage.caller.post(f"/posts/{post}/items/{item['id']}/retry")).status_code == 202
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"


async def test_a_removed_account_is_gone_and_its_posts_stay(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    await stage.run_until_ended()
    workspace = UUID(stage.caller.workspace_id)
    row = await connection_of(stage.here, connection)
    assert await manage.revoke(stage.here, row) == "TikTok has ended the access."
    async with stage.here.database.begin() as session:
        await manage.remove(stage.here, session, workspace, connection)
    assert (await stage.caller.get("/connections")).json()["connections"] == []
    assert (await stage.caller.get(f"/connections/{connection}")).status_code == 404
    assert (await stage.item(post))["account"]["username"] == ACCOUNT
    assert stage.here.vault.open((await connection_of(stage.here, connection)).tokens) is None
    again = await stage.caller.post(
        "/posts",
        {"videos": [{"editId": (await stage.item(post))["edit_id"], "targets": [{"connectionId": connection}]}]},
    )
    assert again.json()["errors"][0]["code"] == "not_found"
    # Connected again, it is the connection that it was.
    assert await stage.connect("tiktok") == connection
    assert (await stage.caller.get(f"/connections/{connection}")).json()["status"] == "active"


async def test_what_waits_for_a_removed_account_fails_and_says_so(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    async with stage.here.database.begin() as session:
        await manage.remove(stage.here, session, UUID(stage.caller.workspace_id), connection)
    await stage.run_until_ended()
    item = await stage.item(post)
    assert (item["status"], item["error"]["message"]) == ("failed", "It was removed from the workspace.")


async def test_platforms_that_cannot_be_told_are_named(stage: Stage, sandbox: Sandbox) -> None:
    """The tokens are forgotten all the same; the person learns what is left to do."""
    instagram = await stage.connect("instagram")
    said = await manage.revoke(stage.here, await connection_of(stage.here, instagram))
    assert "Instagram has no call that ends a sign-in." in said
    tiktok = await stage.connect("tiktok")
    await sandbox.fault("tiktok", "revoke", "before", "reset", times=5)
    assert (await manage.revoke(stage.here, await connection_of(stage.here, tiktok))).startswith("TikTok: ")


async def test_a_link_is_good_once(here: Installation, caller: Caller) -> None:
    link = make_link(here, UUID(caller.workspace_id), "tiktok")
    mounts = {here.settings.public_base: caller.http._transport}

    async def use() -> httpx2.Response:
        async with httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as browser:
            return await consent(browser, link, ACCOUNT)

    async with httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as browser:
        denied = await consent(browser, link, ACCOUNT, "deny")
    assert denied.status_code == 400  # and that does not use it up
    assert (await use()).status_code == 200
    assert "was used already" in (await use()).text


async def test_two_who_began_with_one_link(here: Installation, caller: Caller) -> None:
    """Both have the consent page open; only the first that comes back connects."""
    link = make_link(here, UUID(caller.workspace_id), "tiktok")
    mounts = {here.settings.public_base: caller.http._transport}
    from clipcast.cli.browser import answer

    async with (
        httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as one,
        httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as two,
    ):
        pages = await one.get(link), await two.get(link)
        first = await answer(one, pages[0], ACCOUNT)
        second = await answer(two, pages[1], ACCOUNT)
    assert first is not None
    assert second is not None
    assert (first.status_code, second.status_code) == (200, 400)
    assert "was used already" in second.text


async def test_a_link_ends(here: Installation, caller: Caller) -> None:
    token = make_link(here, UUID(caller.workspace_id), "tiktok").rsplit("/", 1)[1]
    assert await read_link(here, token) is not None
    clock.move(timedelta(hours=25))
    assert await read_link(here, token) is None
