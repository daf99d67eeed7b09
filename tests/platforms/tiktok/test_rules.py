"""TikTok's chunk arithmetic and PKCE, against docs/platforms/tiktok.md 2.3 and its test vector in 1.1."""

from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from clipcast.common.settings import PlatformApp
from clipcast.platforms.metadata import utf16_units
from clipcast.platforms.tiktok.account import TikTokOAuth
from clipcast.platforms.tiktok.rules import plan_chunks, poll_delay
from clipcast.sandbox.tiktok.rules import chunks_problem


@pytest.mark.parametrize(
    ("size", "chunk_size", "count", "last"),
    [
        (4_194_304, 4_194_304, 1, (0, 4_194_303)),
        (64_000_000, 64_000_000, 1, (0, 63_999_999)),
        (64_000_001, 10_000_000, 6, (50_000_000, 64_000_000)),
        (77_360_899, 10_000_000, 7, (60_000_000, 77_360_898)),
        (287_654_321, 10_000_000, 28, (270_000_000, 287_654_320)),
        (4_294_967_296, 10_000_000, 429, (4_280_000_000, 4_294_967_295)),
    ],
)
def test_plan_chunks_matches_documented_table(size: int, chunk_size: int, count: int, last: tuple[int, int]) -> None:
    """The plans of the documented sizes have the documented chunks."""
    plan = plan_chunks(size)
    first, end = plan.bounds(count - 1)
    assert (plan.chunk_size, plan.count, (first, end - 1)) == (chunk_size, count, last)
    assert [plan.bounds(n)[1] for n in range(count - 1)] == [plan.bounds(n + 1)[0] for n in range(count - 1)]


@pytest.mark.parametrize("size", [1, 4_999_999, 5_000_000, 63_999_999, 64_000_001, 128_000_000, 4_000_000_000])
def test_plan_chunks_satisfies_simulated_rules(size: int) -> None:
    """The simulator accepts every plan."""
    plan = plan_chunks(size)
    source = {
        "source": "FILE_UPLOAD",
        "video_size": size,
        "chunk_size": plan.chunk_size,
        "total_chunk_count": plan.count,
    }
    assert chunks_problem(source) is None


def test_loopback_address_sends_hexadecimal_challenge() -> None:
    """The challenge is the hex digest, and the app's id is `client_key`."""
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
    app = PlatformApp("key", "secret")
    url = TikTokOAuth().authorize_url(app, "http://127.0.0.1:8000/back", "s", verifier)
    query = parse_qs(urlsplit(url).query)
    assert query["code_challenge"] == ["13d31e961a1ad8ec2f16b10c4c982e0876a878ad6df144566ee1894acb70f9c3"]
    assert query["client_key"] == ["key"]
    assert "client_id" not in query
    assert query["scope"] == ["user.info.basic,user.info.profile,video.publish,video.upload"]


def test_web_address_sends_no_challenge() -> None:
    """Only Desktop apps use PKCE."""
    url = TikTokOAuth().authorize_url(PlatformApp("key", "secret"), "https://clips.example/back", "s", "v" * 43)
    assert "code_challenge" not in parse_qs(urlsplit(url).query)


def test_utf16_units_count_emoji_as_2() -> None:
    """An emoji outside the basic plane counts 2."""
    assert [utf16_units(text) for text in ("", "a", "\u00e9", "\U0001f30a", "a\U0001f30ab")] == [0, 1, 1, 2, 4]


def test_poll_delay_sends_fewer_than_75_requests_an_hour() -> None:
    """Polling stays far below TikTok's limit of 30 a minute."""
    age, polls = timedelta(), 0
    while age < timedelta(hours=1):
        age += poll_delay(age)
        polls += 1
    assert polls < 75
