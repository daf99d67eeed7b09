"""Fill elements: quiet sound has the wanted bit rate, and decodes to the same samples."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from av.filter import Graph

from clipcast.rendering.encode.filling import filled
from clipcast.rendering.encode.sound import SoundTrack
from clipcast.rendering.encode.target import Target
from clipcast.rendering.recipe import Sound

RATE, SECONDS = 48_000, 4
STEREO = Sound()


def frames(source: str, seconds: float, channels: int) -> Iterator[Any]:
    graph = Graph()
    begin = graph.add("aevalsrc", f"exprs='{source}':s={RATE}:d={seconds}:nb_samples=1024")
    shape = graph.add("aformat", f"sample_fmts=fltp:channel_layouts={'mono' if channels == 1 else 'stereo'}")
    end = graph.add("abuffersink")
    begin.link_to(shape)
    shape.link_to(end)
    graph.configure()
    while True:
        try:
            yield graph.pull()
        except (av.EOFError, av.BlockingIOError):
            return


def write(path: Path, source: str, seconds: float = SECONDS, sound: Sound = STEREO) -> Path:
    target = Target(path, lambda _: None)
    track = SoundTrack(target, sound, round(seconds * RATE))
    for frame in frames(source, seconds, sound.channels):
        track.play(frame)
    track.finish()
    target.close()
    return path


def packets(path: Path) -> list[bytes]:
    with av.open(str(path)) as file:
        return [bytes(packet) for packet in file.demux(audio=0) if packet.size]


def samples(contents: list[bytes], path: Path) -> list[bytes]:
    """Return the decoded samples of these packets with the codec parameters of the file."""
    with av.open(str(path)) as file:
        extradata = file.streams.audio[0].codec_context.extradata
    decoder: Any = av.CodecContext.create("aac", "r")
    decoder.extradata = extradata
    return [bytes(plane) for content in contents for frame in decoder.decode(av.Packet(content))
            for plane in frame.planes]  # fmt: skip


@pytest.mark.parametrize(
    "source", ["0", "0.3*sin(6283*t)*lt(mod(t,1),0.1)", "0.1*random(0)*lt(mod(t,2),1)", "0.3*sin(2764*t)"]
)
def test_sound_of_any_loudness_has_its_bit_rate(tmp_path: Path, source: str) -> None:
    """Threads takes 126 to 130 kbit/s. Silence alone has 2."""
    contents = packets(write(tmp_path / "a.mp4", source))
    assert 126_500 <= 8 * sum(map(len, contents)) / SECONDS <= 130_000
    assert max(map(len, contents)) <= 2 * 768
    assert len(samples(contents, tmp_path / "a.mp4")) == 2 * len(contents)


@pytest.mark.parametrize("source", ["0", "0.9*(2*random(0)-1)", "0.3*sin(2764*t)"])
def test_sound_of_any_length_has_its_bit_rate(tmp_path: Path, source: str) -> None:
    for seconds in (1 / 30, 0.1, 0.2, 0.5, 0.7, 1, 2.9, 3.1):
        contents = packets(write(tmp_path / f"{seconds}.mp4", source, seconds))
        assert 126_500 <= 8 * sum(map(len, contents)) / seconds <= 130_000, seconds


@pytest.mark.parametrize(("rate", "channels"), [(128_000, 2), (128_000, 1), (64_000, 1), (192_000, 2)])
def test_steady_tones_never_exceed_the_bit_rate(tmp_path: Path, rate: int, channels: int) -> None:
    """The encoder alone takes up to 4 % more than its bit rate for them."""
    chord = "0.3*sin(2*PI*440*t)+0.3*sin(2*PI*554*t)+0.3*sin(2*PI*659*t)"
    for source in ("0.5*sin(2*PI*(200+400*t)*t)|0.5*sin(2*PI*(900+300*t)*t)", f"{chord}|{chord}"):
        path = write(tmp_path / "a.mp4", source, 9, Sound(bit_rate=rate, channels=channels))
        assert 0.99 * rate <= 8 * sum(map(len, packets(path))) / 9 <= rate, source


def test_filled_frames_decode_to_the_same_samples(tmp_path: Path) -> None:
    path = write(tmp_path / "a.mp4", "0.3*sin(6283*t)*lt(mod(t,1),0.1)")
    contents = packets(path)
    expected = samples(contents, path)
    for more in (1, 2, 3, 14, 15, 16, 17, 268, 269, 270, 271, 600):
        larger = [filled(content, len(content) + more) for content in contents]
        assert samples(larger, path) == expected
        assert all(abs(len(one) - len(content) - more) <= 2 for one, content in zip(larger, contents, strict=True))


def test_frame_that_is_large_enough_or_odd_is_kept() -> None:
    assert filled(b"\x21\x0f\xe0", 3) == b"\x21\x0f\xe0"
    assert filled(b"\x00\x00", 100) == b"\x00\x00"
    assert filled(b"\x21\x01", 100) == b"\x21\x01"
    assert filled(b"", 100) == b""
