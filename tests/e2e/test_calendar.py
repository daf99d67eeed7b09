"""The calendar in a browser: entries move by dragging, by keyboard and by touch, and come back by Undo."""

import asyncio
import re
from collections.abc import AsyncIterator
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from playwright.async_api import Browser, Locator, Page, expect
from sqlalchemy import select, update

from clipcast.audit.service import Actor
from clipcast.clients import service as clients
from clipcast.clients.posting_times import set_times
from clipcast.clients.schemas import CreateClient
from clipcast.clients.times import PostingTime
from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.timestamps import format_timestamp
from clipcast.database.hot_queries import from_session
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.posts import drafts, moving
from clipcast.posts.service import create_post
from clipcast.testing.harness import Sandbox
from tests.e2e.people import OWNER, connect, held_until, set_up, shoot, sign_in, upload

pytestmark = pytest.mark.browser

AXE = Path(__file__).parents[2] / "frontend" / "dev" / "axe.js"
DAY = timedelta(days=1)
CAPTIONS = ("Three drops, ten seconds, done. The serum routine", "First light in the harbour", "صباح الخير من الميناء")


@pytest.fixture
def noon() -> datetime:
    """Move the time to noon UTC of a Wednesday, and return it: the days around it are of one month."""
    now = clock.now()
    at = now.replace(hour=12, minute=0, second=0, microsecond=0) + DAY
    while at.weekday() != 2 or not 9 <= at.day <= 15:
        at += DAY
    clock.move(at - now)
    return at


class Desk:
    """A workspace with posts on days after noon."""

    def __init__(self, installation: Installation, base: str, noon: datetime) -> None:
        self.installation, self.base, self.noon = installation, base, noon
        self.workspace = UUID(base.rsplit("/", 1)[1])

    async def furnish(self) -> None:
        """Give the account to a client with a posting time at 21:00 UTC, 18:00 in São Paulo."""
        actor = Actor("user", new_id(), "Owner", "")
        async with self.installation.database.begin() as session:
            self.edit = (await session.scalars(select(Render.edit_setting_id))).one()
            self.account = (await session.scalars(select(Connection.id))).one()
            made = CreateClient(name="Alba Skincare", timezone="America/Sao_Paulo", color=1)
            client = await clients.create_client(session, self.workspace, made, actor)
            await clients.assign_accounts(session, self.workspace, str(client.id), [str(self.account)], actor)
            await set_times(session, client, [PostingTime(weekday, time(18)) for weekday in range(7)])

    async def post(self, at: datetime, text: str) -> str:
        target = {
            "connectionId": str(self.account),
            "metadata": {"tiktok": {"title": text, "privacyLevel": "SELF_ONLY"}},
        }
        video = {"editId": str(self.edit), "targets": [target]}
        body = {"videos": [video], "scheduled_at": format_timestamp(at), "allow_duplicate": True}
        async with self.installation.database.begin() as session:
            made = await create_post(await from_session(session), self.workspace, body, self.installation.settings)
            return f"post-{made.post_id}"

    async def draft(self, text: str) -> str:
        content = drafts.EMPTY | {"text": text, "accounts": [str(self.account)], "clips": [str(self.edit)]}
        async with self.installation.database.begin() as session:
            return f"draft-{(await drafts.new_draft(session, self.workspace, content)).id}"

    async def move(self, entry: str, at: datetime) -> None:
        """Move a post as a colleague would."""
        async with self.installation.database.begin() as session:
            id = entry.removeprefix("post-")
            await moving.move_post(session, self.workspace, id, lambda _: at, self.installation.settings)

    def day(self, days: int) -> str:
        """Return the day of São Paulo this number of days after today."""
        return f"{self.noon + days * DAY:%Y-%m-%d}"


@pytest.fixture
async def desk(served: Installation, sandbox: Sandbox, noon: datetime, page: Page, clip: Path) -> AsyncIterator[Desk]:
    base = await set_up(page, served)
    await connect(page, base, "TikTok")
    await upload(page, base, clip)
    made = Desk(served, base, noon)
    await made.furnish()
    yield made
    clock.reset()


def day_of(page: Page, day: str) -> Locator:
    return page.locator(f"[data-day='{day}']")


async def pick(page: Page, entry: str) -> None:
    """Take an entry into the hand: press, and move until the drag has begun."""
    await page.locator(f"#{entry}").scroll_into_view_if_needed()
    box = await page.locator(f"#{entry}").bounding_box()
    assert box
    x, y = box["x"] + 20, box["y"] + 10
    await page.mouse.move(x, y)
    await page.mouse.down()
    await page.mouse.move(x + 4, y + 4)
    await page.mouse.move(x + 12, y + 8)
    await expect(page.locator(".picked")).to_have_count(1)


# What an entry shows outside of its ground.
SPILLED = """(card) => {
  const ground = card.getBoundingClientRect();
  return [...card.querySelectorAll("time, .title, .picture")].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && (box.bottom > ground.bottom + 1 || box.right > ground.right + 1);
  }).map((one) => one.outerHTML);
}"""


async def carry(page: Page, to: Locator) -> None:
    box = await to.bounding_box()
    assert box
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] - 12, steps=4)
    await expect(page.locator(".over")).to_have_count(1)


async def drag(page: Page, entry: str, to: Locator) -> None:
    await pick(page, entry)
    await carry(page, to)
    await page.mouse.up()


async def problems(page: Page) -> list[str]:
    await page.evaluate(AXE.read_text())
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
    found: dict[str, Any] = await page.evaluate("(tags) => axe.run({ runOnly: tags })", tags)
    return [f"{one['id']}: {one['nodes'][0]['html'][:300]}" for one in found["violations"]]


async def test_entries_move_by_dragging_and_by_keyboard(desk: Desk, page: Page) -> None:
    one, two, third = [await desk.post(desk.noon + (3 + n) * DAY, text) for n, text in enumerate(CAPTIONS)]
    await page.goto(f"{desk.base}/calendar?view=month")
    notices = page.locator("#notices")
    # The entry in the hand looks as in its day. To another day: the time of day is kept. Undo brings it back.
    await pick(page, one)
    card = page.locator(".in-hand")
    assert await card.evaluate(SPILLED) == []
    await carry(page, day_of(page, desk.day(8)))
    await page.mouse.up()
    await expect(notices).to_contain_text("Moved to")
    await expect(day_of(page, desk.day(8)).locator(f"#{one}")).to_contain_text("09:00")
    await notices.get_by_role("button", name="Undo").click()
    await expect(day_of(page, desk.day(3)).locator(f"#{one}")).to_contain_text("09:00")
    # Onto a free time, which it takes.
    await drag(page, one, day_of(page, desk.day(9)).locator(".free-time"))
    await expect(day_of(page, desk.day(9)).locator(f"#{one}")).to_contain_text("18:00")
    await expect(day_of(page, desk.day(9)).locator(".free-time")).to_have_count(0)
    # The past refuses, and says why; a drop beside the days does nothing.
    await drag(page, two, day_of(page, desk.day(-1)))
    await expect(notices.get_by_role("alert")).to_contain_text("has passed")
    await expect(day_of(page, desk.day(4)).locator(f"#{two}")).to_be_visible()
    await pick(page, two)
    await page.mouse.move(10, 10, steps=3)
    await page.mouse.up()
    # Escape drops nothing.
    await pick(page, two)
    await carry(page, day_of(page, desk.day(9)))
    await page.keyboard.press("Escape")
    await page.mouse.up()
    await expect(day_of(page, desk.day(4)).locator(f"#{two}")).to_be_visible()
    assert page.url.endswith("view=month")
    # What a colleague does meanwhile appears after the drop, not under the hand.
    heard = await page.evaluate_handle(
        "({ heard: new Promise((done) => document.body.addEventListener('refresh', done, { once: true })) })"
    )
    await pick(page, two)
    await desk.move(third, desk.noon + 10 * DAY)
    await page.evaluate("(one) => one.heard", heard)
    await carry(page, day_of(page, desk.day(8)))
    await expect(day_of(page, desk.day(5)).locator(f"#{third}")).to_be_visible()
    await page.mouse.up()
    await expect(day_of(page, desk.day(8)).locator(f"#{two}")).to_be_visible()
    await expect(day_of(page, desk.day(10)).locator(f"#{third}")).to_be_visible()
    # The same by keyboard; the focus stays where it is. A dialog that does not load is not that of another entry.
    await page.locator(f"#{one}").focus()
    await page.keyboard.press("m")
    await expect(page.get_by_role("dialog", name=CAPTIONS[0])).to_be_visible()
    await page.keyboard.press("Escape")
    await page.locator(f"#{two}").focus()
    await page.route("**/move", lambda one: one.abort(), times=1)
    async with page.expect_event("requestfailed"):
        await page.keyboard.press("m")
    await page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name=CAPTIONS[1])
    await expect(dialog).to_be_visible()
    await dialog.get_by_label("Day").fill(desk.day(-2))
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("alert")).to_contain_text("has passed")
    await dialog.get_by_label("Day").fill(desk.day(6))
    await dialog.get_by_label("Time").fill("07:15")
    await page.keyboard.press("Enter")
    await expect(dialog).to_be_hidden()
    await expect(day_of(page, desk.day(6)).locator(f"#{two}")).to_contain_text("07:15")
    await expect(page.locator(f"#{two}")).to_be_focused()
    await desk.move(third, desk.noon + 11 * DAY)
    await expect(day_of(page, desk.day(11)).locator(f"#{third}")).to_be_visible()
    await expect(page.locator(f"#{two}")).to_be_focused()
    await page.keyboard.press("Control+z")
    await expect(day_of(page, desk.day(8)).locator(f"#{two}")).to_contain_text("09:00")
    # Arrows move the day, Page Down turns the page, T leads back to today: from the page, too, as after loading.
    title = await page.get_by_role("heading", level=1).inner_text()
    for key in ("PageDown", "PageUp"):
        await page.goto(page.url)
        await page.keyboard.press(key)
        await expect(page.get_by_role("heading", level=1)).not_to_have_text(title)
        await page.keyboard.press("t")
        await expect(page.get_by_role("heading", level=1)).to_have_text(title)
        await expect(page.locator(f"#day-{desk.day(0)}")).to_be_focused()
    await page.goto(page.url)
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(f"#day-{desk.day(0)}")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(page.locator(f"#day-{desk.day(1)}")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await expect(page.locator(f"#day-{desk.day(8)}")).to_be_focused()
    await page.keyboard.press("PageDown")
    await expect(page.get_by_role("heading", level=1)).not_to_have_text(title)
    await page.keyboard.press("t")
    await expect(page.get_by_role("heading", level=1)).to_have_text(title)
    # Held at the edge, an entry turns the page. It leaves the edge before the page comes: the next would follow.
    following: str = await page.evaluate("document.getElementById('later').href")
    inside = asyncio.Event()
    await page.route(lambda url: url == following, held_until(inside), times=1)
    await pick(page, two)
    box = await page.locator(".grid").bounding_box()
    assert box
    async with page.expect_request(lambda one: one.url == following):
        await page.mouse.move(box["x"] + box["width"] - 6, box["y"] + 60, steps=4)
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 60)
    inside.set()
    await expect(page.get_by_role("heading", level=1)).not_to_have_text(title)
    tenth = page.locator(".day:not(.outside)").nth(9)
    target = await tenth.get_attribute("data-day")
    assert target
    await carry(page, tenth)
    await page.mouse.up()
    await expect(day_of(page, target).locator(f"#{two}")).to_contain_text("09:00")
    # What has begun stays, and says so.
    await page.goto(f"{desk.base}/calendar?view=week&at={desk.day(11)}")
    await pick(page, third)
    async with desk.installation.database.begin() as session:
        await session.execute(update(Item).where(Item.post_id == UUID(third[5:])).values(status="processing"))
    await carry(page, day_of(page, desk.day(10)))
    await page.mouse.up()
    await expect(notices.get_by_role("alert")).to_contain_text("Publishing of this post has begun")
    await expect(day_of(page, desk.day(11)).locator("li").filter(has_text="Publishing")).to_be_visible()
    # Keys of all pages: the list of them, another page, and a new post for the day in focus.
    await page.keyboard.press("?")
    keys = page.get_by_role("dialog", name="Keyboard")
    await expect(keys).to_contain_text("Undo the last move")
    await page.keyboard.press("Escape")
    await expect(keys).to_be_hidden()
    await page.keyboard.press("g")
    await page.keyboard.press("p")
    await page.wait_for_url("**/posts")
    await page.keyboard.press("g")
    await page.keyboard.press("c")
    await page.wait_for_url("**/calendar")
    await page.locator(f"#day-{desk.day(2)}").focus()
    await page.keyboard.press("n")
    await page.wait_for_url(f"**/compose/*at={desk.day(2)}*")


async def test_free_time_of_another_client_takes_no_drop_but_its_day_does(desk: Desk, page: Page) -> None:
    one = await desk.post(desk.noon + 3 * DAY, CAPTIONS[0])
    actor = Actor("user", new_id(), "Owner", "")
    async with desk.installation.database.begin() as session:
        made = CreateClient(name="Bloom", timezone="America/Sao_Paulo", color=2)
        other = await clients.create_client(session, desk.workspace, made, actor)
        await set_times(session, other, [PostingTime(weekday, time(20)) for weekday in range(7)])
    await page.goto(f"{desk.base}/calendar?view=month")
    there = day_of(page, desk.day(9))
    hole = there.locator(".free-time").filter(has_text="Bloom")
    await pick(page, one)
    await expect(hole).to_have_class(re.compile(r"\bother\b"))
    await expect(there.locator(".free-time").filter(has_text="Alba")).not_to_have_class(re.compile(r"\bother\b"))
    box = await hole.bounding_box()
    assert box
    await page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=4)
    await expect(there).to_have_class(re.compile(r"\bover\b"))
    await page.mouse.up()
    await expect(there.locator(f"#{one}")).to_contain_text("09:00")
    await expect(page.locator(".free-time.other")).to_have_count(0)


async def test_calendar_fits_every_screen(desk: Desk, page: Page, browser: Browser) -> None:
    for n in range(5):
        await desk.post(desk.noon + DAY + timedelta(minutes=10 * n), CAPTIONS[n % 3])
    await desk.post(desk.noon + 2 * DAY, "W" * 150)
    loose = await desk.draft("Retinol, explained in a lift ride")
    await page.set_viewport_size({"width": 1280, "height": 900})
    # A draft gets its time by a drop.
    await page.goto(f"{desk.base}/calendar?view=week")
    await drag(page, loose, day_of(page, desk.day(3)))
    await expect(day_of(page, desk.day(3)).locator(f"#{loose}")).to_contain_text("12:00")
    found = []
    for width in (1280, 820, 390):
        for scheme in ("light", "dark"):
            screen = await browser.new_page(
                viewport={"width": width, "height": 900}, has_touch=width < 1000, color_scheme=scheme,
                timezone_id="America/Sao_Paulo",
            )  # fmt: skip
            try:
                found += await _look(screen, desk, width, scheme)
                if width == 820 and scheme == "light":
                    await _scroll_by_touch(screen, desk)
                if width == 390 and scheme == "light":
                    await _move_on_a_phone(screen, desk, loose)
            finally:
                await screen.close()
    assert found == []


async def _look(screen: Page, desk: Desk, width: int, scheme: str) -> list[str]:
    """Open each view, and return what is wrong with it. A phone shows the list whatever the address says."""
    await sign_in(screen, desk.installation, OWNER[1], OWNER[2])
    found = []
    for view in ("month", "week", "list") if width > 400 else ("month",):
        await screen.goto(f"{desk.base}/calendar?view={view}")
        shown = view if width > 400 else "list"
        await expect(screen.locator(f"#live[data-view={shown}]")).to_be_visible()
        await shoot(screen, f"calendar-{view}-{width}-{scheme}")
        if await screen.evaluate("document.documentElement.scrollWidth") > width:
            found.append(f"{view} {width}: scrolls sideways")
        found += [f"{view} {width} {scheme}: {one}" for one in await problems(screen)]
    return found


async def _scroll_by_touch(screen: Page, desk: Desk) -> None:
    """A finger that scrolls over entries picks up nothing."""
    await screen.set_viewport_size({"width": 820, "height": 400})
    await screen.goto(f"{desk.base}/calendar?view=week")
    box = await screen.locator(".entry[data-version]").first.bounding_box()
    assert box
    cdp = await screen.context.new_cdp_session(screen)
    x, y = box["x"] + 20, box["y"] + 20
    for kind, points in (
        ("touchStart", [y]), *(("touchMove", [y - 15 * step]) for step in range(1, 9)), ("touchEnd", []),
    ):  # fmt: skip
        at = [{"x": x, "y": point} for point in points]
        await cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": at})
    await screen.wait_for_function("() => scrollY > 0")
    await expect(screen.locator(".picked, .in-hand, [data-toast]")).to_have_count(0)


async def _move_on_a_phone(screen: Page, desk: Desk, entry: str) -> None:
    await screen.locator("li", has=screen.locator(f"#{entry}")).get_by_role("button", name="Move").click()
    dialog = screen.get_by_role("dialog", name="Retinol")
    await expect(dialog).to_be_visible()
    await dialog.get_by_role("button", name="18:00").nth(2).click()
    await expect(screen.locator("#notices")).to_contain_text("Moved to")
    await expect(day_of(screen, desk.day(2)).locator(f"#{entry}")).to_be_visible()
