"""The bit rate of short videos, whose pictures may take the encoder's buffer at once."""

from fractions import Fraction
from pathlib import Path
from random import Random

import av
import pytest

from clipcast.rendering.encode.picture import PictureTrack
from clipcast.rendering.encode.target import Target
from clipcast.rendering.recipe import Picture

SIZE = 270, 480


@pytest.mark.parametrize(
    ("count", "rate", "most"),
    [
        # Threads takes 100 Mbit/s, here of a sixteenth of the pixels, and Instagram 25 Mbit/s.
        (3, 30, 100_000_000 / 16),
        (15, 30, 25_000_000 / 16),
        (180, 60, 25_000_000 / 16),
    ],
)
def test_noise_of_any_length_keeps_to_the_bit_rates_of_platforms(
    tmp_path: Path, count: int, rate: int, most: float
) -> None:
    target, random = Target(tmp_path / "a.mp4", lambda _: None), Random(1)
    target.duration = Fraction(count, rate)
    peak = (20_000_000 if rate > 31 else 12_000_000) // 16
    track = PictureTrack(target, Picture(*SIZE, (rate, 1), max_bit_rate=peak), "libx264")
    for _ in range(count):
        frame = av.VideoFrame(*SIZE, "yuv420p")
        for plane in frame.planes:
            plane.update(random.randbytes(plane.buffer_size))
        track.show(frame)
    track.finish()
    target.close()
    assert track.bit_rate < most
