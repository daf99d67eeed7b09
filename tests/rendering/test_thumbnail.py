"""The colours of thumbnails. The probe's tests cover their size and direction."""

import io
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import pytest

from clipcast.rendering.probe import probe

WIDTH, HEIGHT = 384, 216


def pq(nits: float) -> float:
    """Return the PQ signal of a light (BT.2100)."""
    power = (nits / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def hlg(light: float) -> float:
    """Return the HLG signal of a small share of the light (BT.2100)."""
    assert light <= 1 / 12
    return (3 * light) ** 0.5


def write(path: Path, transfer: str, signals: Sequence[float]) -> Path:
    """Write a video of 10 bits with grey stripes of these signals."""
    with av.open(path, "w") as output:
        video: Any = output.add_stream("libx265", rate=30)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p10le"
        colours = f"colorprim=bt2020:colormatrix=bt2020nc:transfer={transfer}"
        video.options = {"preset": "ultrafast", "x265-params": f"log-level=none:{colours}"}
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p10le")
        stripes = [round(64 + 876 * signal) for signal in signals for _ in range(WIDTH // len(signals))]
        for plane, row in zip(frame.planes, (stripes, [512] * (WIDTH // 2), [512] * (WIDTH // 2)), strict=True):
            line = b"".join(value.to_bytes(2, "little") for value in row)
            plane.update((line + bytes(plane.line_size - len(line))) * plane.height)
        for number in range(10):
            frame.pts, frame.time_base, frame.pict_type = number, Fraction(1, 30), 0
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    return path


def pixels(path: Path, count: int) -> list[tuple[float, ...]]:
    """Return the colours of the thumbnail's stripes, from 0 to 1."""
    with path.open("rb") as file:
        thumbnail = probe(file, path.stat().st_size).thumbnail
    assert thumbnail is not None
    with av.open(io.BytesIO(thumbnail)) as container:
        frame = next(container.decode(video=0)).reformat(format="rgb24")
    row = bytes(frame.planes[0])[frame.height // 2 * frame.planes[0].line_size :]
    middles = [3 * (frame.width * (2 * stripe + 1) // (2 * count)) for stripe in range(count)]
    return [tuple(value / 255 for value in row[at : at + 3]) for at in middles]


@pytest.mark.parametrize(
    ("transfer", "signals", "expected"),
    [
        # 203 nits are the white of graphics (BT.2408). Highlights beyond it keep their steps.
        ("smpte2084", [0, pq(100), pq(203), pq(1000)], [0, 0.5, 0.61, 0.81]),
        # A signal of 0.75 is the same white.
        ("arib-std-b67", [0, hlg(1 / 20), 0.75, 1], [0, 0.31, 0.61, 0.81]),
    ],
)
def test_hdr_is_shown_as_sdr(tmp_path: Path, transfer: str, signals: list[float], expected: list[float]) -> None:
    found = pixels(write(tmp_path / "a.mp4", transfer, signals), 4)
    for colour, grey in zip(found, expected, strict=True):
        assert colour == pytest.approx((grey, grey, grey), abs=0.08)


@pytest.mark.parametrize(("matrix", "number"), [("bt709", 1), ("smpte170m", 6)])
def test_matrix_of_the_video_is_used(tmp_path: Path, matrix: str, number: int) -> None:
    path = tmp_path / "a.mp4"
    with av.open(path, "w") as output:
        video: Any = output.add_stream("libx264", rate=30)
        video.width, video.height, video.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        video.options = {"preset": "ultrafast", "x264-params": f"colormatrix={matrix}"}
        source = av.VideoFrame(WIDTH, HEIGHT, "rgb24")
        source.planes[0].update(bytes((30, 160, 30)) * (source.planes[0].buffer_size // 3))
        frame = source.reformat(format="yuv420p", dst_colorspace=number)
        for index in range(10):
            frame.pts, frame.time_base, frame.pict_type = index, Fraction(1, 30), 0
            output.mux(video.encode(frame))
        output.mux(video.encode(None))
    [colour] = pixels(path, 1)
    assert colour == pytest.approx((30 / 255, 160 / 255, 30 / 255), abs=0.03)
