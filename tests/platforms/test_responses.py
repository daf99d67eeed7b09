"""Incoming responses are bounded in bytes, also decompressed, and in time; their text can be stored."""

import asyncio
import gzip
import json
import random
import resource
import tracemalloc
import zlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from clipcast.clock import clock
from clipcast.platforms import http as platform_http
from clipcast.platforms.base import Profile, Published, Tokens, web_address
from clipcast.platforms.errors import InvalidRequest, PlatformAnswer, TransientError
from clipcast.platforms.graph import graph_error
from clipcast.platforms.headers import Headers
from clipcast.platforms.http import PlatformHttp, expires, retry_after
from clipcast.platforms.public_fetch import PublicFetcher
from clipcast.platforms.responses import RESPONSE_MAX, Response, understood
from clipcast.platforms.threads.errors import CODES
from clipcast.platforms.transport import HttpClient
from clipcast.testing.loop_time import move_loop_time
from tests.platforms.raw_server import head, raw_server


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    async with HttpClient() as client:
        yield client


async def ask(client: HttpClient, server: str, url: str = "https://platform.example/x") -> Response:
    """Send a request to a platform whose host is `server`."""
    return await PlatformHttp(client, ("platform.example",), server).request("look", "GET", url)


def bomb(layers: int = 1) -> bytes:
    """Return a gigabyte of zeros, compressed a thousandfold by each layer."""
    compressor = zlib.compressobj(9, wbits=31)
    content = b"".join(compressor.compress(bytes(2**20)) for _ in range(1024)) + compressor.flush()
    for _ in range(layers - 1):
        content = gzip.compress(content)
    return content


@pytest.mark.parametrize("layers", [1, 2])
async def test_gzip_bomb_is_rejected_within_memory_limit(client: HttpClient, layers: int) -> None:
    content = bomb(layers)
    encoding = ", ".join(["gzip"] * layers)
    answer = head(f"Content-Length: {len(content)}", f"Content-Encoding: {encoding}", "Connection: close") + content
    async with raw_server(answer) as server:
        tracemalloc.start()
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(TransientError) as caught:
            await ask(client, server)
        with pytest.raises(InvalidRequest) as refused:
            await PublicFetcher(client, server).fetch(server + "/cover.png", 2_000_000)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert caught.value.code == "response_unreadable"
    assert refused.value.code == ("file_too_large" if layers == 1 else "fetch_failed")
    assert peak < 4 * RESPONSE_MAX
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 128 * 1024  # kilobytes


@pytest.mark.parametrize("encoding", ["br", "zstd", "compress", "gzip, gzip", "nonsense"])
async def test_unrequested_encoding_is_an_error(client: HttpClient, encoding: str) -> None:
    async with raw_server(head("Content-Length: 2", f"Content-Encoding: {encoding}") + b"{}") as server:
        with pytest.raises(TransientError, match="response_unreadable"):
            await ask(client, server)


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
async def test_compressed_response_is_read(client: HttpClient, encoding: str, compress) -> None:  # type: ignore[no-untyped-def]
    body = compress(b'{"id": "1"}')
    async with raw_server(head(f"Content-Length: {len(body)}", f"Content-Encoding: {encoding}") + body) as server:
        response = await ask(client, server)
    assert response.json() == {"id": "1"}


@pytest.mark.parametrize(("encoding", "compress"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
@pytest.mark.parametrize("missing", [1, 600])
async def test_compressed_data_that_ends_early_is_a_lost_response(  # type: ignore[no-untyped-def]
    client: HttpClient, encoding: str, compress, missing: int
) -> None:
    body = compress(random.Random(1).randbytes(1000))[:-missing]
    async with raw_server(head(f"Content-Length: {len(body)}", f"Content-Encoding: {encoding}") + body) as server:
        with pytest.raises(TransientError, match="was lost"):
            await ask(client, server)
        with pytest.raises(TransientError, match="cannot be fetched"):
            await PublicFetcher(client, server).fetch(server + "/cover.png", 100_000)


async def test_empty_response_with_encoding_is_read(client: HttpClient) -> None:
    async with raw_server(head("Content-Length: 0", "Content-Encoding: gzip")) as server:
        assert (await ask(client, server)).content == b""


async def test_endless_response_is_rejected(client: HttpClient) -> None:
    async with raw_server(head("Connection: close"), for_ever=b"x" * 65_536) as server:
        with pytest.raises(TransientError, match="response_unreadable"):
            await ask(client, server)
        with pytest.raises(InvalidRequest, match="file_too_large"):
            await PublicFetcher(client, server).fetch(server + "/cover.png", 100_000)


@pytest.mark.parametrize("start", [head("Connection: close"), b"HTTP/1.1 200 OK\r\nX-Slow: "])
async def test_slow_response_ends_after_response_time(
    client: HttpClient, monkeypatch: pytest.MonkeyPatch, start: bytes
) -> None:
    monkeypatch.setattr(platform_http, "RESPONSE_TIME", 0.5)
    async with raw_server(start, every=0.05, for_ever=b"x") as server, asyncio.timeout(30):
        with pytest.raises(TransientError, match="took over"):
            await ask(client, server)
        with pytest.raises(TransientError, match="took over"):
            await PublicFetcher(client, server).fetch(server + "/cover.png", 100_000, seconds=0.5)


async def test_upload_may_take_longer_than_its_response(client: HttpClient) -> None:
    async def slow() -> AsyncIterator[bytes]:
        for _ in range(6):
            move_loop_time(platform_http.RESPONSE_TIME / 2)
            await asyncio.sleep(0.01)  # in which a time limit would end
            yield b"x" * 10

    async with raw_server(head("Content-Length: 2") + b"{}", reads=60) as server:
        platform = PlatformHttp(client, ("platform.example",), server)
        headers = {"Content-Length": "60"}
        answer = await platform.request("up", "PUT", "https://platform.example/", content=slow(), headers=headers)
    assert answer.json() == {}


@pytest.mark.parametrize(
    "url", ["", "x", "https://", "https://\x00/", "https://a b/", "https://[::1/", "https://platform.example:99999999/",
            "javascript:alert(1)", "//platform.example/", "https://\ud800.platform.example/", 5, None, ["https://x"]],
)  # fmt: skip
async def test_invalid_address_is_an_error_of_the_platform(client: HttpClient, url: str) -> None:
    with pytest.raises(TransientError) as caught:
        await ask(client, "http://127.0.0.1:9", url)
    assert (caught.value.code, caught.value.rejected) in {("foreign_address", True), ("network", True)}


ODD_TEXT = st.text(st.characters(exclude_categories=()), max_size=50)


@given(ODD_TEXT)
def test_text_of_a_response_can_be_stored(text: str) -> None:
    response = Response(400, content=json.dumps({"message": text, text: [text]}).encode())
    [(key, [inside])] = [(key, value) for key, value in response.json().items() if key != "message"] or [("", [""])]
    for one in (response.json().get("message", ""), response.text, key, inside):
        assert "\x00" not in str(one)
        str(one).encode()
    answer = PlatformAnswer(400, response.json().get("message"), text, text)
    str(answer).encode()
    assert "\x00" not in f"{answer.code}{answer.message}{answer.request_id}"


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b"\xff\xfe", b'{"a": "\x00"}', b"9" * 5000]
)
def test_body_that_is_not_json_raises_value_error(body: bytes) -> None:
    with pytest.raises(ValueError):
        Response(200, content=body).json()


def test_code_of_any_shape_is_kept_as_text() -> None:
    answer = PlatformAnswer(400, [1, {"a": None}], {"b": 1}, 7)  # type: ignore[arg-type]
    assert (answer.code, answer.message, answer.request_id) == ('[1, {"a": null}]', '{"b": 1}', "7")
    assert len(PlatformAnswer(400, "x" * 10_000, "y" * 100_000).message or "") == 2000


@pytest.mark.parametrize(
    ("value", "wait"),
    [("5", 5), (" 5 ", 5), ("9" * 5000, 604_800), ("99999999", 604_800), ("-5", None), ("5.5", None), ("", None),
     ("²", None), ("soon", None), ("Fri, 31 Dec 9999 23:59:59 GMT", 604_800), ("Fri, 99 Dec 2026 23:59:59 GMT", None),
     ("Wed, 21 Oct 2015 07:28:00 GMT", 0), ("Wed, 21 Oct 2015 07:28:00 +9999999", 0)],
)  # fmt: skip
def test_retry_after_is_bounded(value: str, wait: int | None) -> None:
    found = retry_after(Response(429, headers=Headers([("Retry-After", value)])))
    assert found in (None, timedelta(0)) if wait == 0 else (found and found.total_seconds()) == wait


@pytest.mark.parametrize("seconds", [1e308, float("inf"), float("nan"), 10**400, -5, True, "60", None, [60]])
def test_lifetime_of_token_is_bounded(seconds: object) -> None:
    at = expires(seconds)
    assert at is None or clock.now() - timedelta(seconds=5) < at < clock.now() + timedelta(days=10_000)


@pytest.mark.parametrize("token", ["", "a b", "a\n", "tök", "\x00", "x" * 9000, None, 5, ["x"]])
def test_token_that_no_header_can_carry_raises_value_error(token: object) -> None:
    with pytest.raises(ValueError):
        Tokens(token, None, None, None, ())  # type: ignore[arg-type]


@pytest.mark.parametrize("account_id", ["", "a b", "\x00", "\ud800", None, 5, ["x"], "x" * 501])
def test_account_without_usable_id_raises_value_error(account_id: object) -> None:
    with pytest.raises(ValueError):
        Profile(account_id, "name", "Name")  # type: ignore[arg-type]


@given(ODD_TEXT, ODD_TEXT, ODD_TEXT)
def test_profile_of_odd_text_can_be_stored(username: str, name: str, url: str) -> None:
    profile = Profile("1", username, name, url)
    f"{profile.username}{profile.display_name}{profile.avatar_url}".encode()


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "https://", "https://a b", "https://x\x00", 5]
)
def test_invalid_address_of_post_is_dropped(url: object) -> None:
    assert Published("1", url).url is None  # type: ignore[arg-type]
    assert web_address("https://example.com/v/1?a=b#c") == "https://example.com/v/1?a=b#c"


async def test_exception_without_response_stays_internal() -> None:
    with pytest.raises(KeyError), understood():
        raise KeyError("x")


USAGE = '{"a": [{"estimated_time_to_regain_access": %s}]}'


@pytest.mark.parametrize("written", ["[" * 7000, USAGE % "1e999", USAGE % ("9" * 4000)], ids=["deep", "inf", "long"])
def test_unusable_header_of_usage_is_as_none(written: str) -> None:
    plain, usual, odd = (
        graph_error(Response(400, headers=Headers(fields)), {"code": 4}, CODES)
        for fields in ([], [("X-Business-Use-Case-Usage", USAGE % 50)], [("X-Business-Use-Case-Usage", written)])
    )
    assert usual.wait == timedelta(minutes=50)
    assert odd.wait == plain.wait
