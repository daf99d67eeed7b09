"""What every platform must do about accounts: connect, refresh, lose access."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx2

from clipcast.cli.browser import Form, answer, consent
from clipcast.clock import clock
from clipcast.connections.avatar_runner import avatars_part
from clipcast.connections.avatars import order_avatar
from clipcast.connections.links import make_link
from clipcast.database.models.connections import Connection
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.case import Case
from clipcast.testing.harness import ACCOUNT, Stage


def browser_of(stage: Stage, follow: bool = True) -> httpx2.AsyncClient:
    mounts = {stage.installation.settings.public_base: stage.caller.http._transport}
    return httpx2.AsyncClient(mounts=mounts, follow_redirects=follow, trust_env=False)


async def until_callback(browser: httpx2.AsyncClient, link: str) -> httpx2.URL:
    """Signs in up to where the platform sends the browser back, and tells where that is."""
    page = await browser.get(link)
    while True:
        if not page.is_redirect:
            answered = await answer(browser, page, ACCOUNT)
            assert answered is not None
            page = answered
        elif (url := page.url.join(page.headers["location"])).path.endswith("/callback"):
            return url
        else:
            page = await browser.get(url)


async def connection_of(stage: Stage, connection: str) -> dict[str, Any]:
    shown: dict[str, Any] = (await stage.caller.get(f"/connections/{connection}")).json()
    return shown


async def test_a_connected_account_is_shown(stage: Stage, case: Case, connection: str) -> None:
    shown = await connection_of(stage, connection)
    assert (shown["platform"], shown["username"], shown["status"]) == (case.platform, case.username, "active")
    assert shown["account_id"] == (await stage.sandbox.account(case.platform, case.username))["account_id"]
    assert set(PLATFORMS[case.platform].sign_in_method(case.sign_in_method).required_scopes) <= set(shown["scopes"])
    assert (shown["expires_at"] is None) == (case.refresh_after is None)


async def test_account_has_its_picture(stage: Stage, case: Case, connection: str) -> None:
    one = stage.installation
    async with one.database.begin() as session:
        await order_avatar(session, await session.get_one(Connection, UUID(connection)))
    worker = type(stage.worker)(one.settings, one.database, one.storage, one.vault, [avatars_part(one)])
    await worker.run_due()
    await worker.close()
    async with stage.installation.database.session() as session:
        row = await session.get_one(Connection, UUID(connection))
    assert (row.avatar_url is not None, row.avatar_key is not None) == (case.has_picture, case.has_picture)


async def test_connecting_again_keeps_the_connection(stage: Stage, case: Case, connection: str) -> None:
    assert await case.connect(stage) == connection


async def test_a_refused_sign_in_connects_nothing(stage: Stage, case: Case) -> None:
    link = make_link(stage.installation, UUID(stage.caller.workspace_id), case.platform, case.sign_in_method)
    async with browser_of(stage) as browser:
        if case.signs_in_by_form:
            page = await consent(browser, link, "nobody.here")
        else:
            page = await consent(browser, link, ACCOUNT, decision="deny")
    assert page.status_code == 400
    assert ("nobody.here" if case.signs_in_by_form else "access_denied") in page.text
    assert (await stage.caller.get("/connections")).json()["connections"] == []


async def test_a_state_works_once_and_in_one_browser(stage: Stage, case: Case) -> None:
    link = make_link(stage.installation, UUID(stage.caller.workspace_id), case.platform, case.sign_in_method)
    if case.signs_in_by_form:
        async with browser_of(stage) as browser, browser_of(stage) as thief:
            form = Form(ACCOUNT)
            form.feed((await browser.get(link)).text)
            url = f"{stage.installation.settings.public_base}{form.action}"
            typed = dict(form.fields) | form.typed
            stolen = await thief.post(url, data=typed)
            assert (await browser.post(url, data=typed)).status_code == 200
            again = await browser.post(url, data=typed)
        assert (stolen.status_code, "another browser" in stolen.text, again.status_code) == (400, True, 400)
        return
    async with browser_of(stage, follow=False) as browser, browser_of(stage) as thief:
        callback = await until_callback(browser, link)
        stolen = await thief.get(callback)
        assert (stolen.status_code, "another browser" in stolen.text) == (400, True)
        # That used nothing up: the browser that began goes on.
        assert (await browser.get(callback)).status_code == 200
        again = await browser.get(callback)
    assert again.status_code == 400


async def test_a_scope_that_was_not_allowed_is_named(stage: Stage, case: Case) -> None:
    """Where people may untick a scope, what publishing needs must all be there."""
    link = make_link(stage.installation, UUID(stage.caller.workspace_id), case.platform, case.sign_in_method)
    scopes = PLATFORMS[case.platform].sign_in_method(case.sign_in_method).required_scopes
    if not scopes:
        return  # an app password allows what it allows
    granular = False
    async with browser_of(stage) as browser:
        page = await browser.get(link)
        while (answered := await answer(browser, page, ACCOUNT, without=scopes[-1])) is not None:
            granular = granular or ('name="scope"' in page.text and "disabled" not in page.text)
            page = answered
    connected = (await stage.caller.get("/connections")).json()["connections"]
    if granular:
        assert (page.status_code, scopes[-1] in page.text, connected) == (400, True, [])
    else:
        assert (page.status_code, len(connected)) == (200, 1)


async def test_an_account_without_a_needed_scope_is_told_by_preflight(
    stage: Stage, case: Case, connection: str
) -> None:
    scopes = PLATFORMS[case.platform].sign_in_method(case.sign_in_method).required_scopes
    async with stage.installation.database.begin() as session:
        row = await session.get_one(Connection, UUID(connection))
        row.scopes = [scope for scope in row.scopes if scope not in scopes[-1:]]
    edit = await stage.store(stage.clip)
    target = {"connectionId": connection, "metadata": {case.platform: case.metadata}}
    answer = await stage.caller.post("/posts", {"videos": [{"editId": edit, "targets": [target]}]})
    if scopes:
        assert [e["code"] for e in answer.json()["errors"]] == ["scope_missing"]
        assert scopes[-1] in answer.json()["errors"][0]["message"]
    else:
        assert answer.status_code == 201


async def test_an_expired_token_is_refreshed(stage: Stage, case: Case, connection: str) -> None:
    before = await connection_of(stage, connection)
    clock.move(case.refresh_after or timedelta(days=400))
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    if case.refresh_after is None:
        assert (await stage.sandbox.requests(case.platform)) == [*case.asides, *case.requests]
        return
    assert (await stage.sandbox.requests(case.platform)).count("refresh") == 1 + case.challenges
    assert (await connection_of(stage, connection))["expires_at"] > before["expires_at"]


async def test_many_items_refresh_once(stage: Stage, case: Case, connection: str) -> None:
    clock.move(case.refresh_after or timedelta(days=400))
    posts = [await stage.post(connection, case.platform, case.metadata) for _ in range(6)]
    others = [stage.new_worker() for _ in range(2)]
    for _ in range(40):
        await asyncio.gather(*(worker.run_due() for worker in (stage.worker, *others)))
        clock.move(timedelta(seconds=1))
    for worker in others:
        await worker.close()
    assert {(await stage.item(post))["status"] for post in posts} == {"published"}
    refreshes = (await stage.sandbox.requests(case.platform)).count("refresh")
    assert refreshes == (0 if case.refresh_after is None else 1 + case.challenges)
    assert len(await stage.sandbox.posts(case.platform)) == 6


async def test_a_network_failure_never_disconnects(stage: Stage, case: Case, connection: str) -> None:
    clock.move(case.refresh_after or timedelta(days=400))
    await stage.sandbox.fault(case.platform, case.requests[0], "before", "reset")
    await stage.sandbox.fault(case.platform, "refresh", "before", "reset", times=2)
    await stage.sandbox.fault(case.platform, "refresh", "before", "status", status=503, times=2)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"
    assert (await connection_of(stage, connection))["status"] == "active"


async def test_a_revoked_account_needs_its_owner(stage: Stage, case: Case, connection: str) -> None:
    clock.move(timedelta(minutes=5))
    await stage.sandbox.change_account(case.signs_in_at or case.platform, revoked=True)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended(timedelta(days=1))
    item = await stage.item(post_id)
    assert item["status"] == "processing"
    assert (item["error"]["class"], item["error"]["actor"]) == ("reconnect", "account_owner")
    assert (await connection_of(stage, connection))["status"] == "needs_reconnect"
    edit = await stage.store(stage.clip)
    target = {"connectionId": connection, "metadata": {case.platform: case.metadata}}
    refused = await stage.caller.post("/posts", {"videos": [{"editId": edit, "targets": [target]}]})
    assert [e["code"] for e in refused.json()["errors"]] == ["connection_needs_reconnect"]
    # Connected again, the item goes on by itself.
    assert await case.connect(stage) == connection
    await stage.run_until_ended()
    assert (await stage.item(post_id))["status"] == "published"


async def test_an_item_waits_for_its_account_only_so_long(stage: Stage, case: Case, connection: str) -> None:
    clock.move(timedelta(minutes=5))
    await stage.sandbox.change_account(case.signs_in_at or case.platform, revoked=True)
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.run_until_ended(timedelta(days=8))
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["class"]) == ("failed", "reconnect")
    assert await stage.sandbox.posts(case.platform) == []


async def test_a_connection_of_the_sandbox_is_not_used_without_it(stage: Stage, case: Case, connection: str) -> None:
    post_id = await stage.post(connection, case.platform, case.metadata)
    await stage.sandbox.forget_requests()
    settings = stage.installation.settings.model_copy(update={"sandbox_url": None})
    worker = type(stage.worker)(
        settings, stage.installation.database, stage.installation.storage, stage.installation.vault
    )
    await worker.run_due()
    await worker.close()
    item = await stage.item(post_id)
    assert (item["status"], item["error"]["code"]) == ("failed", "sandbox_mismatch")
    assert await stage.sandbox.requests(case.platform) == []
