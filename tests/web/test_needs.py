"""What the accounts page says of accounts that need a person, and of limits."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.connections.options import usage_of
from clipcast.database.models.connections import Connection
from clipcast.installation import Installation
from clipcast.jobs.quotas import Quotas
from clipcast.platforms.registry import PLATFORMS
from clipcast.testing.harness import some_day
from clipcast.web.connections import long_spent
from tests.web.conftest import Visitor, connect, form


async def change(installation: Installation, account: str, **values: Any) -> Connection:
    async with installation.database.begin() as session:
        await session.execute(update(Connection).where(Connection.id == UUID(account)).values(**values))
        return await session.get_one(Connection, UUID(account))


def needs_of(page: str) -> str:
    """Return the part of the page that lists the accounts that need a person."""
    return page.partition('class="rows needs"')[2].partition("</section>")[0]


@pytest.fixture
async def schedule(owner: Visitor, desk: dict[str, Any]) -> None:
    """Schedule a post for the TikTok account."""
    fields = form(desk, when="later", at=f"{some_day()}T18:30")
    assert (await owner.post(f"./compose/{new_id()}/send", fields)).status_code == 204


async def test_each_reason_has_its_sentence_and_its_button(
    owner: Visitor, desk: dict[str, Any], installation: Installation, schedule: None
) -> None:
    assert needs_of((await owner.get("./accounts")).text) == ""
    tiktok = desk["tiktok"]
    await change(installation, tiktok, status="needs_reconnect", status_reason="The password was changed.")
    page = needs_of((await owner.get("./accounts")).text)
    assert "The password was changed." in page
    assert "1 scheduled item waits." in page
    assert f"/accounts/new/tiktok?expects={tiktok}" in page
    # The sidebar counts it on every page, and follows changes.
    counted = 'class="count bad">1</span><span class="sr"> needs you'
    page = (await owner.get("./clips")).text
    assert page.count(counted) == 2  # at a desk, and in the list of a phone
    assert page.count("/accounts/count") == 1
    dot = '<i class="dot"></i><span class="sr">, something needs you'
    assert dot in page
    assert "Nothing is being published</a>" in page
    # One response changes all of that.
    swapped = (await owner.get("./accounts/count", **{"HX-Request": "true"})).text
    assert swapped.count(counted) == 2
    assert dot in swapped
    assert "Nothing is being published</a>" in swapped
    for id in ("needy-copy", "needy-dot", "health"):
        assert page.count(f'id="{id}">') == 1, id
        assert swapped.count(f'id="{id}" hx-swap-oob="true">') == 1, id
    # Paused, with and without something that waits.
    await change(installation, tiktok, status="disabled", status_reason=None)
    await change(installation, desk["youtube"], status="disabled", status_reason=None)
    page = needs_of((await owner.get("./accounts")).text)
    assert f"/accounts/{tiktok}/on" in page
    assert desk["youtube"] not in page
    # The end of a sign-in that cannot be renewed: within three days it needs a person, before that a mark is enough.
    await change(installation, desk["youtube"], status="active")
    assert counted in (await owner.get("./accounts/count")).text
    for end, is_needy, words in (
        (timedelta(days=6), False, "Sign-in ends"),
        (timedelta(days=2), True, "It cannot renew itself."),
        (timedelta(hours=-1), True, "The sign-in ended"),
    ):
        soon = clock.now() + end
        await change(installation, tiktok, status="active", renewable=False, signed_in_until=soon)
        page = (await owner.get("./accounts")).text
        assert (tiktok in needs_of(page)) == is_needy, end
        assert words in (needs_of(page) if is_needy else page), end
    assert tiktok in (await owner.get("./accounts?state=needs")).text
    assert f'id="connection-{desk["youtube"]}"' not in (await owner.get("./accounts?state=needs")).text
    await change(installation, tiktok, renewable=True)
    assert needs_of((await owner.get("./accounts")).text) == ""


async def test_limit_that_is_reached_says_when_it_goes_on(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    account = await change(installation, desk["tiktok"], renewable=True)
    meter = Quotas(installation.settings, installation.database).meter(PLATFORMS["tiktok"], account.account_id, {})
    assert needs_of((await owner.get("./accounts")).text) == ""
    await meter.block_until("uploads", timedelta(seconds=30))
    usage = await usage_of(installation, [account])
    assert usage[account.id].spent is not None
    assert long_spent(usage[account.id]) is None  # nobody needs to know
    await meter.block_until("posts", timedelta(hours=20))
    page = (await owner.get("./accounts")).text
    assert "TikTok’s limit is reached: posts per 24 hours. It goes on by itself" in needs_of(page)
    assert f"/posts?account={account.id}" in needs_of(page)
    assert "<span>Limit until" in page
    assert "Limit until" in (await owner.get(f"./accounts/{account.id}")).text
    # The number of posts that are left, where a limit is known.
    await connect(owner, installation, "threads")
    async with installation.database.session() as session:
        threads = (await session.scalars(select(Connection).where(Connection.platform == "threads"))).one()
    meter = Quotas(installation.settings, installation.database).meter(PLATFORMS["threads"], threads.account_id, {})
    await meter.consume("publish")
    assert "249 of 250" in (await owner.get("./accounts")).text
    assert "249 of 250 left" in (await owner.get(f"./accounts/{threads.id}")).text
    clock.move(timedelta(hours=21))
    assert "Limit until" not in (await owner.get("./accounts")).text


async def test_page_of_an_account_says_what_it_lets_clipcast_do(
    owner: Visitor, desk: dict[str, Any], installation: Installation, schedule: None
) -> None:
    path = f"./accounts/{desk['tiktok']}"
    page = (await owner.get(path)).text
    assert "Publish videos" in page
    assert "video.publish" not in page
    assert f'<code id="account-id">{desk["tiktok"]}</code>' in page
    assert "None, because it belongs to no client" in page
    assert 'href="/w/' in page.partition('id="last-title"')[2].partition("</section>")[0]  # the post that is scheduled
    client = str((await owner.post("./clients", {"name": "Alba", "timezone": "UTC"})).headers["location"])
    own = client.removesuffix("/accounts")
    moved = await owner.post("./accounts/move", {"account": desk["tiktok"], "to": own.rsplit("/", 1)[1]})
    assert moved.headers["location"] == owner.base + path[1:]
    assert "None yet" in (await owner.get(path)).text
    await owner.post(own + "/times/add", {"at": "18:30", "day": ["0", "2"]})
    assert "Those of the client, 2 a week" in (await owner.get(path)).text
    await owner.post(own + "/times/add", {"at": "09:00", "day": ["5"], "account": desk["tiktok"]})
    assert "Sat 09:00" in (await owner.get(path)).text
    await change(installation, desk["tiktok"], scopes=["video.publish", "something.new"])
    assert "Publish videos, and 1 more" in (await owner.get(path)).text


def test_every_permission_that_clipcast_asks_for_has_words() -> None:
    for one in PLATFORMS.values():
        for sign_in in one.sign_in_methods.values():
            assert one.permissions((*sign_in.required_scopes, *sign_in.optional_scopes))[1] == 0, one.name
