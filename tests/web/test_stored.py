"""Stored data of a shape that a page does not know: the page says so, and everything else on it works."""

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import update

from clipcast.common.ids import new_id
from clipcast.database.models.clips import Clip
from clipcast.database.models.connections import Connection
from clipcast.database.models.posts import Item
from clipcast.installation import Installation
from clipcast.testing.harness import some_day
from tests.web.conftest import Visitor, form

SAID = "cannot be shown: its stored data has an unknown format"


async def posted(owner: Visitor, desk: dict[str, Any], **more: Any) -> str:
    both = form(desk, **more) | {"account": [desk["tiktok"], desk["youtube"]]}
    return (await owner.post(f"./compose/{new_id()}/send", both)).headers["hx-redirect"]


@pytest.mark.parametrize("error", [{"strange": 1}, "a text", {"class": "invalid", "message": None, "actor": "moon"}])
async def test_post_with_an_unreadable_item_shows_the_other_items(
    owner: Visitor, installation: Installation, desk: dict[str, Any], error: Any
) -> None:
    path = await posted(owner, desk)
    async with installation.database.begin() as session:
        broken = Item.post_id == UUID(path.rsplit("/", 1)[1]), Item.platform == "tiktok"
        await session.execute(update(Item).where(*broken).values(error=error, status="failed"))
    page = await owner.get(path)
    assert page.status_code == 200
    assert SAID in page.text
    assert "brand-youtube" in page.text
    assert "Copy to a draft" in page.text
    for other in (".", "./posts", "./calendar"):
        assert (await owner.get(other)).status_code == 200, other


async def test_unreadable_clip_breaks_no_page(owner: Visitor, installation: Installation, desk: dict[str, Any]) -> None:
    async with installation.database.begin() as session:
        await session.execute(update(Clip).values(media={"unknown": "shape"}))
    listed = await owner.get("./clips")
    assert (listed.status_code, SAID in listed.text, 'id="files"' in listed.text) == (200, True, True)
    library = await owner.get("./compose/library/clips")
    assert (library.status_code, desk["clip"] in library.text) == (200, True)


@pytest.mark.parametrize("facts", [{"unknown": "shape"}, {"container": 5}, "a text", [1]])
async def test_post_of_an_unreadable_clip_is_rejected_and_kept_as_a_draft(
    owner: Visitor, installation: Installation, desk: dict[str, Any], facts: Any
) -> None:
    both = form(desk) | {"account": [desk["tiktok"], desk["youtube"]]}
    scheduled = await posted(owner, desk, when="later", at=f"{some_day()}T18:30")
    async with installation.database.begin() as session:
        await session.execute(update(Clip).values(media=facts))
    draft = f"./compose/{new_id()}"
    for path in (draft, draft + "/send"):
        answer = await owner.post(path, both)
        assert answer.status_code == 200, path
        # In the list of problems, and beside the clips.
        assert answer.text.count("cannot be read, so it cannot be checked. Upload the clip again.") == 2
    assert "cannot be read" in (await owner.get(draft)).text
    assert draft[1:] in (await owner.get("./drafts")).text
    # A post from before can be opened, edited and moved.
    edited = (await owner.post(scheduled + "/edit")).headers["location"]
    assert "cannot be read" in (await owner.get(edited)).text
    assert (await owner.post(scheduled + "/reschedule", {"at": f"{some_day(1)}T18:30"})).status_code == 303


async def test_unreadable_account_leaves_the_others_visible(
    owner: Visitor, installation: Installation, desk: dict[str, Any]
) -> None:
    async with installation.database.begin() as session:
        broken = Connection.id == UUID(desk["tiktok"])
        await session.execute(update(Connection).where(broken).values(status="haunted", status_reason=None))
    page = await owner.get("./accounts")
    assert page.status_code == 200
    assert f"connection-{desk['youtube']}" in page.text
