"""The accounts page: items that wait for an account, reconnects as the right account, and links."""

import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import httpx2
import pytest

from clipcast.cli.browser import answer
from clipcast.common.ids import new_id
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.publishing.worker import Worker
from clipcast.testing.harness import some_day
from tests.web.conftest import Visitor, form
from tests.web.test_compose_accounts import crowd

OTHER = "night_bakery"


@pytest.fixture
async def worker(installation: Installation) -> Any:
    worker = Worker(installation.settings, installation.database, installation.storage, installation.vault)
    yield worker
    await worker.close()


async def set_status(installation: Installation, connection: str, status: str) -> None:
    async with installation.database.begin() as session:
        row = await session.get_one(Connection, UUID(connection))
        row.status, row.status_reason = status, "TikTok no longer accepts the sign-in."


async def send(owner: Visitor, desk: dict[str, Any], **more: str) -> str:
    answer = await owner.post(f"./compose/{new_id()}/send", form(desk, **more))
    assert answer.status_code == 204, answer.text
    return str(answer.headers["hx-redirect"])


@asynccontextmanager
async def browser_of(owner: Visitor) -> AsyncIterator[httpx2.AsyncClient]:
    """Open the owner's browser, which also reaches the platforms."""
    mounts = {str(owner.client.base_url).rstrip("/"): owner.client._transport}
    async with httpx2.AsyncClient(
        mounts=mounts, follow_redirects=True, trust_env=False, cookies=owner.client.cookies
    ) as browser:
        yield browser


async def sign_in_as(browser: httpx2.AsyncClient, owner: Visitor, path: str, username: str) -> httpx2.Response:
    """Follow a link of the app to the platform's consent page, allow it as this account, and come back."""
    page = await browser.get(str(owner.client.base_url).rstrip("/") + owner._at(path))
    answered = await answer(browser, page, username)
    assert answered is not None
    return answered


@pytest.mark.parametrize("status", ["needs_reconnect", "disabled"])
async def test_item_that_waits_for_its_account_is_listed_under_needs_you(
    owner: Visitor, desk: dict[str, Any], installation: Installation, worker: Worker, status: str
) -> None:
    post = await send(owner, desk)
    await set_status(installation, desk["tiktok"], status)
    await worker.run_due()
    overview = (await owner.get(".")).text
    assert "Nothing needs you." not in overview
    if status == "needs_reconnect":  # one line for the account, and none for each post that waits for it
        assert "Reconnect @harbour.films on TikTok" in overview
        assert "1 item waits for it." in overview
    assert (f"{post}?item=" in overview) == (status == "disabled")
    assert post in (await owner.get("./posts?state=needs")).text
    assert "waiting for the account" in (await owner.get("./posts?state=needs")).text
    page = (await owner.get(post)).text
    assert "Waiting for the account" in page
    assert ("Reconnect @harbour.films" if status == "needs_reconnect" else "Resume @harbour.films") in page
    account = (await owner.get(f"./accounts/{desk['tiktok']}")).text
    assert "1 item is due" in account


async def test_overview_links_to_the_account_that_needs_a_reconnect(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    await set_status(installation, desk["tiktok"], "needs_reconnect")
    path = f"{owner.base}/accounts/{desk['tiktok']}"
    assert f'href="{path}"' in (await owner.get(".")).text
    page = (await owner.get(path)).text
    assert re.findall(r'id="connection-([\w-]+)"', page) == [desk["tiktok"]]
    assert f"expects={desk['tiktok']}" in page
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    assert (await owner.get(f"{second}/accounts/{desk['tiktok']}")).status_code == 404


async def test_former_addresses_of_accounts_lead_to_those_of_today(owner: Visitor, desk: dict[str, Any]) -> None:
    """Also a form of a page that was opened before, with its fields."""
    for path in ("", "?state=needs&client=none", f"/{desk['tiktok']}", f"/new/tiktok?expects={desk['tiktok']}"):
        moved = await owner.get("./connections" + path)
        assert (moved.status_code, moved.headers["location"]) == (308, owner._at("./accounts" + path))
        # Browsers keep no redirect that an earlier version of Clipcast, after a restore, turns around.
        assert moved.headers["cache-control"] == "no-store"
    for path in ("/bulk", f"/{desk['tiktok']}/off"):
        assert (await owner.post("./connections" + path)).headers["location"] == owner._at("./accounts" + path)
    assert (await owner.get("./connectionsx")).status_code == 404


async def test_paused_account_is_called_paused_everywhere(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    post = await send(owner, desk, when="later", at=f"{some_day()}T18:30")
    assert (await owner.post(f"./accounts/{desk['tiktok']}/off")).status_code == 303
    pages = [
        (await owner.get(path)).text
        for path in ("./accounts", f"./accounts/{desk['tiktok']}", post, "./compose/accounts/found?find=harbour")
    ]
    for page in pages:
        assert "paused" in page.casefold()
    for page in [*pages, (await owner.get(".")).text]:
        assert not re.search(r"switched? (it )?o(ff|n)|connect(ed)? it again|disabled<", page, re.IGNORECASE)


@pytest.mark.parametrize("status", ["needs_reconnect", "disabled"])
async def test_scheduled_post_of_unusable_account_is_moved(
    owner: Visitor, desk: dict[str, Any], installation: Installation, status: str
) -> None:
    post = await send(owner, desk, when="later", at=f"{some_day()}T18:30")
    await set_status(installation, desk["tiktok"], status)
    assert (await owner.post(post + "/reschedule", {"at": f"{some_day(1)}T09:00"})).status_code == 303
    id = post.rsplit("/", 1)[1]
    dragged = await owner.client.post(
        f"{owner.base}/calendar/posts/{id}/move",
        json={"instant": f"{some_day(2)}T09:00:00Z"},
        headers=owner.headers,
    )
    assert dragged.status_code == 200, dragged.text
    assert f"{some_day(2)}T" in (await owner.get(post)).text


async def test_reconnecting_as_another_account_asks_first(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    await set_status(installation, desk["tiktok"], "needs_reconnect")
    path = f"./accounts/new/tiktok?expects={desk['tiktok']}"
    async with browser_of(owner) as browser:
        page = await sign_in_as(browser, owner, path, OTHER)
    assert "You signed in as another account" in page.text
    assert "</strong>. Nothing was changed." in " ".join(page.text.split())
    assert f'<a href="{owner.base}/accounts">' in page.text
    assert f"@{OTHER}" in page.text
    assert f"@{OTHER}" not in (await owner.get("./accounts")).text
    # The right one is signed in after all: nothing of the stranger's is kept.
    async with browser_of(owner) as browser:
        page = await sign_in_as(browser, owner, path, "harbour.films")
    assert "Connected TikTok" in page.text
    listed = (await owner.get("./accounts?platform=tiktok")).text
    assert f"@{OTHER}" not in listed
    assert "<span>Sign-in ended</span>" not in listed


async def test_other_account_is_connected_after_confirmation(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    await set_status(installation, desk["tiktok"], "needs_reconnect")
    async with browser_of(owner) as browser:
        page = await sign_in_as(browser, owner, f"./accounts/new/tiktok?expects={desk['tiktok']}", OTHER)
        state, account = (re.findall(f'name="{name}" value="([^"]+)"', page.text)[0] for name in ("state", "account"))
        done = await browser.post(
            str(page.url.join("/connect/tiktok/choose")), data={"state": state, "account": account}
        )
    assert f"Connected TikTok <strong>@{OTHER}</strong>" in done.text
    assert "is not reconnected" in done.text
    assert "<span>Sign-in ended</span>" in (await owner.get("./accounts?platform=tiktok")).text


async def test_reconnect_of_an_unknown_account_returns_404(owner: Visitor, desk: dict[str, Any]) -> None:
    for expects in ("nonsense", desk["clip"], desk["youtube"]):
        assert (await owner.get(f"./accounts/new/tiktok?expects={expects}")).status_code == 404, expects


async def test_withdrawn_link_does_not_work(
    owner: Visitor, invited: Callable[[str], Awaitable[Visitor]], installation: Installation
) -> None:
    editor, viewer = await invited("editor"), await invited("viewer")
    made = (await editor.post("./accounts/links/tiktok")).text
    link = re.findall(r'class="connect-link"[^>]*>([^<]+)<', made)[0]
    assert "Made by New Member" in (await owner.get("./accounts")).text
    assert "Made by New Member" not in (await viewer.get("./accounts")).text
    path = re.findall(r"/accounts/links/[\w-]+/withdraw", (await owner.get("./accounts")).text)[0]
    assert (await viewer.post("." + path)).status_code == 403
    assert (await owner.post("." + path)).status_code == 303
    assert "Made by New Member" not in (await owner.get("./accounts")).text
    assert (await owner.get(link)).status_code == 400
    assert (await owner.post("." + path)).status_code == 404
    assert "connection.link_withdrawn" in (await owner.get("./settings")).text


async def test_sign_in_methods_are_named_in_plain_words(owner: Visitor) -> None:
    """The names of methods in the API, such as `oauth`, appear in addresses only."""
    for platform, method in (("instagram", "facebook"), ("linkedin", "organization"), ("bluesky", "oauth")):
        assert (await owner.post(f"./accounts/links/{platform}?way={method}")).status_code == 200
    shown = re.sub(r"<[^>]*>", "", (await owner.get("./accounts")).text)
    for words in (
        "With Instagram", "Through Facebook", "Yourself", "A page", "App password", "Sign in at your server",
    ):  # fmt: skip
        assert words in shown
    assert not re.search(r"by (facebook|organization|oauth)|Instagram facebook|LinkedIn organization|oauth", shown)


async def test_groups_of_hundreds_of_accounts_begin_closed_and_say_how_many_need_someone(
    owner: Visitor, installation: Installation
) -> None:
    await crowd(owner, installation)
    page = (await owner.get("./accounts")).text
    groups = re.findall(r"<tbody( class=\"folded\" data-begins-closed)?>(.*?)</tbody>", page, re.DOTALL)
    rows = [(bool(closed), body.count("<tr data-row")) for closed, body in groups]
    assert sum(number for _, number in rows) == 300
    assert 50 < sum(number for closed, number in rows if not closed) <= 60
    for closed, body in groups:
        assert ('aria-expanded="false"' in body) == bool(closed)
        ended = body.count("Sign-in ended</span>")
        assert (f'<span class="count bad">{ended}<span class="sr"> need you</span>' in body) == bool(ended)
    # A search shows what it finds.
    assert "data-begins-closed" not in (await owner.get("./accounts?q=handle")).text
