"""The overview of one client, its free posting times, and that of a new workspace."""

import re
from datetime import UTC, datetime, time, timedelta
from typing import Any

from clipcast.clock import clock
from clipcast.installation import Installation
from tests.web.conftest import Visitor
from tests.web.test_calendar import give_client, schedule

NOON = time(12)


async def test_new_workspace_shows_the_first_steps_and_what_can_be_connected(owner: Visitor) -> None:
    page = (await owner.get(".")).text
    assert "First steps" in page
    assert "Nothing needs you" not in page
    assert page.count(f'href="{owner.base}/connections/new/') == 8
    assert "No app needed" in page


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
    seen = (await (await invited("viewer")).get(".")).text
    assert "/compose?" not in seen
    assert seen.count('<i class="free"></i>') == len(free)
