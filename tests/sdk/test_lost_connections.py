"""A connection that is cut at any byte: the client repeats, and nothing is posted or stored twice."""

import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from clipcast.sdk import AsyncClipcast, ConnectionFailed, Progress
from clipcast.sdk.sources import open_source
from clipcast.sdk.uploads import send
from clipcast.testing.harness import ACCOUNT
from tests.sdk.conftest import AT_ONCE, Served
from tests.tcp_proxy import TcpProxy, tcp_proxy

# Where a request or a response of some hundred bytes is cut: at its ends, within its lines and its body.
PLACES = (0, 1, 40, 150, 400, 10_000)
# The size of the file, and of the pieces in which it is sent.
SIZE, PIECE = 40_000, 15_000


@pytest.fixture
async def proxy(served: Served) -> AsyncIterator[TcpProxy]:
    # The client returns at once. It finds what arrived before the cut, which the server stores after it.
    async with tcp_proxy(served.port, before_each=served.until_idle) as proxy:
        yield proxy


@pytest.fixture
async def client(served: Served, proxy: TcpProxy) -> AsyncIterator[AsyncClipcast]:
    async with served.at(proxy.port) as client:
        yield client


async def test_post_is_created_once(served: Served, proxy: TcpProxy, client: AsyncClipcast, clip: Path) -> None:
    connection = await served.stage.connect("bluesky")
    uploaded = await served.client.upload(clip)
    videos = [{"editId": uploaded["edit_setting_id"], "targets": [{"connectionId": connection}]}]
    ids = set()
    for side in ("requests", "responses"):
        for place in PLACES:
            proxy.cut_after(side, place)
            ids.add((await client.create_post(videos=videos))["post_id"])  # type: ignore[typeddict-item]
    proxy.cut_after("responses", 0)
    published = await client.publish(uploaded, to=connection)
    listed = await served.client.list_posts(limit=100)
    assert listed["pagination"]["total_count"] == len(ids) + 1 == 2 * len(PLACES) + 1
    assert published.id in {one["post_id"] for one in listed["posts"]}


async def test_upload_continues_where_it_was_cut(
    served: Served, proxy: TcpProxy, client: AsyncClipcast, clip: Path
) -> None:
    """The server has every byte once, whichever byte was the last one before the cut."""
    content = clip.read_bytes()[:SIZE]
    places = [0, 1, 300, *range(700, SIZE, 3_777), PIECE, SIZE, SIZE + 500]
    for side, place in [*(("requests", place) for place in places), *(("responses", place) for place in PLACES)]:
        started = await served.client.start_upload(file_name="clip.mp4", file_size=SIZE)
        url = started["upload_url"].replace(str(served.port), str(proxy.port))
        seen: list[Progress] = []
        proxy.passed["requests"] = 0
        proxy.cut_after(side, place)
        await client._run(send(open_source(content), url, AT_ONCE, seen.append, PIECE))
        assert seen[-1].sent == SIZE
        # Headers take some hundred bytes for each of some requests; a second copy of the file would be more.
        assert proxy.passed["requests"] < SIZE + PIECE
        [stored] = await served.stage.installation.storage.list(f"clips/{started['video_id']}")
        reader = served.stage.installation.storage.read(stored[0], 0, stored[1])
        assert b"".join([piece async for piece in reader]) == content


async def test_upload_that_always_breaks_ends_only_without_progress(
    served: Served, proxy: TcpProxy, client: AsyncClipcast, clip: Path
) -> None:
    """Each connection brings some bytes, and more connections are cut than the retries of one request."""
    content = clip.read_bytes()[:SIZE]
    started = await served.client.start_upload(file_name="clip.mp4", file_size=SIZE)
    url = started["upload_url"].replace(str(served.port), str(proxy.port))
    proxy.cut_after("requests", 6_000, again=True)
    await client._run(send(open_source(content), url, AT_ONCE, None, 3_000))
    assert proxy.cuts > AT_ONCE.attempts
    other = await served.client.start_upload(file_name="clip.mp4", file_size=SIZE)
    proxy.cut_after("requests", 100, again=True)
    before = proxy.cuts
    with pytest.raises(ConnectionFailed):
        await client._run(
            send(open_source(content), other["upload_url"].replace(str(served.port), str(proxy.port)), AT_ONCE)
        )
    assert proxy.cuts == before + AT_ONCE.attempts


async def test_lost_upload_is_continued_by_another_process(
    served: Served, proxy: TcpProxy, client: AsyncClipcast, clip: Path
) -> None:
    connection = await served.stage.connect("bluesky")
    size, half = clip.stat().st_size, clip.stat().st_size // 2

    def stop(progress: Progress) -> None:
        if progress.sent >= half:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await served.call(
            served.blocking.publish, clip, to=connection, piece_bytes=100_000, progress=stop, idempotency_key="plan"
        )
    seen: list[Progress] = []
    post = await served.client.publish(clip, to=f"@{ACCOUNT}", progress=seen.append, idempotency_key="plan")
    assert 0 < seen[0].sent < size
    [video] = (await served.client.list_videos())["clips"]
    assert video["sha256"] == hashlib.sha256(clip.read_bytes()).hexdigest()
    assert post.items[0].connection_id == connection
