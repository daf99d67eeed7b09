"""Hostile files: each is rejected with its code, and the reader keeps running."""

import asyncio
import random
import threading
import zlib
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest
from av.error import FFmpegError

from clipcast.rendering.children import Children, ReadSource
from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.examine import examine
from clipcast.rendering.probe import probe
from clipcast.rendering.tracks import DEMUXERS, OPTIONS
from clipcast.testing.harness import Caller
from clipcast.testing.media_files import box, make
from tests.rendering import corpus
from tests.rendering.corpus_files import FILES

EBML = b"\x1a\x45\xdf\xa3"
UDP_PORT = 21391


def reading(path: Path) -> ReadSource:
    async def read(start: int, end: int) -> Any:
        with path.open("rb") as file:
            file.seek(start)
            yield file.read(end - start)

    return read


async def rejection_code(path: Path) -> str:
    """Return the code with which a child rejects the file."""

    with pytest.raises(UnreadableMedia) as caught:
        await examine(Children(), reading(path), path.stat().st_size)
    return caught.value.code


def session_description() -> bytes:
    lines = ("v=0", "o=- 0 0 IN IP4 127.0.0.1", "s=x", "c=IN IP4 127.0.0.1", "t=0 0",
             f"m=video {UDP_PORT} RTP/AVP 96", "a=rtpmap:96 H264/90000")  # fmt: skip
    return EBML + b"\n" + "\r\n".join(lines).encode() + b"\r\n" + b" " * 4000


async def test_session_description_behind_matroska_signature_opens_no_port(tmp_path: Path) -> None:
    """Reject a file that FFmpeg would take for SDP, and for which it would listen for 10 s."""
    path = tmp_path / "a.mkv"
    path.write_bytes(session_description())
    ended, opened = threading.Event(), False

    def watch() -> None:
        nonlocal opened
        while not ended.is_set():
            opened |= f":{UDP_PORT:04X} " in Path("/proc/net/udp").read_text()

    watching = threading.Thread(target=watch)
    watching.start()
    # In this very process, without a network namespace: the list of demuxers must suffice.
    with path.open("rb") as file, pytest.raises(UnreadableMedia) as caught:
        await asyncio.to_thread(probe, file, path.stat().st_size)
    ended.set()
    watching.join()
    assert (caught.value.code, opened) == ("not_a_video", False)
    assert await rejection_code(path) == "not_a_video"


@pytest.mark.parametrize(
    "text",
    [
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nfile://{}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{}'\n",
        "<?xml version='1.0'?><MPD xmlns='urn:mpeg:dash:schema:mpd:2011'><BaseURL>{}</BaseURL></MPD>",
    ],
    ids=["hls", "concat", "dash"],
)
async def test_playlist_named_mp4_opens_no_other_file(tmp_path: Path, text: str) -> None:
    other = make(tmp_path / "other.mp4")
    path = tmp_path / "a.mp4"
    path.write_text(text.format(other))
    assert await rejection_code(path) == "not_a_video"
    # Should a file get past the look at its structure, FFmpeg itself does not take it.
    for demuxers in DEMUXERS.values():
        with path.open("rb") as file, pytest.raises((FFmpegError, ValueError)):
            av.open(file, options=OPTIONS | {"format_whitelist": demuxers})


def moov_of(path: Path) -> tuple[bytes, int, int]:
    """Return a file, and where its index begins and ends."""
    content = path.read_bytes()
    start = content.index(b"moov") - 4
    return content, start, start + int.from_bytes(content[start : start + 4], "big")


async def test_mp4_that_declares_60_million_samples_is_rejected(tmp_path: Path) -> None:
    """Reject 3 KB that make FFmpeg allocate gigabytes."""
    path = make(tmp_path / "a.mp4")
    content, start, end = moov_of(path)
    moov = bytearray(content[start:end])
    for kind, at, value in ((b"stsz", 8, 1), (b"stsz", 12, 60_000_000), (b"stts", 12, 60_000_000)):
        place = moov.index(kind) + at
        moov[place : place + 4] = value.to_bytes(4, "big")
    path.write_bytes(content[:start] + moov + content[end:])
    assert await rejection_code(path) == "too_many_samples"


async def test_fragment_that_declares_2_billion_samples_is_rejected(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4", container={"movflags": "frag_keyframe+empty_moov"})
    content = bytearray(path.read_bytes())
    at = content.index(b"trun") + 4
    content[at : at + 8] = bytes(4) + (2**31 - 1).to_bytes(4, "big")
    path.write_bytes(content)
    assert await rejection_code(path) in ("media_unreadable", "not_a_video", "file_cut_off", "no_picture")


def huge_png(edge: int) -> bytes:
    """Return a grey picture of `edge` x `edge` pixels, in some kilobytes."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + kind + content + zlib.crc32(kind + content).to_bytes(4, "big")

    packer = zlib.compressobj(1)
    rows = b"".join(packer.compress(bytes(edge + 1) * 100) for _ in range(edge // 100)) + packer.flush()
    head = edge.to_bytes(4, "big") * 2 + bytes((8, 0, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


@pytest.mark.parametrize("name", ["a.mov", "a.avi"])
@pytest.mark.parametrize("claimed", [16_000, 64])
async def test_track_of_huge_pictures_is_rejected(tmp_path: Path, claimed: int, name: str) -> None:
    """Reject a huge size, whether the index declares it or only the picture itself."""
    path = tmp_path / name
    with av.open(path, "w") as output:
        track: Any = output.add_stream("png", rate=1)
        track.width, track.height, track.pix_fmt = claimed, claimed, "gray"
        for second in range(3):
            packet = av.Packet(huge_png(16_000))
            packet.stream, packet.time_base = track, Fraction(1)
            packet.pts = packet.dts = second
            packet.is_keyframe = True
            output.mux(packet)
    if claimed == 16_000 and name == "a.mov":  # FFmpeg withholds such a size of other containers
        assert await rejection_code(path) == "too_many_pixels"
    else:
        assert await rejection_code(path) in ("media_unreadable", "no_picture", "too_many_pixels")


async def test_mp4_of_thousands_of_tracks_is_rejected(tmp_path: Path) -> None:
    path = make(tmp_path / "a.mp4")
    content, start, end = moov_of(path)
    at = content.index(b"trak", start) - 4
    track = content[at : at + int.from_bytes(content[at : at + 4], "big")]
    path.write_bytes(content[:start] + box(b"moov", content[start + 8 : end], track * 3000) + content[end:])
    assert await rejection_code(path) == "too_many_streams"


async def test_avi_of_thousands_of_tracks_is_rejected(tmp_path: Path) -> None:
    path = corpus.make(FILES["ordinary.avi"].recipe, tmp_path)
    content = path.read_bytes()
    start = content.index(b"strl") - 8
    end = start + 8 + int.from_bytes(content[start + 4 : start + 8], "little")
    more = content[start:end] * 3000
    head = bytearray(content[:end] + more + content[end:])
    size = int.from_bytes(head[16:20], "little") + len(more)  # of the list of headers
    head[16:20] = size.to_bytes(4, "little")
    path.write_bytes(head)
    assert await rejection_code(path) in ("too_many_streams", "not_a_video", "media_unreadable")


SIGNATURES = {
    "avi": b"RIFF\0\0\0\0AVI ",
    "ts": b"G\x40\x11\x10" + bytes(184) + b"G\x40\x11\x10",
    "mpg": b"\0\0\1\xba",
    "wmv": b"\x30\x26\xb2\x75\x8e\x66\xcf\x11\xa6\xd9\0\xaa\0\x62\xce\x6c",
    "flv": b"FLV\1\5\0\0\0\x09",
}


@pytest.mark.parametrize("family", SIGNATURES)
@pytest.mark.parametrize("behind", ["noise", "zeros", "mp4", "playlist"])
async def test_signature_before_something_else_is_rejected(tmp_path: Path, family: str, behind: str) -> None:
    """A file is read only as what its first bytes say."""
    contents = {
        "noise": random.Random(family).randbytes(50_000),
        "zeros": bytes(50_000),
        "mp4": make(tmp_path / "b.mp4").read_bytes(),
        "playlist": b"\n#EXTM3U\n#EXTINF:9,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n" * 100,
    }
    path = tmp_path / "a.mp4"
    path.write_bytes(SIGNATURES[family] + contents[behind])
    assert await rejection_code(path) in ("not_a_video", "no_picture", "video_codec_unknown")


@pytest.mark.parametrize("name", [*(f"ordinary.{family}" for family in SIGNATURES), "ordinary.mkv", "interlaced.mp4"])
async def test_file_with_random_damage_is_read_or_rejected(tmp_path: Path, name: str) -> None:
    """The child survives, or its death is this file's rejection; nothing else happens."""
    path = corpus.make(FILES[name].recipe, tmp_path)
    whole, chance = path.read_bytes(), random.Random(name)
    for share in (200, 2000):
        content = bytearray(whole)
        for _ in range(len(content) // share):
            content[chance.randrange(16, len(content))] = chance.randrange(256)
        path.write_bytes(content)
        with suppress(UnreadableMedia):
            examined = await examine(Children(), reading(path), path.stat().st_size)
            assert examined.media.width > 0


def element(identifier: bytes, content: bytes) -> bytes:
    """Return an element of a Matroska file."""
    return identifier + (len(content) | 1 << 56).to_bytes(8, "big") + content


async def test_matroska_of_thousands_of_tracks_is_rejected(tmp_path: Path) -> None:
    head = element(EBML, element(b"\x42\x82", b"matroska"))

    def track(number: int) -> bytes:
        return element(
            b"\xae",
            element(b"\xd7", number.to_bytes(2, "big"))
            + element(b"\x73\xc5", number.to_bytes(2, "big"))
            + element(b"\x83", b"\x01")
            + element(b"\x86", b"V_VP8")
            + element(b"\xe0", element(b"\xb0", b"\x40") + element(b"\xba", b"\x40")),
        )

    info = element(b"\x15\x49\xa9\x66", element(b"\x2a\xd7\xb1", (1_000_000).to_bytes(3, "big")))
    tracks = element(b"\x16\x54\xae\x6b", b"".join(track(number) for number in range(1, 3001)))
    path = tmp_path / "a.mkv"
    path.write_bytes(head + element(b"\x18\x53\x80\x67", info + tracks))
    assert await rejection_code(path) in ("too_many_streams", "not_a_video")


class EndlessBoxes:
    """A file of a thousand million boxes without content."""

    size = 8 * 10**9

    def __init__(self) -> None:
        self.reads = self.at = 0

    def read(self, size: int = -1, /) -> bytes:
        self.reads += 1
        return (box(b"free") * (size // 8 + 2))[self.at % 8 :][:size]

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.at = offset
        return offset

    def tell(self) -> int:
        return self.at


def test_file_of_endless_boxes_is_rejected() -> None:
    file = EndlessBoxes()
    with pytest.raises(UnreadableMedia):
        probe(file, file.size)
    assert file.reads < 100_000


async def test_deeply_nested_boxes_are_rejected(tmp_path: Path) -> None:
    inner = b""
    for _ in range(5000):
        inner = box(b"moov", inner)
    path = tmp_path / "a.mp4"
    path.write_bytes(box(b"ftyp", b"isom", bytes(4)) + inner)
    assert await rejection_code(path) in ("not_a_video", "no_picture")


@pytest.mark.parametrize(
    ("make_it", "code"),
    [
        (lambda path: path.write_bytes(path.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC")),
         "video_codec_unknown"),
        (lambda path: make(path, container={"encryption_scheme": "cenc-aes-ctr", "encryption_key": "11" * 16,
                                            "encryption_kid": "22" * 16}), "encrypted"),
        (lambda path: path.write_bytes(session_description()), "not_a_video"),
        (lambda path: path.write_bytes(path.read_bytes()[:-500]), "file_cut_off"),
    ],
    ids=["unknown codec", "encrypted", "session description", "cut off"],
)  # fmt: skip
async def test_complete_upload_of_unusable_file_returns_422(
    caller: Caller, tmp_path: Path, make_it: Any, code: str
) -> None:
    path = make(tmp_path / "a.mp4")
    make_it(path)
    content = path.read_bytes()
    started = (await caller.post("/videos/upload", {"file_name": "a.mp4", "file_size": len(content)})).json()
    assert (await caller.http.put(started["upload_url"], content=content)).status_code == 200
    body = {"video_id": started["video_id"], "file_name": "a.mp4"}
    response = await caller.post("/videos/upload/complete", body)
    assert response.status_code == 422
    [error] = response.json()["errors"]
    assert (error["path"], error["code"]) == ("/video_id", code)
