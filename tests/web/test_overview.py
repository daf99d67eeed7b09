"""The overview of one client, its free posting times, and that of a new workspace."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from clipcast.clock import clock
from clipcast.database.models.jobs import Worker
from clipcast.installation import Installation
from clipcast.jobs.kinds import NETWORK, RENDERER_QUEUES
from clipcast.jobs.workers import WorkerFacts, register
from clipcast.testing.harness import some_day
from tests.web.conftest import Visitor, connect
from tests.web.test_calendar import give_client, schedule

NOON = time(12)


async def test_new_workspace_shows_the_first_steps_and_what_can_be_connected(owner: Visitor) -> None:
    page = (await owner.get(".")).text
    assert "First steps" in page
    assert "Nothing needs you" not in page
    assert page.count(f'href="{owner.base}/accounts/new/') == 8
    assert "No app needed" in page
    for address in (f"{owner.base}/", f"{owner.base}/posts/?state=needs"):
        moved = await owner.get(address)
        assert (moved.status_code, moved.headers["location"]) == (308, address.replace("/?", "?").removesuffix("/"))


async def test_first_steps_are_those_that_a_member_can_take(owner: Visitor, invited: Any) -> None:
    of_settings = ["Configure an app", "Make this installation reachable"]
    members = {role: await invited(role) for role in ("editor", "reviewer", "viewer")} | {"owner": owner}
    for role, member in members.items():
        page = (await member.get(".")).text
        assert [text in page for text in of_settings] == [role == "owner"] * 2
        assert [text in page for text in ("First steps", "Upload a clip")] == [role in ("owner", "editor")] * 2
        assert ("Nothing is here yet" in page) == (role in ("reviewer", "viewer"))


async def test_first_steps_go_with_the_first_post(
    owner: Visitor, desk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps before it may stay undone: not every platform needs an app, or a public address."""
    monkeypatch.setattr("clipcast.web.overview.is_reachable", lambda settings: False)
    page = (await owner.get(".")).text
    assert "First steps" in page
    assert "Configure an app" in page
    await schedule(owner, desk, f"{some_day()}T12:00")
    assert "First steps" not in (await owner.get(".")).text


async def test_overview_of_a_client_has_its_posts_only(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    await owner.post("/account/zone", {"zone": "UTC"})
    client = await give_client(owner, installation, desk, "Orbit", NOON)
    soon = datetime.combine(clock.now().astimezone(UTC).date() + timedelta(days=2), NOON)
    await schedule(owner, desk, soon.isoformat(timespec="minutes"), text="Of the client")
    for minute in (1, 2):
        at = (soon + timedelta(minutes=minute)).isoformat(timespec="minutes")
        await schedule(owner, desk, at, account=[desk["youtube"]], text=f"Of no client {minute}")
    pages = {
        name: (await owner.get(f".{query}")).text
        for name, query in (("all", ""), ("client", f"?client={client}"), ("none", "?client=none"))
    }
    rows = {name: re.findall(r"<bdi[^>]*>([^<]*)</bdi></th>", page) for name, page in pages.items()}
    assert rows == {"all": ["@harbour.films", "Orbit"], "client": ["Orbit"], "none": ["@harbour.films"]}
    ready = {
        name: re.findall(r"<strong>(\d+)</strong> <span>accounts? (?:is|are) ready", page)
        for name, page in pages.items()
    }
    assert ready == {"all": ["2"], "client": ["1"], "none": ["1"]}
    assert f'hx-get="{owner.base}?client={client}"' in pages["client"]
    assert f'href="{owner.base}/posts?state=needs&amp;client={client}"' in pages["client"]


async def test_free_posting_times_of_the_next_days_compose_for_them(
    owner: Visitor, installation: Installation, desk: dict[str, Any], invited: Any
) -> None:
    await owner.post("/account/zone", {"zone": "Asia/Tokyo"})
    client = await give_client(owner, installation, desk, "Orbit", NOON)  # in Tokyo
    day = clock.now().astimezone(UTC).date() + timedelta(days=3)
    await schedule(owner, desk, f"{day}T12:00", zone="Asia/Tokyo")
    page = (await owner.get(".")).text
    free = re.findall(rf'href="{owner.base}/compose\?at=([\d-]+)T12:00&amp;client={client}"', page)
    assert 5 <= len(free) <= 6  # today's may have passed
    assert str(day) not in free
    assert f"{len(free)} free posting times" in page
    assert f'href="{owner.base}/compose?fill={len(free)}">Fill {len(free)} free times</a>' in page
    assert f"fill={len(free)}&amp;client={client}" in (await owner.get(f".?client={client}")).text
    viewer = await invited("viewer")
    await viewer.post("/account/zone", {"zone": "Asia/Tokyo"})  # the next days are those of the viewer
    seen = (await viewer.get(".")).text
    assert "/compose?" not in seen
    assert seen.count('<i class="free"></i>') == len(free)


async def test_warning_stays_until_a_worker_publishes(owner: Visitor, installation: Installation) -> None:
    """A refresh of the page's part says the same, and a renderer or a worker that stops publishes nothing."""
    await connect(owner, installation, "tiktok")

    async def warns() -> list[bool]:
        whole, part = await owner.get("."), await owner.get(".", **{"HX-Request": "true"})
        assert all("`" not in one.text.partition("<main")[2] for one in (whole, part))
        return ["Nothing is being published: no worker is running." in one.text for one in (whole, part)]

    database = installation.database
    await register(database, WorkerFacts("host:1", "rows", "", dict.fromkeys(RENDERER_QUEUES, 1), {}))
    assert await warns() == [True, True]
    await register(database, WorkerFacts("host:2", "rows", "", {NETWORK: 1}, {}))
    assert await warns() == [False, False]
    async with database.begin() as session:
        await session.execute(update(Worker).values(drain=True))
    assert await warns() == [True, True]


async def test_command_to_start_a_worker_is_shown_as_code(owner: Visitor, desk: dict[str, Any]) -> None:
    assert "Start one with <code>clipcast worker</code>." in (await owner.get(".")).text
