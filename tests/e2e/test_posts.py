"""The list of posts and a post's page in a browser: keys, actions on many posts, Undo, and the grid of items."""

from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from playwright.async_api import Page, expect
from sqlalchemy import select, update

from clipcast.clock import clock
from clipcast.common.timestamps import format_timestamp
from clipcast.database.changes import tell
from clipcast.database.models.clips import Render
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.posts.service import create_post
from clipcast.testing.harness import some_day
from tests.e2e.people import connect, set_up, upload
from tests.e2e.test_pages import serious

pytestmark = pytest.mark.browser

CAPTIONS = ("Dawn patrol <b>at</b> the point", "صباح الخير", "x" * 200, "Night drive")


async def planned(installation: Installation, base: str) -> list[str]:
    """Create a scheduled post for each caption, to all accounts, and return their ids."""
    workspace = UUID(base.rsplit("/", 1)[1])
    async with installation.database.session() as session:
        accounts = {one.platform: one for one in await session.scalars(select(Connection))}
        [edit] = await session.scalars(select(Render.edit_setting_id))
    made = []
    for number, caption in enumerate(CAPTIONS):
        metadata = {"tiktok": {"title": caption, "privacyLevel": "SELF_ONLY"}, "instagram": {"caption": caption}}
        targets = [{"connectionId": str(one.id), "metadata": {name: metadata[name]}} for name, one in accounts.items()]
        at = format_timestamp(clock.now().replace(second=0, microsecond=0) + timedelta(days=1, hours=number))
        body = {"videos": [{"editId": str(edit), "targets": targets}], "scheduled_at": at}
        post = await create_post(installation.database.hot_pool, workspace, body, installation.settings)
        made.append(str(post.post_id))
    return made


async def test_posts_are_chosen_moved_and_removed_and_a_post_is_read(
    served: Installation, page: Page, clip: Path
) -> None:
    base = await set_up(page, served)
    for platform in ("TikTok", "Instagram"):
        await connect(page, base, platform)
    await upload(page, base, clip)
    posts = await planned(served, base)

    # By keys: J moves, X chooses, Shift chooses a range, M moves.
    await page.goto(base + "/posts?state=scheduled")
    boxes = page.get_by_role("checkbox", name="Choose", exact=False).and_(page.locator("[name=chosen]"))
    await expect(boxes).to_have_count(4)
    bar = page.get_by_role("toolbar")
    await expect(bar).to_be_hidden()
    await page.keyboard.press("j")
    await expect(page.locator(f"#open-{posts[0]}")).to_be_focused()
    await page.keyboard.press("j")
    await page.keyboard.press("x")
    await expect(bar).to_contain_text("1 chosen")
    await boxes.nth(3).click(modifiers=["Shift"])
    await expect(bar).to_contain_text("3 chosen")
    assert await serious(page) == []
    await page.locator(f"#open-{posts[1]}").focus()
    await page.keyboard.press("m")
    dialog = page.get_by_role("dialog", name="Move posts")
    await dialog.get_by_label("Day").fill(some_day(5))
    await dialog.get_by_role("button", name="Move").click()
    await expect(page.locator("#notices")).to_contain_text("3 posts moved.")
    await expect(bar).to_be_hidden()
    day = page.locator("tr.group")
    await expect(day).to_have_count(2)
    await page.locator("#notices").get_by_role("button", name="Undo").click()
    await expect(page.locator("#notices")).to_contain_text("3 posts moved back.")

    # One is removed, after one question.
    await boxes.nth(3).check()
    await bar.get_by_role("button", name="Remove").click()
    await expect(page.locator("#confirm")).to_contain_text("Remove 1 post from Clipcast?")
    await page.locator("#confirm").get_by_role("button", name="Remove").click()
    await expect(boxes).to_have_count(3)
    await page.get_by_role("searchbox", name="Search").fill("dawn")
    await page.keyboard.press("Enter")
    await expect(boxes).to_have_count(1)

    # A post: its items as a grid, one beside it. A change elsewhere keeps the focus and the choice.
    await page.get_by_role("link", name="Dawn patrol <b>at</b> the point").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Dawn patrol <b>at</b> the point")
    cell = page.get_by_role("link", name="Scheduled : @harbour.films, clip, scheduled").nth(1)
    await cell.click()
    await expect(cell).to_have_attribute("aria-current", "true")
    await page.get_by_role("link", name="Caption").click()
    await expect(page.locator("#panel dd").first).to_have_text("Dawn patrol <b>at</b> the point")
    await page.locator("#tab-caption").focus()
    async with served.database.begin() as session:
        [other, *_] = await session.scalars(
            select(Item.id).where(Item.post_id == UUID(posts[0])).order_by(Item.position)
        )
        changed = {"status": "published", "published_at": clock.now(), "updated_at": clock.now()}
        await session.execute(update(Item).where(Item.id == other).values(changed))
        tell(session, other, UUID(posts[0]))
    await expect(page.locator("#post-status")).to_have_text("Publishing 1 of 2")
    await expect(page.locator("#tab-caption")).to_be_focused()
    await expect(page.locator("#panel dd").first).to_be_visible()
    for width in (1280, 820, 390):
        await page.set_viewport_size({"width": width, "height": 800})
        assert await page.evaluate("document.documentElement.scrollWidth") <= width
        assert await serious(page) == []
