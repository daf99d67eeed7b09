"""A client's logo: what can be one, where it is shown, and that nothing of it stays."""

import io
import re
import struct
import zlib
from collections.abc import Awaitable, Callable
from uuid import UUID

import pytest
from PIL import Image

from clipcast.clips.unwanted import delete_unwanted
from clipcast.database.models.clients import Client
from clipcast.installation import Installation
from tests.web.conftest import Visitor

PNG_HEAD = b"\x89PNG\r\n\x1a\n"


def picture(kind: str, width: int = 400, height: int = 200) -> bytes:
    content = io.BytesIO()
    Image.new("RGB", (width, height), "#2c51de").save(content, kind)
    return content.getvalue()


def chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def claims(width: int, height: int) -> bytes:
    """Return a PNG file of a few bytes that claims to be large."""
    head = struct.pack(">IIBBBBB", width, height, 8, 6, 0, 0, 0)
    return PNG_HEAD + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")


@pytest.fixture
async def client(owner: Visitor) -> str:
    """Return the path of a client's pages."""
    made = await owner.post("./clients", {"name": "Alba Skincare", "timezone": "UTC"})
    return str(made.headers["location"]).removesuffix("/accounts")


async def send(owner: Visitor, client: str, content: bytes) -> tuple[int, str]:
    """Upload a logo. Return the status and what the server says."""
    headers = owner.headers | {"Content-Type": "image/png"}
    answer = await owner.client.post(client + "/logo", content=content, headers=headers)
    return answer.status_code, answer.text


async def key_of(installation: Installation, client: str) -> str | None:
    async with installation.database.session() as session:
        return (await session.get_one(Client, UUID(client.rsplit("/", 1)[1]))).logo_key


async def test_logo_stands_beside_the_name_and_goes_with_the_client(
    owner: Visitor, client: str, installation: Installation
) -> None:
    storage, keys = installation.storage, []
    for kind in ("PNG", "JPEG", "WEBP"):
        status, text = await send(owner, client, picture(kind))
        assert status == 201, text
        keys.append(await key_of(installation, client))
    assert all(key for key in keys)
    # A new logo replaces the one before, and its file.
    assert [await storage.has(str(key)) for key in keys] == [False, False, True]
    page = (await owner.get("./clients")).text
    [*_, address] = re.findall(r'src="([^"]+/logo\?v=[^"]+)"', page)
    shown = await owner.get(address)
    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/webp")
    assert "immutable" in shown.headers["cache-control"]
    with Image.open(io.BytesIO(shown.content)) as logo:
        assert (logo.format, logo.size) == ("WEBP", (192, 96))
    assert "immutable" not in (await owner.get(address.partition("?")[0])).headers["cache-control"]
    for path in (".", "./posts", "./accounts", client + "/settings", client + "/times"):
        assert address in (await owner.get(path)).text, path
    assert (await owner.post(client + "/logo/remove")).status_code == 303
    assert (await owner.get(address)).status_code == 404
    assert "/logo?v=" not in (await owner.get("./clients")).text
    assert not await storage.has(str(keys[-1]))
    await send(owner, client, picture("PNG"))
    key = str(await key_of(installation, client))
    assert (await owner.post(client + "/delete")).status_code == 303
    await delete_unwanted(installation.database, installation.storage)
    assert not await storage.has(key)


async def test_what_is_no_small_picture_is_rejected_with_the_reason(
    owner: Visitor, client: str, installation: Installation, invited: Callable[[str], Awaitable[Visitor]]
) -> None:
    svg = b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>'
    gif = io.BytesIO()
    Image.new("P", (5, 5)).save(gif, "GIF")
    for content, words in (
        (b"", "not a readable picture"),
        (b"nonsense", "not a readable picture"),
        (svg, "not a readable picture"),
        (gif.getvalue(), "not a readable picture"),
        (picture("JPEG")[:-200], "not a readable picture"),
        (claims(20_000, 20_000), "more than 16 million pixels"),
        (claims(2**31 - 1, 2**31 - 1), "pixels"),
        (claims(3000, 3000), "not a readable picture"),
        (PNG_HEAD + b"\0" * 2_000_001, "too large: maximum 2 MB"),
    ):
        status, text = await send(owner, client, content)
        assert (status, words in text) == (422, True), (content[:20], text)
    assert await key_of(installation, client) is None
    # A form of another kind holds no picture.
    assert (await owner.post(client + "/logo", {"logo": "x"})).status_code == 422
    assert (await owner.get(client + "/logo")).status_code == 404
    second = (await owner.post("./settings/workspaces", {"name": "Second"})).headers["location"]
    elsewhere = client.replace(owner.base, second)
    assert (await send(owner, elsewhere, picture("PNG")))[0] == 404
    assert (await owner.post(elsewhere + "/logo/remove")).status_code == 404
