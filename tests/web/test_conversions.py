"""Conversions in the app: the compose page says what will be converted, the post's page what was."""

from typing import Any
from uuid import UUID

from sqlalchemy import select

from clipcast.common.ids import new_id
from clipcast.database.models.clips import Clip, Render
from clipcast.database.models.posts import Item
from clipcast.database.models.renditions import Rendition
from clipcast.installation import Installation
from tests.web.conftest import Visitor, form


async def change_clip(installation: Installation, **changes: Any) -> None:
    async with installation.database.begin() as session:
        clip = (await session.scalars(select(Clip))).one()
        clip.media = (clip.media or {}) | changes


async def send(owner: Visitor, desk: dict[str, Any], installation: Installation, path: str = "") -> str:
    """Send a post. Return its id, when what follows its commit is done: it sets what each item's file is made of."""
    answer = await owner.post((path or f"./compose/{new_id()}") + "/send", form(desk))
    await installation.database.hot_pool.following.close()
    return answer.headers["hx-redirect"].rsplit("/", 1)[1]


async def test_compose_page_lists_conversions(owner: Visitor, desk: dict[str, Any], installation: Installation) -> None:
    path = f"./compose/{new_id()}"
    assert "Will be converted" not in (await owner.post(path, form(desk))).text
    await change_clip(installation, frame_rate=120.0, width=1080, height=1920)
    page = (await owner.post(path, form(desk))).text
    assert "Will be converted for TikTok: 1080p, H.264, AAC." in page
    assert "Ready: 1 item" in page
    grid = (await owner.post(path + "/grid", form(desk))).text
    assert "status converted" in grid
    async with installation.database.session() as session:
        render = (await session.scalars(select(Render))).one()
    clip = (await owner.get(f"./clips/{render.id}")).text
    assert "status converted" in clip
    assert "status fits" in clip
    assert "hint" not in page.split('id="problems"')[1].split("</div>")[0]


async def test_post_page_shows_what_was_converted(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    post = await send(owner, desk, installation)
    async with installation.database.begin() as session:
        item = (await session.scalars(select(Item).where(Item.post_id == UUID(post)))).one()
        media = (await session.scalars(select(Clip.media))).one()
        rendition = Rendition(workspace_id=item.workspace_id, key="key", inputs=[], recipe={}, action="video",
                              status="active", progress=42, expected=media)  # fmt: skip
        session.add(rendition)
        await session.flush()
        item.rendition_id = rendition.id
    page = (await owner.get(f"./posts/{post}")).text
    assert "Converted: 540p, H.264, AAC (42 %)." in page
    assert "Play the converted file" not in page
    file = f"./conversions/{rendition.id}/file"
    assert (await owner.get(file)).status_code == 404
    await complete(installation, media)
    page = (await owner.get(f"./posts/{post}")).text
    assert "Converted: 540p, H.264, AAC, 9 bytes." in page
    assert f'{file[1:]}" target="_blank">Play the converted file' in page
    assert (await owner.get(file)).content == b"converted"
    assert (await owner.get(f"./conversions/{new_id()}/file")).status_code == 404


async def complete(installation: Installation, media: dict[str, Any] | None) -> None:
    """Store the file of the only rendition."""
    await installation.storage.put_bytes("renditions/a/1.mp4", b"converted")
    async with installation.database.begin() as session:
        made = (await session.scalars(select(Rendition))).one()
        made.status, made.progress, made.media, made.size = "completed", 100, media, 9
        made.storage_key = "renditions/a/1.mp4"


async def test_compose_page_plays_a_conversion_that_exists(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    """The file of an earlier post is the same."""
    await change_clip(installation, frame_rate=120.0, width=1080, height=1920)
    path = f"./compose/{new_id()}"
    await owner.post(path, form(desk))  # asks for the account's limits, without which nothing is converted ahead
    await send(owner, desk, installation, path)
    path = f"./compose/{new_id()}"
    assert "Play the converted file" not in (await owner.post(path, form(desk))).text
    async with installation.database.begin() as session:
        made = (await session.scalars(select(Rendition))).one()
    await complete(installation, made.expected)
    page = (await owner.post(path, form(desk))).text
    assert f"/conversions/{made.id}/file" in page
