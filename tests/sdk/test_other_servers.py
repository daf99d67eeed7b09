"""A server of another product: every call ends with UnexpectedResponse, and none returns its JSON as a success."""

from collections.abc import Callable
from typing import Any

import httpx2
import pytest

from clipcast.sdk import AsyncClipcast, Clipcast, Retries, UnexpectedResponse

CLIP = {"edit_setting_id": "0198c7a4-6a0e-7cc1-9c5e-1f2d3c4b5a69"}
CALLS: dict[str, Callable[[Any], Any]] = {
    "upload": lambda client: client.upload(b"clip", name="clip.mp4"),
    "import": lambda client: client.upload("https://example.org/clip.mp4"),
    "publish": lambda client: client.publish(b"clip", to="bluesky:@x", text="a"),
    "publish unchecked": lambda client: client.publish(b"clip", to="bluesky:@x", text="a", check=False),
    "publish from an address": lambda client: client.publish("https://a.example/b.mp4", to="bluesky:@x", check=False),
    "publish a clip": lambda client: client.publish(CLIP, to="bluesky:@x", text="a"),
    "refuse doubles": lambda client: client.publish(CLIP, to="bluesky:@x", text="a", on_duplicate="refuse"),
    "find platforms": lambda client: client.publish(CLIP, to="@x", settings={"bluesky": {"text": "a"}}),
    "validate": lambda client: client.validate(CLIP, to="bluesky:@x"),
    "wait": lambda client: client.wait("a"),
}


@pytest.mark.parametrize("content", ['{"ok": true, "data": []}', "[1, 2]", "null", "", '"text"', "<html>Welcome"])
@pytest.mark.parametrize("name", CALLS)
async def test_call_ends_with_unexpected_response(name: str, content: str) -> None:
    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=content))
    retries = Retries(2, first=0, longest=0)
    blocking = Clipcast("key", retries=retries, http=httpx2.Client(transport=transport))
    awaiting = AsyncClipcast("key", retries=retries, http=httpx2.AsyncClient(transport=transport))
    with pytest.raises(UnexpectedResponse, match="is not Clipcast's"):
        CALLS[name](blocking)
    with pytest.raises(UnexpectedResponse, match="is not Clipcast's"):
        await CALLS[name](awaiting)
