"""The gallery of the parts, the pictures of clips, and the compression of pages."""

import gzip
import io
import re
from typing import Any
from uuid import UUID

from PIL import Image
from sqlalchemy import select

from clipcast.clips.pictures import picture_version
from clipcast.database.models.clips import Render
from clipcast.installation import Installation
from clipcast.posts.titles import LINE_MAX, first_line, title_of
from clipcast.web.states import STATES
from tests.web.conftest import Visitor


async def test_gallery_shows_each_state_in_the_demo_only(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    assert (await owner.get("./gallery")).status_code == 404
    playground = installation.settings.model_copy(update={"playground_key": "key"})
    object.__setattr__(installation, "settings", playground)
    answer = await owner.get("./gallery")
    page = answer.text
    assert answer.status_code == 200, page[-3000:]
    for state in STATES.values():
        assert f"<span>{state.word}</span>" in page
    assert "<b>bold</b>" not in page
    assert "style=" not in page
    assert "onclick" not in page
    assert set(re.findall(r'data-c="(\d+)"', page)) == set(map(str, range(1, 13)))


async def test_picture_of_a_clip_is_small_and_kept_by_browsers(
    owner: Visitor, desk: dict[str, Any], installation: Installation
) -> None:
    async with installation.database.session() as session:
        [render] = await session.scalars(select(Render).where(Render.workspace_id == UUID(owner.base[3:])))
    path, version = f"./clips/{render.id}/thumbnail", picture_version(render.clip.thumbnail_key or "")
    whole = await owner.get(path)
    assert whole.headers["content-type"] == "image/jpeg"
    for width in (72, 144, 400):
        answer = await owner.get(f"{path}?w={width}&v={version}")
        assert answer.headers["content-type"] == "image/webp"
        assert answer.headers["cache-control"] == "private, max-age=31536000, immutable"
        with Image.open(io.BytesIO(answer.content)) as picture, Image.open(io.BytesIO(whole.content)) as large:
            assert picture.width == min(width, large.width)
    assert len((await owner.get(f"{path}?w=72")).content) < 3000
    assert "immutable" not in (await owner.get(f"{path}?w=72&v=other")).headers["cache-control"]
    assert (await owner.get(f"{path}?w=73")).status_code == 404
    # A picture that is gone is made again; one that cannot be made is the thumbnail itself.
    await installation.storage.put_bytes(render.clip.thumbnail_key or "", b"no picture")
    assert (await owner.get(f"{path}?w=72")).headers["content-type"] == "image/webp"


async def test_pages_and_files_are_compressed_for_the_app_itself_only(owner: Visitor) -> None:
    page = await owner.get(".", **{"Accept-Encoding": "gzip"})
    assert page.headers["content-encoding"] == "gzip"
    assert int(page.headers["content-length"]) * 3 < len(page.content)
    assert "Accept-Encoding" in page.headers["vary"]
    for headers in ({"Accept-Encoding": "identity"}, {"Accept-Encoding": "gzip;q=0"}):
        assert "content-encoding" not in (await owner.get(".", **headers)).headers
    # A request that another site caused tells that site the size of the response.
    other = await owner.get("/sign-in", **{"Accept-Encoding": "gzip", "Sec-Fetch-Site": "cross-site"})
    assert "content-encoding" not in other.headers
    address = re.findall(r'href="(/static/vendor/app\.css\?v=\w+)"', page.text)[0]
    styles = await owner.get(address, **{"Accept-Encoding": "gzip"})
    plain = await owner.get(address, **{"Accept-Encoding": "identity"})
    assert (styles.headers["content-encoding"], styles.content) == ("gzip", plain.content)
    assert styles.headers["cache-control"] == plain.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert styles.headers["etag"] == plain.headers["etag"]
    assert len(gzip.compress(plain.content)) < 30_000
    again = await owner.get(address, **{"Accept-Encoding": "gzip", "If-None-Match": styles.headers["etag"]})
    assert again.status_code == 304


def test_title_is_the_first_line_of_the_caption_or_the_name_of_the_clip() -> None:
    assert title_of("tiktok", {"title": "\n  First   light\nsecond"}, "clip") == "First light"
    assert title_of("youtube", {"title": "A title", "description": ""}, "clip") == "A title"
    assert title_of("instagram", {"caption": " \n\t"}, "Dawn.mp4") == "Dawn.mp4"
    assert title_of("gone", {"text": 5}, "") == "Untitled clip"
    long = first_line("x" * 300)
    assert len(long) == LINE_MAX
    assert long.endswith("…")
