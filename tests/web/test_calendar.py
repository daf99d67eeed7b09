"""The calendar's pages: each day's posts and drafts, or how many more there are; and moves, which can be refused."""

import gzip
import re
from datetime import UTC, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx2
import pytest
from sqlalchemy import select, update

from clipcast.audit.service import Actor
from clipcast.clients import service as clients
from clipcast.clients.posting_times import set_account_times, set_times
from clipcast.clients.schemas import CreateClient
from clipcast.clients.times import PostingTime, varied
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import format_timestamp
from clipcast.database.models.audit import AuditEntry
from clipcast.database.models.clients import Client
from clipcast.database.models.posts import Draft, Item, Post
from clipcast.installation import Installation
from clipcast.posts.calendar import DAY_MAX
from clipcast.testing.harness import some_day
from clipcast.web import events
from clipcast.web.icons import STATIC
from tests.posts.many import copy_post
from tests.times import next_change
from tests.web.conftest import Visitor, form
from tests.web.test_events import Listening

LISBON = ZoneInfo("Europe/Lisbon")
PHONE = {"User-Agent": "Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Mobile/15E148"}


async def schedule(owner: Visitor, desk: dict[str, Any], at: str, **more: Any) -> UUID:
    """Schedule a post for a local time, and return its id."""
    sent = await owner.post(f"./compose/{new_id()}/send", form(desk, when="later", at=at, **more))
    assert "hx-redirect" in sent.headers, sent.text
    return UUID(sent.headers["hx-redirect"].rsplit("/", 1)[1])


async def save_draft(owner: Visitor, desk: dict[str, Any], **more: Any) -> UUID:
    draft = new_id()
    assert (await owner.post(f"./compose/{draft}", form(desk, **more))).status_code == 200
    return draft


async def move(owner: Visitor, path: str, **body: Any) -> httpx2.Response:
    url = owner._at(f"./calendar/{path}/move")
    return await owner.client.post(url, json=body, headers=owner.headers)


def days(page: str) -> dict[str, str]:
    """Return the parts of a calendar's page by day; those without a time under ""."""
    parts = re.split(r'<section class="[^"]*"[^>]* data-day="([\d-]*)">', page)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


async def version_of(installation: Installation, draft: UUID) -> tuple[int, dict[str, Any]]:
    async with installation.database.session() as session:
        row = (await session.scalars(select(Draft).where(Draft.id == draft))).one()
        return row.version, row.content


async def test_busy_day_shows_three_and_says_how_many_more_and_the_worst_state(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    """Very many posts on one day hide no posts of the days around it, and make the page no heavier."""
    await owner.post("/account/zone", {"zone": "America/Sao_Paulo"})
    day = (clock.now() + timedelta(days=40)).date().replace(day=15)  # the days around it are of its month
    first = await schedule(owner, desk, f"{some_day(9)}T10:00")
    # 01:00 UTC is still the day before in São Paulo.
    night = datetime(day.year, day.month, day.day, 1, tzinfo=UTC)
    noon = night + timedelta(hours=14)
    busy = [noon + timedelta(seconds=second) for second in range(1000)]
    await copy_post(installation.database, first, [night, *busy, noon + timedelta(days=1)])
    lost = {"class": "outcome_unknown", "message": "x", "code": "x"}
    await copy_post(installation.database, first, [noon + timedelta(seconds=20, milliseconds=1)], "failed", lost)
    page = (await owner.get(f"./calendar?view=month&at={day}")).text
    of_day = days(page)
    here = of_day[str(day)]
    assert here.count('id="post-') == 3
    assert re.search(rf">{DAY_MAX - 3}\+ more .*, one: check needed", here)
    assert f"at={day}" in here
    for near, shown in ((day - timedelta(days=1), "22:00"), (day + timedelta(days=1), "12:00")):
        assert of_day[str(near)].count('id="post-') == 1
        assert f">{shown}<" in of_day[str(near)]
    listed = days((await owner.get(f"./calendar?view=list&at={day}")).text)[str(day)]
    assert listed.count('id="post-') == 20
    assert f"/posts?from={day}&amp;to={day}" in listed
    # A later day of the list is short, and leads to the list from that day on.
    before = day - timedelta(days=1)
    later = days((await owner.get(f"./calendar?view=list&at={before}")).text)[str(day)]
    assert later.count('id="post-') == 5
    assert f"view=list&amp;at={day}" in later
    assert f"/posts?from={day}" not in later
    assert len(gzip.compress(page.encode())) < 10_000


async def test_month_of_45_posts_is_light(owner: Visitor, installation: Installation, desk: dict[str, Any]) -> None:
    """The page within 10 KB and its scripts within 40 KB, compressed."""
    at = datetime.fromisoformat(some_day()).replace(day=1, hour=9, tzinfo=UTC)
    first = await schedule(owner, desk, f"{at:%Y-%m-%d}T10:00", text="Three drops, ten seconds, done. The serum")
    await copy_post(installation.database, first, [at + timedelta(hours=15 * n) for n in range(44)])
    page = (await owner.get(f"./calendar?view=month&at={at:%Y-%m-%d}")).text
    assert page.count('id="post-') == 45
    assert len(gzip.compress(page.encode(), 6)) < 10_000
    scripts = re.findall(r'<script[^>]* src="/static/([\w./]+)', page)
    assert {"vendor/sortable.js", "calendar.js", "vendor/htmx.js", "app.js"} <= set(scripts)
    assert sum(len(gzip.compress((STATIC / name).read_bytes(), 6)) for name in scripts) < 40_000


async def test_views_and_filters_are_kept_in_the_address(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    day = some_day()
    first = await schedule(owner, desk, f"{day}T18:30", text="Only for TikTok <b>")
    both = [desk["tiktok"], desk["youtube"]]
    second = await schedule(owner, desk, f"{day}T19:30", account=both, text="For both", title="For both")
    draft = await save_draft(owner, desk, when="later", at=f"{day}T20:30", account=[desk["youtube"]], text="A draft")
    loose = await save_draft(owner, desk, text="Some day")
    ids = {"first": f"post-{first}", "second": f"post-{second}", "draft": f"draft-{draft}", "loose": f"draft-{loose}"}
    for view in ("month", "week", "list"):
        page = (await owner.get(f"./calendar?view={view}&at={day}")).text
        found = {name for name, id in ids.items() if f'id="{id}"' in days(page)[day]}
        assert found == {"first", "second", "draft"}, view
        assert "Only for TikTok &lt;b&gt;" in page
        assert "Times are in" in page
        assert (f'id="{ids["loose"]}"' in page) == (view != "month")
    for query, expected in (
        (f"account={desk['youtube']}", {"second", "draft"}), ("platform=tiktok", {"first", "second", "loose"}),
        ("state=draft", {"draft", "loose"}), ("state=scheduled", {"first", "second"}), ("state=failed", set()),
        ("platform=nowhere&account=x&state=odd", set(ids)),
    ):  # fmt: skip
        page = (await owner.get(f"./calendar?view=week&at={day}&{query}")).text
        assert {name for name, id in ids.items() if f'id="{id}"' in page} == expected, query
        is_kept = "odd" not in query
        turned = re.findall(r'id="later"[^>]* href="([^"]+)"', page)[0]
        assert (query in turned.replace("&amp;", "&")) == is_kept
        assert ("Clear filters" in page) == is_kept
    # Without a view, a phone gets the list, and others the month.
    assert 'data-view="list"' in (await owner.get("./calendar", **PHONE)).text
    assert 'data-view="month"' in (await owner.get("./calendar")).text
    assert 'data-view="week"' in (await owner.get("./calendar?view=week&at=never", **PHONE)).text
    accounts = (await owner.get(f"./calendar/accounts?view=week&at={day}&find=HARBOUR&state=draft")).text
    assert accounts.count("@harbour.films") == 2
    assert f"account={desk['youtube']}" in accounts
    assert "state=draft" in accounts
    assert "No account matches." in (await owner.get("./calendar/accounts?find=%25")).text


async def give_client(owner: Visitor, installation: Installation, desk: dict[str, Any], name: str, at: time) -> UUID:
    """Give the TikTok account to a new client in Tokyo with a daily posting time, and return the client's id."""
    workspace, actor = UUID(owner.base.rsplit("/", 1)[1]), Actor("user", new_id(), "Owner", "")
    async with installation.database.begin() as session:
        body = CreateClient(name=name, timezone="Asia/Tokyo", color=7)
        client = await clients.create_client(session, workspace, body, actor)
        await clients.assign_accounts(session, workspace, str(client.id), [desk["tiktok"]], actor)
        await set_times(session, client, [PostingTime(weekday, at) for weekday in range(7)])
        return client.id


async def test_client_of_a_post_is_shown_with_its_free_times(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    """18:30 in Tokyo is 09:30 UTC: a post then takes the free time, and one without the client does not."""
    day = some_day()
    client = await give_client(owner, installation, desk, "Orbit <Books>", time(18, 30))
    post = await schedule(owner, desk, f"{day}T12:30")
    other = await schedule(owner, desk, f"{day}T13:30", account=[desk["youtube"]], title="Other", text="Other")
    for view in ("month", "week", "list"):
        here = days((await owner.get(f"./calendar?view={view}&at={day}")).text)[day]
        assert "Orbit &lt;Books&gt;" in here
        assert re.search(r'data-c="7"[^>]*data-version="1"', here)
        assert f"at={day}T09:30&amp;client={client}" in here
        assert "21:30 Asia/Tokyo" in here
    filtered = days((await owner.get(f"./calendar?view=week&at={day}&client={client}")).text)[day]
    assert (f"post-{post}" in filtered, f"post-{other}" in filtered, "T09:30" in filtered) == (True, False, True)
    hidden = await owner.get(f"./calendar?view=week&at={day}&free=off")
    assert 'class="free-time"' not in hidden.text
    assert "Show free times" in hidden.text
    # Past days have none.
    past = f"{clock.now() - timedelta(days=60):%Y-%m-%d}"
    assert 'class="free-time"' not in (await owner.get(f"./calendar?view=month&at={past}")).text
    offered = re.findall(r'data-instant="([^"]+)"', (await owner.get(f"./calendar/posts/{post}/move")).text)
    assert len(offered) == 4
    taken = await move(owner, f"posts/{post}", instant=f"{day}T09:30:00Z", version=1)
    assert taken.status_code == 200
    here = days((await owner.get(f"./calendar?view=week&at={day}")).text)
    assert (f"post-{post}" in here[day], 'class="free-time"' in here[day]) == (True, False)


async def test_day_counts_the_free_times_that_it_does_not_show(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    day = some_day()
    client = await give_client(owner, installation, desk, "Orbit", time(18, 30))
    async with installation.database.begin() as session:
        row = await session.get_one(Client, client)
        await set_times(session, row, [PostingTime(n, time(hour, 30)) for n in range(7) for hour in range(12, 22)])
    for view, shown in (("month", 2), ("week", 8), ("list", 6)):
        here = days((await owner.get(f"./calendar?view={view}&at={day}")).text)[day]
        assert here.count('class="free-time"') == shown, view
        assert f">{10 - shown} more free</a>" in here, view
    assert "more free" not in (await owner.get(f"./calendar?view=month&at={day}&free=off")).text


async def test_free_time_takes_only_entries_whose_accounts_have_it(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    day = some_day()
    client = await give_client(owner, installation, desk, "Orbit Books", time(18, 30))
    own = await schedule(owner, desk, f"{day}T12:30")
    other = await schedule(owner, desk, f"{day}T13:30", account=[desk["youtube"]], title="Other", text="Other")
    draft = await save_draft(owner, desk, account=[desk["youtube"]], text="Of no client")
    empty = await save_draft(owner, desk, account=[], text="Of nobody yet")
    free = {"instant": f"{day}T09:30:00Z", "free_of": str(client)}
    # The page names the client of each entry, so that it offers what the server accepts.
    here = days((await owner.get(f"./calendar?view=week&at={day}")).text)
    for part, id, wanted in (
        (day, f"post-{own}", f'"1" data-client="{client}"'), (day, f"post-{other}", '"1" data-client=""'),
        ("", f"draft-{draft}", '"1" data-client=""'), ("", f"draft-{empty}", '"1"'),
    ):  # fmt: skip
        assert re.search(rf'data-version={wanted}><a id="{id}"', here[part]), id
    assert re.search(rf'class="free-time" data-instant="{day}T09:30:00\+00:00" data-client="{client}"', here[day])
    for path, what in ((f"posts/{other}", "post"), (f"drafts/{draft}", "draft")):
        said = await move(owner, path, version=1, **free)
        assert (said.status_code, said.json()["code"]) == (409, "other_posting_time")
        wanted = f"This is a posting time of Orbit Books, but not of the accounts of this {what}. Nothing was moved."
        assert said.json()["detail"] == wanted
    # A time that the client does not have now is refused, too, and so is one that the account's own times replace.
    late = await move(owner, f"posts/{own}", version=1, instant=f"{day}T10:30:00Z", free_of=str(client))
    assert late.status_code == 409
    gone = "Orbit Books has no posting time at this instant any more. Nothing was moved."
    assert late.json()["detail"] == gone
    async with installation.database.begin() as session:
        await set_account_times(session, UUID(desk["tiktok"]), [PostingTime(weekday, time(7)) for weekday in range(7)])
    assert (await move(owner, f"posts/{own}", version=1, **free)).status_code == 409
    # What is refused stays. A draft without accounts may be of any client.
    again = days((await owner.get(f"./calendar?view=week&at={day}")).text)
    assert [f"post-{id}" in again[day] for id in (own, other)] == [True, True]
    assert (await move(owner, f"drafts/{empty}", version=1, **free)).status_code == 200
    async with installation.database.begin() as session:
        await set_account_times(session, UUID(desk["tiktok"]), [])
    assert (await move(owner, f"posts/{own}", version=1, **free)).status_code == 200


async def test_free_time_that_varies_past_the_last_day_is_left_out(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    """A Sunday at 23:58, which becomes a Monday."""
    client = await give_client(owner, installation, desk, "Orbit", time(8, 58))  # in Tokyo
    async with installation.database.begin() as session:
        await session.execute(update(Client).where(Client.id == client).values(jitter_minutes=5))
    today = clock.now().date()
    sunday = today + timedelta(days=13 - today.weekday())
    times = [datetime.combine(sunday + timedelta(weeks=n), time(23, 58), UTC) for n in range(50)]
    late = next(one for one in times if varied(one, client, 5).date() > one.date())
    page = await owner.get(f"./calendar?view=week&at={late.date()}")
    assert page.status_code == 200
    assert list(days(page.text))[-1] == str(late.date())
    assert 'class="free-time"' in page.text


def in_words(at: datetime) -> str:
    return f"{at.day} {at:%b %Y, %H:%M %Z}"


async def test_post_moves_to_a_day_at_its_time_and_back_by_undo(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    await owner.post("/account/zone", {"zone": "Europe/Lisbon"})
    change = next_change(LISBON, timedelta(days=7)).date()
    before, after, later, last = (
        datetime.combine(change + timedelta(days=days), at, LISBON)
        for days, at in ((-2, time(18, 30)), (1, time(18, 30)), (4, time(9)), (5, time(7, 15)))
    )
    post = await schedule(owner, desk, f"{before:%Y-%m-%dT%H:%M}", zone="Europe/Lisbon")
    # Lisbon's clocks change: 18:30 stays 18:30.
    moved = await move(owner, f"posts/{post}", day=str(after.date()), version=1)
    assert moved.status_code == 200, moved.text
    assert in_words(after) in moved.text
    shown = days((await owner.get(f"./calendar?view=week&at={after.date()}")).text)
    assert ">18:30<" in shown[str(after.date())]
    assert 'data-version="2"' in shown[str(after.date())]
    assert f"post-{post}" not in (await owner.get(f"./calendar?view=week&at={before.date()}")).text
    undo = dict(re.findall(r'name="(instant|version)" value="([^"]+)"', moved.text))
    back = await move(owner, f"posts/{post}", instant=undo["instant"], version=int(undo["version"]))
    assert in_words(before) in back.text
    assert before.tzname() != after.tzname()
    # A free time is an instant; the dialog sends a local time.
    taken = await move(owner, f"posts/{post}", instant=later.astimezone(UTC).isoformat(), version=3)
    assert in_words(later) in taken.text
    dialog = (await owner.get(f"./calendar/posts/{post}/move")).text
    assert f'value="{later.date()}"' in dialog
    assert 'value="09:00"' in dialog
    moved = await move(owner, f"posts/{post}", at=f"{last:%Y-%m-%dT%H:%M}", version=4)
    assert in_words(last) in moved.text
    async with installation.database.session() as session:
        query = select(AuditEntry.details).where(AuditEntry.action == "post.rescheduled").order_by(AuditEntry.id)
        entries = list(await session.scalars(query))
    assert len(entries) == 4
    assert entries[-1] == {"scheduled_at": format_timestamp(last)}


async def test_queued_post_moves_back_into_its_posting_time(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    await give_client(owner, installation, desk, "Orbit", time(18, 30))
    post = await schedule(owner, desk, f"{some_day()}T09:30")
    mine = Item.post_id == post
    async with installation.database.begin() as session:
        await session.execute(update(Item).where(mine).values(slot_at=Item.goes_at))
    away = await move(owner, f"posts/{post}", day=some_day(1), version=1)
    undo = dict(re.findall(r'name="(instant|slot_at|version)" value="([^"]+)"', away.text))
    assert undo["slot_at"] == undo["instant"]
    assert (await move(owner, f"posts/{post}", **undo)).status_code == 200
    async with installation.database.session() as session:
        item = (await session.scalars(select(Item).where(mine))).one()
    assert item.slot_at == item.goes_at == datetime.fromisoformat(undo["instant"])


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        ({"day": "2026-01-05"}, "in_the_past", "18:30 WET has passed: it is"),
        ({"instant": "2026-01-05T09:00:00Z"}, "in_the_past", "Nothing was moved."),
        ({"at": "2027-03-28T01:30"}, "no_such_time", "01:30 does not exist on 28 Mar 2027 in Europe/Lisbon"),
        ({"at": "2027-10-31T01:30"}, "occurs_twice", "occurs twice. Choose one of the two."),
        ({"at": "soon"}, "no_such_time", "Choose a day and a time."),
        ({}, "time_missing", "A scheduled post needs a time."),
        ({"day": some_day(400)}, "validation_failed", "maximum"),
        ({"day": some_day(1), "version": 7}, "version_mismatch", "Somebody changed this meanwhile"),
    ],
)
async def test_move_that_cannot_be_says_why_and_changes_nothing(
    owner: Visitor, desk: dict[str, Any], body: dict[str, Any], code: str, says: str
) -> None:
    await owner.post("/account/zone", {"zone": "Europe/Lisbon"})
    day = some_day()
    post = await schedule(owner, desk, f"{day}T18:30", zone="Europe/Lisbon")
    refused = await move(owner, f"posts/{post}", **body)
    assert (refused.status_code // 100, refused.json()["code"]) == (4, code)
    assert says in refused.json()["detail"]
    assert f"post-{post}" in days((await owner.get(f"./calendar?view=week&at={day}")).text)[day]


async def test_post_that_has_begun_or_is_gone_is_not_moved(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    post = await schedule(owner, desk, f"{some_day()}T18:30")
    async with installation.database.begin() as session:
        await session.execute(update(Item).values(status="processing"))
    refused = await move(owner, f"posts/{post}", day=some_day(1), version=1)
    assert (refused.status_code, refused.json()["detail"]) == (
        409, "Publishing of this post has begun, so it stays where it is.",
    )  # fmt: skip
    page = days((await owner.get(f"./calendar?view=week&at={some_day()}")).text)[some_day()]
    assert "Publishing" in page
    assert "data-version" not in page
    for path in (f"posts/{new_id()}", f"drafts/{new_id()}", f"drafts/{post}"):
        gone = await move(owner, path, day=some_day(1))
        assert (gone.status_code, "so it was not moved" in gone.json()["detail"]) == (404, True)
        assert (await owner.get(f"./calendar/{path}/move")).status_code == 404


async def test_draft_gets_a_time_and_loses_it_again(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    await owner.post("/account/zone", {"zone": "Europe/Lisbon"})
    draft = await save_draft(owner, desk, text="Some day")
    version, _ = await version_of(installation, draft)
    moved = await move(owner, f"drafts/{draft}", day=some_day(), version=version)
    assert "12:00" in moved.text
    now, content = await version_of(installation, draft)
    assert now == version + 1
    planned = {"later": True, "at": f"{some_day()}T12:00", "zone": "Europe/Lisbon", "second": False}
    assert content.items() >= planned.items()
    page = days((await owner.get(f"./calendar?view=week&at={some_day()}")).text)
    assert f"draft-{draft}" in page[some_day()]
    assert (await move(owner, f"drafts/{draft}", day=some_day(1), version=version)).status_code == 412
    assert (await move(owner, f"drafts/{draft}", day="2026-01-05")).json()["code"] == "in_the_past"
    # Undo: it had no time before.
    assert 'name="instant" value=""' in moved.text
    assert (await move(owner, f"drafts/{draft}", instant=None, version=now)).status_code == 200
    assert f"draft-{draft}" in days((await owner.get(f"./calendar?view=week&at={some_day()}")).text)[""]
    sent = await owner.post(f"./compose/{draft}/send", form(desk, text="Some day"))
    assert "hx-redirect" in sent.headers
    assert (await move(owner, f"drafts/{draft}", day=some_day())).status_code == 409


async def test_viewer_sees_the_calendar_and_moves_nothing(owner: Visitor, desk: dict[str, Any], invited: Any) -> None:
    post = await schedule(owner, desk, f"{some_day()}T18:30")
    viewer = await invited("viewer")
    page = (await viewer.get(f"./calendar?view=week&at={some_day()}")).text
    assert f"post-{post}" in page
    assert not re.search(r"data-version|data-edits|class=\"plain move\"|New post on", page)
    assert (await move(viewer, f"posts/{post}", day=some_day(1))).status_code == 403
    assert (await viewer.get(f"./calendar/posts/{post}/move")).status_code == 403


async def test_move_from_another_page_reaches_the_calendar(
    owner: Visitor, installation: Installation, desk: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A post that is moved into the shown days is not among those that the page follows."""
    monkeypatch.setattr(events, "PAUSE", 0.0)
    post = await schedule(owner, desk, f"{some_day()}T18:30")
    workspace = owner.base.rsplit("/", 1)[1]
    page = Listening(installation, workspace)
    await page.next()
    assert (await move(owner, f"posts/{post}", day=some_day(30))).status_code == 200
    await page.changed(workspace)
    draft = await save_draft(owner, desk)
    assert (await move(owner, f"drafts/{draft}", day=some_day(30))).status_code == 200
    await page.changed(workspace)


async def test_drafts_without_a_time_are_added_to_the_queues_of_their_clients(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    """The oldest draft gets the next free time. What cannot be sent stays a draft, and says why."""
    client = await give_client(owner, installation, desk, "Orbit", time(18, 30))
    first, second = [await save_draft(owner, desk, text=f"Words {number}") for number in range(2)]
    unfinished = await save_draft(owner, desk, text="No clip", clip=[])
    other = await save_draft(owner, desk, account=[desk["youtube"]], text="Of no client")
    planned = await save_draft(owner, desk, when="later", at=f"{some_day()}T10:00", text="With a time")
    assert "Add all to queues" in (await owner.get("./calendar?view=week")).text
    # With a filter, only what it shows.
    none = await owner.post("./calendar/queue?client=none", {}, **{"HX-Request": "true"})
    assert "1 of 1 could not be added" in none.text
    assert "@harbour.films: no free posting time." in none.text
    done = (await owner.post(f"./calendar/queue?client={client}", {}, **{"HX-Request": "true"})).text
    assert "2 drafts are in the queue." in done
    assert "1 of 3 could not be added" in done
    assert f'href="{owner.base}/compose/{unfinished}"' in done
    async with installation.database.session() as session:
        drafts = {one.id: one for one in await session.scalars(select(Draft))}
        query = select(Post.id, Post.scheduled_at).order_by(Post.scheduled_at)
        posts = [tuple(row) for row in await session.execute(query)]
    assert [drafts[id].post_id for id in (first, second)] == [id for id, _ in posts]
    assert [at.strftime("%H:%M") for _, at in posts] == ["09:30", "09:30"]
    assert [drafts[id].post_id for id in (unfinished, other, planned)] == [None] * 3
    assert drafts[unfinished].content["plan"] == ""


async def test_calendar_of_accounts_without_a_client(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    await give_client(owner, installation, desk, "Orbit", time(18, 30))
    day = some_day(3)
    theirs = await schedule(owner, desk, f"{day}T10:00")
    mine = await schedule(owner, desk, f"{day}T11:00", account=[desk["youtube"]])
    draft = await save_draft(owner, desk, when="later", at=f"{day}T12:00", account=[desk["youtube"]])
    page = (await owner.get(f"./calendar?view=week&at={day}&client=none")).text
    for id, is_shown in ((theirs, False), (mine, True), (draft, True)):
        assert (f"-{id}" in days(page)[str(day)]) == is_shown
    assert 'value="none" selected' in page
    assert "Only accounts without a client" in page
    assert "free-time" not in days(page)[str(day)]
    assert "client=none" in page.split('id="later"')[1].split(">")[0]
    listed = (await owner.get("./posts?client=none")).text
    assert (str(mine) in listed, str(theirs) in listed) == (True, False)


async def test_narrow_screen_gets_the_list_at_once(owner: Visitor) -> None:
    """A month that a script turned into the list would jump before the eyes."""
    phone = {"User-Agent": "Mozilla/5.0 (Android 16; Mobile)"}

    async def view(path: str, **headers: str) -> str:
        return re.findall(r'id="live"[^>]* data-view="(\w+)"', (await owner.get(path, **headers)).text)[0]

    assert [await view("./calendar"), await view("./calendar?view=month", **phone)] == ["month", "month"]
    assert await view("./calendar", **phone) == "list"
    owner.client.cookies.set("clipcast_width", "narrow")
    assert [await view("./calendar"), await view("./calendar?view=month"), await view("./calendar?view=week")] == [
        "list"
    ] * 3
    # A wide window of the same browser, whose page is refreshed.
    assert await view("./calendar?view=week", **{"HX-Request": "true"}) == "week"
    owner.client.cookies.set("clipcast_width", "wide")
    assert [await view("./calendar", **phone), await view("./calendar?view=week", **phone)] == ["month", "week"]
