"""Pausing, resuming and removing accounts, and links that work once."""

from datetime import timedelta
from uuid import UUID

import httpx2
import pytest

from clipcast.cli.browser import answer, consent
from clipcast.clock import clock
from clipcast.common.problems import NotFound
from clipcast.connections import manage
from clipcast.connections.links import hand_out_link, list_links, make_link, read_link, withdraw_link
from clipcast.database.models.connections import Connection, ConnectLink
from clipcast.database.models.people import Membership, User
from clipcast.installation import Installation
from clipcast.testing.crash_injection import Killed, killed_at
from clipcast.testing.harness import ACCOUNT, Caller, Sandbox, Stage

TIKTOK = {"title": "x", "privacyLevel": "SELF_ONLY"}


async def connection_of(installation: Installation, connection_id: str) -> Connection:
    async with installation.database.session() as session:
        return await session.get_one(Connection, UUID(connection_id))


async def set_paused(stage: Stage, connection: str, paused: bool) -> None:
    change = manage.switch_off if paused else manage.switch_on
    async with stage.installation.database.begin() as session:
        await change(session, UUID(stage.caller.workspace_id), connection)


async def test_item_of_paused_account_waits_until_it_is_resumed(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    await set_paused(stage, connection, True)
    await stage.run_until_ended(timedelta(days=1))
    item = await stage.item(post)
    assert (item["status"], item["error"]["code"]) == ("processing", "connection_disabled")
    assert (item["error"]["class"], item["error"]["actor"]) == ("reconnect", "caller")
    assert (item["error"]["message"], item["error"]["fix"]) == (
        "The account is paused.",
        "Resume it under Accounts. The item then continues.",
    )
    assert await stage.sandbox.posts("tiktok") == []
    await set_paused(stage, connection, False)
    await stage.run_all()
    assert (await stage.item(post))["status"] == "published"


async def test_item_of_paused_account_fails_after_the_grace_and_can_be_retried(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    await set_paused(stage, connection, True)
    await stage.run_until_ended(timedelta(days=8))
    item = await stage.item(post)
    assert (item["status"], item["error"]["code"]) == ("failed", "connection_disabled")
    await set_paused(stage, connection, False)
    assert (await stage.caller.post(f"/posts/{post}/items/{item['id']}/retry")).status_code == 202
    await stage.run_until_ended()
    assert (await stage.item(post))["status"] == "published"


async def test_account_paused_after_the_video_was_sent_gives_outcome_unknown(stage: Stage) -> None:
    """`failed` with any other class would mean that there is no video."""
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    with killed_at("chunk", "after"), pytest.raises(Killed):
        await stage.worker.run_due()
    await set_paused(stage, connection, True)
    await stage.run_until_ended(timedelta(days=8))
    item = await stage.item(post)
    assert (item["status"], item["error"]["class"]) == ("failed", "outcome_unknown")
    assert len(await stage.sandbox.posts("tiktok")) == 1


async def test_preflight_rejects_paused_account_with_the_fix(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    await set_paused(stage, connection, True)
    target = {"connectionId": connection, "metadata": {"tiktok": TIKTOK}}
    body = {"videos": [{"editId": await stage.caller.upload(stage.clip), "targets": [target]}]}
    [problem] = (await stage.caller.post("/posts", body)).json()["errors"]
    assert problem["code"] == "connection_disabled"
    assert problem["message"] == "The account is paused. Resume it under Accounts."
    options = (await stage.caller.get(f"/connections/{connection}/options")).json()
    assert options["detail"] == "The account is paused. Resume it under Accounts."
    assert (await stage.caller.get(f"/connections/{connection}")).json()["status"] == "disabled"


async def test_reconnecting_a_paused_account_does_not_resume_it(stage: Stage) -> None:
    """A person with a link must not undo the decision of an owner."""
    connection = await stage.connect("tiktok")
    await set_paused(stage, connection, True)
    assert await stage.connect("tiktok") == connection
    assert (await stage.caller.get(f"/connections/{connection}")).json()["status"] == "disabled"


async def test_removed_account_disappears_and_its_posts_stay(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    await stage.run_until_ended()
    workspace = UUID(stage.caller.workspace_id)
    row = await connection_of(stage.installation, connection)
    assert await manage.revoke(stage.installation, row) == "TikTok has ended the access."
    async with stage.installation.database.begin() as session:
        await manage.remove(stage.installation, session, workspace, connection)
    assert (await stage.caller.get("/connections")).json()["connections"] == []
    assert (await stage.caller.get(f"/connections/{connection}")).status_code == 404
    assert (await stage.item(post))["account"]["username"] == ACCOUNT
    assert stage.installation.vault.open((await connection_of(stage.installation, connection)).tokens) is None
    again = await stage.caller.post(
        "/posts",
        {"videos": [{"editId": (await stage.item(post))["edit_id"], "targets": [{"connectionId": connection}]}]},
    )
    assert again.json()["errors"][0]["code"] == "not_found"
    # Connected again, it is the connection that it was.
    assert await stage.connect("tiktok") == connection
    assert (await stage.caller.get(f"/connections/{connection}")).json()["status"] == "active"


async def test_waiting_item_of_removed_account_fails_with_the_reason(stage: Stage) -> None:
    connection = await stage.connect("tiktok")
    post = await stage.post(connection, "tiktok", TIKTOK)
    async with stage.installation.database.begin() as session:
        await manage.remove(stage.installation, session, UUID(stage.caller.workspace_id), connection)
    await stage.run_until_ended()
    item = await stage.item(post)
    assert (item["status"], item["error"]["message"]) == ("failed", "The account was removed from the workspace.")


async def test_failed_revocation_names_the_platform_and_the_reason(stage: Stage, sandbox: Sandbox) -> None:
    """The person must end the access at the platform, because Clipcast could not."""
    instagram = await stage.connect("instagram")
    result = await manage.revoke(stage.installation, await connection_of(stage.installation, instagram))
    assert "Instagram has no request that revokes an authorization." in result
    tiktok = await stage.connect("tiktok")
    await sandbox.fault("tiktok", "revoke", "before", "reset", times=5)
    assert (await manage.revoke(stage.installation, await connection_of(stage.installation, tiktok))).startswith(
        "TikTok: "
    )


async def test_link_connects_once(installation: Installation, caller: Caller) -> None:
    link = make_link(installation, UUID(caller.workspace_id), "tiktok")
    mounts = {installation.settings.public_base: caller.http._transport}

    async def use() -> httpx2.Response:
        async with httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as browser:
            return await consent(browser, link, ACCOUNT)

    async with httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as browser:
        denied = await consent(browser, link, ACCOUNT, "deny")
    assert denied.status_code == 400  # and that does not use it up
    assert (await use()).status_code == 200
    assert "was used already" in (await use()).text


async def test_second_browser_of_one_link_gets_an_error(installation: Installation, caller: Caller) -> None:
    """Two browsers have the consent page open. Only the first that returns connects."""
    link = make_link(installation, UUID(caller.workspace_id), "tiktok")
    mounts = {installation.settings.public_base: caller.http._transport}
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


async def test_link_expires_after_24_hours(installation: Installation, caller: Caller) -> None:
    token = make_link(installation, UUID(caller.workspace_id), "tiktok").rsplit("/", 1)[1]
    assert await read_link(installation, token) is not None
    clock.move(timedelta(hours=25))
    assert await read_link(installation, token) is None


async def made_by(installation: Installation, caller: Caller, role: str) -> User:
    async with installation.database.begin() as session:
        user = User(email="editor@example.org", name="Editor", password_hash="-")
        session.add(user)
        await session.flush()
        session.add(Membership(user_id=user.id, workspace_id=UUID(caller.workspace_id), role=role))
    return user


async def hand_out(installation: Installation, caller: Caller, user: User | None) -> str:
    maker = (str(user.id), user.name) if user else None
    async with installation.database.begin() as session:
        return await hand_out_link(installation, session, UUID(caller.workspace_id), "tiktok", None, maker)


async def open_links(installation: Installation, caller: Caller) -> list[ConnectLink]:
    async with installation.database.session() as session:
        return await list_links(session, UUID(caller.workspace_id))


@pytest.mark.parametrize("left_as", [None, "viewer"])
async def test_link_of_a_removed_or_demoted_editor_connects_nothing(
    installation: Installation, caller: Caller, left_as: str | None
) -> None:
    """Clipcast checks the maker's role when the account is connected, even if the authorization started before."""
    user = await made_by(installation, caller, "editor")
    workspace = UUID(caller.workspace_id)
    link = await hand_out(installation, caller, user)
    assert len(await open_links(installation, caller)) == 1
    mounts = {installation.settings.public_base: caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as browser:
        begun = await browser.get(link)
        async with installation.database.begin() as session:
            membership = await session.get_one(Membership, (user.id, workspace))
            if left_as:
                membership.role = left_as
            else:
                await session.delete(membership)
        page = await answer(browser, begun, ACCOUNT)
        again = await browser.get(link)
    assert page is not None
    assert (page.status_code, again.status_code) == (400, 400)
    assert (await caller.get("/connections")).json()["connections"] == []
    assert await open_links(installation, caller) == []


async def test_open_links_are_listed_and_withdrawn(installation: Installation, caller: Caller) -> None:
    user = await made_by(installation, caller, "editor")
    link, operators = await hand_out(installation, caller, user), await hand_out(installation, caller, None)
    shown = await open_links(installation, caller)
    assert [one.maker_name for one in shown] == ["clipcast connect", "Editor"]
    other = await Caller.create(installation, caller.http, "Other")
    async with installation.database.begin() as session:
        with pytest.raises(NotFound):
            await withdraw_link(session, UUID(other.workspace_id), str(shown[1].id))
        await withdraw_link(session, UUID(caller.workspace_id), str(shown[1].id))
    assert await read_link(installation, link.rsplit("/", 1)[1]) is None
    # A used link and an expired link are not open.
    mounts = {installation.settings.public_base: caller.http._transport}
    async with httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False) as browser:
        assert (await consent(browser, operators, ACCOUNT)).status_code == 200
    assert await open_links(installation, caller) == []
    await hand_out(installation, caller, None)
    clock.move(timedelta(hours=25))
    assert await open_links(installation, caller) == []


async def test_removal_of_an_account_fails_the_items_that_wait_for_it(stage: Stage) -> None:
    connection, workspace_id = await stage.connect("tiktok"), UUID(stage.caller.workspace_id)
    post_id = await stage.post(connection, "tiktok", {"title": "Tide", "privacyLevel": "PUBLIC_TO_EVERYONE"})
    async with stage.installation.database.begin() as session:
        await manage.switch_off(session, workspace_id, connection)
    await stage.run_all()
    assert (await stage.item(post_id))["status"] == "processing"
    async with stage.installation.database.begin() as session:
        await manage.remove(stage.installation, session, workspace_id, connection)
    await stage.run_all()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("failed", "connection_removed")
