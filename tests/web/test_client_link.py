"""A client's link: its people connect accounts without a sign-in, which land with the client; and the dialog."""

import html
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import httpx2
import pytest
from fastapi import Request
from sqlalchemy import AsyncAdaptedQueuePool, select, update

from clipcast.cli.browser import answer
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.settings import Settings
from clipcast.database.models.connections import ClientLink, Connection
from clipcast.database.models.people import Membership
from clipcast.installation import Installation
from clipcast.publishing.housekeeping import delete_expired
from clipcast.testing.harness import some_day
from clipcast.web import client_link
from tests.web.conftest import Visitor, form
from tests.web.test_accounts import OTHER, browser_of

HTMX = {"hx-request": "true"}


@pytest.fixture
async def alba(owner: Visitor) -> str:
    """Return the id of a client."""
    made = await owner.post("./clients", {"name": "Alba <b>", "timezone": "Europe/Lisbon"})
    return str(made.headers["location"]).split("/")[-2]


async def make(owner: Visitor, client: str, **more: str) -> str:
    """Make a link for a client, and return its address."""
    made = await owner.post("./accounts/client-links", {"for": client} | more, **HTMX)
    assert made.status_code == 200, made.text
    [link] = re.findall(r'class="connect-link"[^>]*>([^<]+)<', made.text)
    return html.unescape(link)


def stranger_of(owner: Visitor) -> httpx2.AsyncClient:
    """Return a browser without a sign-in, which also reaches the platforms."""
    mounts = {str(owner.client.base_url).rstrip("/"): owner.client._transport}
    return httpx2.AsyncClient(mounts=mounts, follow_redirects=True, trust_env=False)


async def press(browser: httpx2.AsyncClient, page: httpx2.Response, words: str, account: str) -> httpx2.Response:
    """Follow the link whose address contains the words, and allow the account."""
    [address] = [html.unescape(one) for one in re.findall(r'href="([^"]+)"', page.text) if words in html.unescape(one)]
    begun = await browser.get(page.url.join(address))
    done = await answer(browser, begun, account)
    assert done is not None, begun.text
    return done


async def accounts(installation: Installation) -> dict[str, Connection]:
    async with installation.database.session() as session:
        return {f"{one.platform} {one.username}": one for one in await session.scalars(select(Connection))}


async def test_accounts_that_its_people_connect_land_with_the_client(
    owner: Visitor, alba: str, desk: dict[str, Any], installation: Installation
) -> None:
    link = await make(owner, alba)
    async with stranger_of(owner) as browser:
        page = await browser.get(link)
        assert page.status_code == 200
        assert "Alba &lt;b&gt;" in page.text
        # Nothing of the workspace's other accounts, and no script.
        assert "harbour.films" not in page.text
        assert "<script" not in page.text
        assert page.headers["referrer-policy"] == "no-referrer"
        assert "noindex" in page.headers["x-robots-tag"]
        done = await press(browser, page, "/new/instagram?way=facebook", OTHER)
        if "Choose Instagram accounts" in done.text:
            [state] = re.findall(r'name="state" value="([^"]+)"', done.text)
            first = re.findall(r'name="account" value="([^"]+)"', done.text)[0]
            chosen = {"state": state, "account": first}
            done = await browser.post(done.url.join("/connect/instagram/choose"), data=chosen)
        assert str(done.url).startswith(link)
        assert "is connected." in done.text
        # The link works again, for an account that the workspace has without a client.
        done = await press(browser, done, "/new/tiktok", "harbour.films")
        assert "<bdi>@harbour.films</bdi></strong> is connected." in done.text
        assert "/new/youtube" in done.text
    found = await accounts(installation)
    assert {str(one.client_id) for name, one in found.items() if "youtube" not in name} == {alba}
    assert found["youtube harbour.films"].client_id is None
    assert "Last used" in (await owner.get("./accounts")).text
    assert "connection.connected" in (await owner.get("./settings")).text


async def test_its_people_reconnect_the_account_that_is_missing(
    owner: Visitor, alba: str, desk: dict[str, Any], installation: Installation
) -> None:
    await owner.post("./accounts/bulk", {"action": "move", "chosen": desk["tiktok"], "to": alba})
    async with installation.database.begin() as session:
        ended = {"status": "needs_reconnect", "status_reason": "The password was changed."}
        await session.execute(update(Connection).where(Connection.id == UUID(desk["tiktok"])).values(ended))
    link = await make(owner, alba)
    async with stranger_of(owner) as browser:
        page = await browser.get(link)
        assert "The sign-in ended" in page.text
        # Why is the workspace's affair.
        assert "was changed" not in page.text
        wrong = await press(browser, page, f"expects={desk['tiktok']}", OTHER)
        assert "You signed in as another account" in wrong.text
        done = await press(browser, wrong, f"expects={desk['tiktok']}", "harbour.films")
        assert "<bdi>@harbour.films</bdi></strong> is connected." in done.text
        # An account of somebody else's is none of this link's.
        for query in (
            f"tiktok?expects={desk['youtube']}",
            f"youtube?expects={desk['youtube']}",
            "nowhere",
            "tiktok?way=x",
        ):
            assert (await browser.get(f"{link}/new/{query}")).status_code == 404, query
    found = await accounts(installation)
    assert found["tiktok harbour.films"].status == "active"
    assert f"tiktok {OTHER}" not in found


async def test_looks_are_counted_without_an_open_session(
    owner: Visitor, alba: str, installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many looks from one network wait for each other. They must not keep the connections of other requests."""
    link, count, kept = await make(owner, alba), client_link.count_look, []

    async def counted(request: Request, of: Installation, *names: Any) -> None:
        kept.append(cast("AsyncAdaptedQueuePool", installation.database.engine.pool).checkedout())
        await count(request, of, *names)

    monkeypatch.setattr(client_link, "count_look", counted)
    async with stranger_of(owner) as browser:
        for address, status in ((link, 200), (link + "x", 404), (link + "/new/nowhere", 404)):
            assert (await browser.get(address)).status_code == status
    assert kept == [0, 0, 0]


async def test_account_of_another_client_stays_with_it(
    owner: Visitor, alba: str, desk: dict[str, Any], installation: Installation
) -> None:
    orbit = str((await owner.post("./clients", {"name": "Orbit", "timezone": "UTC"})).headers["location"]).split("/")[
        -2
    ]
    await owner.post("./accounts/bulk", {"action": "move", "chosen": desk["tiktok"], "to": orbit})
    async with stranger_of(owner) as browser:
        page = await press(browser, await browser.get(await make(owner, alba)), "/new/tiktok", "harbour.films")
    assert "harbour.films" not in page.text
    assert str((await accounts(installation))["tiktok harbour.films"].client_id) == orbit
    # A member who connects it for a client is told where it is.
    async with browser_of(owner) as browser:
        started = await browser.get(f"{link_base(owner)}/accounts/new/tiktok?client={alba}")
        page = await answer(browser, started, "harbour.films")
    assert page is not None
    assert "It belongs to <bdi>Orbit</bdi>." in page.text


async def test_removed_account_begins_anew_for_another_client(
    owner: Visitor, alba: str, desk: dict[str, Any], installation: Installation
) -> None:
    """Its former posts stay with the client that they were made for, and come back with the account for that one."""
    orbit = (await owner.post("./clients", {"name": "Orbit", "timezone": "UTC"})).headers["location"].split("/")[-2]
    await owner.post("./accounts/bulk", {"action": "move", "chosen": desk["tiktok"], "to": orbit})
    sent = form(desk, account=[desk["tiktok"]], text="For Orbit", when="later", at=f"{some_day()}T18:30")
    post = (await owner.post(f"./compose/{new_id()}/send", sent)).headers["hx-redirect"]

    async def connected_for(client: str) -> str:
        """Return the id of the account that is connected for a client."""
        async with browser_of(owner) as browser:
            started = await browser.get(f"{link_base(owner)}/accounts/new/tiktok?client={client}")
            assert await answer(browser, started, "harbour.films") is not None
        async with installation.database.session() as session:
            query = select(Connection).where(Connection.username == "harbour.films", Connection.removed_at.is_(None))
            found = (await session.scalars(query.where(Connection.platform == "tiktok"))).one()
            assert str(found.client_id) == client
            return str(found.id)

    await owner.post(f"./accounts/{desk['tiktok']}/remove")
    anew = await connected_for(alba)
    assert anew != desk["tiktok"]
    assert "For Orbit" in (await owner.get(f"./posts?client={orbit}")).text
    assert "For Orbit" not in (await owner.get(f"./posts?client={alba}")).text
    assert "For Orbit" not in (await owner.get(f"./accounts/{anew}")).text
    assert (await owner.get(post)).status_code == 200
    # Without a client, the account comes back as it was last; for its first client, as it was there.
    await owner.post(f"./accounts/{anew}/remove")
    assert await connected_for(alba) == anew
    await owner.post(f"./accounts/{anew}/remove")
    assert await connected_for(orbit) == desk["tiktok"]
    assert "For Orbit" in (await owner.get(f"./accounts/{desk['tiktok']}")).text


def link_base(owner: Visitor) -> str:
    return str(owner.client.base_url).rstrip("/") + owner.base


async def test_link_ends_with_its_time_its_maker_its_client_and_its_revocation(
    owner: Visitor, alba: str, installation: Installation, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    editor = await invited("editor")
    short, long, revoked = (
        await make(owner, alba, days="1"),
        await make(owner, alba, days="30"),
        await make(owner, alba),
    )
    editors = await make(editor, alba, days="5000")  # as offered first: 7 days
    async with installation.database.session() as session:
        rows = list(await session.scalars(select(ClientLink).order_by(ClientLink.id)))
        assert [round((row.expires_at - row.created_at) / timedelta(days=1)) for row in rows] == [1, 30, 7, 7]
        # Nobody can read a link from the database.
        assert not any(link.rsplit("/", 1)[1].encode() in row.digest for row in rows for link in (short, long))
    async with stranger_of(owner) as browser:

        async def statuses(*links: str) -> list[int]:
            return [(await browser.get(one)).status_code for one in links]

        assert await statuses(short, long, revoked, editors, long + "x", long[:-1]) == [200, 200, 200, 200, 404, 404]
        # Revoked in the middle of an authorization, which then connects nothing.
        begun = await browser.get(revoked + "/new/tiktok")
        path = f"./accounts/client-links/{rows[2].id}/revoke"
        assert (await owner.post(path)).status_code == 303
        assert (await owner.post(path)).status_code == 404
        refused = await answer(browser, begun, "harbour.films")
        assert refused is not None
        assert refused.status_code == 400
        assert (await browser.get(revoked)).status_code == 404
        async with installation.database.begin() as session:
            member = (await session.scalars(select(Membership).where(Membership.user_id == rows[3].maker_id))).one()
            member.role = "viewer"
        clock.move(timedelta(days=2))
        assert await statuses(short, long, editors) == [404, 200, 404]
        await delete_expired(installation.database, installation.storage)
        async with installation.database.session() as session:
            assert list(await session.scalars(select(ClientLink.id).order_by(ClientLink.id))) == [
                rows[1].id,
                rows[3].id,
            ]
        page = (await owner.get("./accounts")).text
        assert page.count("/client-links/") - page.count('client-links"') >= 1
        assert (await owner.post(f"./clients/{alba}/delete")).status_code == 303
        assert await statuses(long) == [404]
    assert await accounts(installation) == {}
    audit = (await owner.get("./settings")).text
    assert "client.link_made" in audit
    assert "client.link_revoked" in audit


async def test_link_of_another_workspace_is_not_there(owner: Visitor, alba: str) -> None:
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    assert (await owner.post(f"{second}/accounts/client-links", {"for": alba})).status_code == 404
    assert (await owner.get(f"{second}/accounts/connect?client={alba}")).status_code == 404


async def test_dialog_leads_each_platform_to_its_sign_in_or_its_guide(
    owner: Visitor, alba: str, installation: Installation
) -> None:
    page = (await owner.get(f"./accounts/connect?client={alba}")).text
    ways = re.findall(r'href="[^"]*/accounts/new/(\w+)\?(?:way=(\w+)&amp;)?client=([\w-]+)"', page)
    assert len({name for name, *_ in ways}) == 8
    assert {client for *_, client in ways} == {alba}
    assert {(name, way) for name, way, _ in ways if way} == {
        ("instagram", "facebook"), ("linkedin", "organization"), ("bluesky", "oauth"),
    }  # fmt: skip
    assert "/accounts/client-links" in (await owner.get(f"./accounts/connect?client={alba}&who=link")).text
    assert "Each link connects one account" in (await owner.get("./accounts/connect?client=none&who=link")).text
    # Without the sandbox, most platforms need an app, and none of them is hidden.
    bare: Settings = installation.settings.model_copy(update={"sandbox_url": None, "apps": {}})
    object.__setattr__(installation, "settings", bare)
    page = (await owner.get("./accounts/connect")).text
    assert "/accounts/guide/tiktok" in page
    assert "/accounts/new/bluesky" in page
    assert "/accounts/new/tiktok" not in page
    guide = (await owner.get("./accounts/guide/instagram")).text
    assert "CLIPCAST_INSTAGRAM_CLIENT_ID" in guide
    assert f"{bare.public_base}/connect/instagram/callback" in guide
    assert "needs no app" in (await owner.get("./accounts/guide/bluesky")).text
    assert (await owner.get("./accounts/guide/nowhere")).status_code == 404


async def test_maker_who_sees_some_clients_only_connects_accounts_of_theirs(
    owner: Visitor, alba: str, installation: Installation, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    orbit = str((await owner.post("./clients", {"name": "Orbit", "timezone": "UTC"})).headers["location"])
    other = orbit.split("/")[-2]
    editor = await invited("editor")
    mine, theirs = await make(editor, alba), await make(editor, other)
    async with stranger_of(owner) as browser:
        begun = await browser.get(theirs + "/new/tiktok")
        async with installation.database.begin() as session:
            members = select(Membership).where(Membership.role == "editor")
            (await session.scalars(members)).one().client_ids = [UUID(alba)]
        assert (await browser.get(theirs)).status_code == 404
        refused = await answer(browser, begun, "harbour.films")
        assert refused is not None
        assert refused.status_code == 400
        done = await press(browser, await browser.get(mine), "/new/tiktok", "harbour.films")
        assert "is connected." in done.text
    assert str((await accounts(installation))["tiktok harbour.films"].client_id) == alba
    dialog = (await editor.get("./accounts/connect")).text
    assert other not in dialog
    assert 'value="none"' not in dialog
    assert f"/accounts/new/tiktok?client={alba}" in dialog
