"""What browsers need to install the app: the manifest, its icons, the service worker and the offline page."""

import io
import re
from collections.abc import Awaitable, Callable

import pytest
from PIL import Image

from clipcast.web.phone import ICONS
from tests.web.conftest import Visitor


async def test_manifest_names_icons_that_exist(visitor: Visitor) -> None:
    found = await visitor.get("/manifest.webmanifest")
    assert found.headers["content-type"] == "application/manifest+json"
    manifest = found.json()
    assert (manifest["id"], manifest["display"]) == ("/", "standalone")
    assert manifest["share_target"]["params"]["files"][0]["name"] == "videos"
    for one in manifest["icons"]:
        icon = await visitor.get(one["src"])
        assert icon.headers["content-type"] == "image/png"
        width, height = Image.open(io.BytesIO(icon.content)).size
        assert one["sizes"] == f"{width}x{height}"
    assert {one["purpose"] for one in manifest["icons"]} == {"any", "maskable"}
    assert (await visitor.get("/app-icons/other.png")).status_code == 404


@pytest.mark.parametrize("name", ICONS)
async def test_icons_are_drawn_in_their_place(visitor: Visitor, name: str) -> None:
    """A maskable icon is opaque, and its logo is within the circle that every phone keeps. A badge has no ground."""
    image = Image.open(io.BytesIO((await visitor.get(f"/app-icons/{name}.png")).content)).convert("RGBA")
    side, opaque = image.width, image.getchannel("A").getextrema()[0]
    pixels = image.tobytes()
    whites = [
        (number // 4 % side, number // 4 // side)
        for number in range(0, len(pixels), 4)
        if pixels[number : number + 3] == b"\xff\xff\xff" and pixels[number + 3] > 128
    ]
    assert whites
    far = max(((x - side / 2) ** 2 + (y - side / 2) ** 2) ** 0.5 for x, y in whites)
    assert far < side * (0.4 if name.startswith("maskable") else 0.5)
    assert (opaque == 255) == name.startswith(("maskable", "apple"))


async def test_service_worker_changes_with_the_offline_page_only(visitor: Visitor) -> None:
    worker = await visitor.get("/service-worker.js")
    assert worker.headers["content-type"].startswith("text/javascript")
    assert worker.headers["cache-control"] == "no-cache"
    assert re.match(r'const VERSION = "[0-9a-f]{12}";\n', worker.text)
    assert (await visitor.get("/service-worker.js", **{"Accept-Encoding": "gzip"})).text == worker.text


async def test_offline_page_is_the_same_for_everybody(owner: Visitor, visitors: Callable[[], Visitor]) -> None:
    """It says what is kept, and the service worker keeps each of its parts."""
    page = await owner.get("/offline")
    assert page.text == (await visitors().get("/offline")).text
    assert "What is kept" in page.text
    assert "owner@example.org" not in page.text
    worker = (await owner.get("/service-worker.js")).text
    pattern = re.search(r"const PARTS = /(.+)/;", worker)
    assert pattern
    parts = re.findall(r'(?:href|src)="(/static/[^"#]+)', page.text)
    assert len(set(parts)) == 3
    for part in parts:
        assert re.match(pattern[1].replace("\\/", "/"), part.partition("?")[0]), part
        assert "immutable" in (await owner.get(part)).headers["cache-control"]


async def test_pages_allow_the_worker_and_the_manifest(owner: Visitor) -> None:
    page = await owner.get("./calendar")
    policy = page.headers["content-security-policy"]
    assert "worker-src 'self'; manifest-src 'self'" in policy
    assert '<link rel="manifest" href="/manifest.webmanifest">' in page.text
    assert "./phone.js" in (await owner.get("/static/app.js")).text


async def test_shared_videos_lead_to_a_library(
    owner: Visitor, visitors: Callable[[], Visitor], invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    """To that of the only workspace in which the person may upload, or to a choice of several."""
    assert (await visitors().get("/share")).headers["location"] == "/sign-in?next=%2Fshare"
    led = await owner.get("/share")
    assert led.headers["location"] == f"{owner.base}/clips?shared=yes"
    assert (await owner.get("./clips?shared=yes")).status_code == 200
    await owner.post("./settings/workspaces", {"name": "Harbour <Films>"})
    page = (await owner.get("/share")).text
    assert page.count("/clips?shared=yes") == 2
    assert "Harbour &lt;Films&gt;" in page
    viewer = await invited("viewer")
    assert "Ask an owner for the role editor" in (await viewer.get("/share")).text
