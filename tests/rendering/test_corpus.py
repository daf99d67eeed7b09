"""The probe's facts of each file of the corpus, and the files that show what they promise."""

import array
import itertools
import os
from pathlib import Path

import av
import pytest

from clipcast.rendering.errors import UnreadableMedia
from clipcast.rendering.probe import probe
from clipcast.testing.media_files import colours
from tests.rendering.corpus import make, number_of
from tests.rendering.corpus_files import FILES, GROUPS

# CORPUS=whole tests all files, otherwise those of a quick run.
NAMES = [name for name, file in FILES.items() if file.short or os.environ.get("CORPUS") == "whole"]
# The quarters of an unturned picture, row by row, and their order in the turned ones.
QUARTERS = ["red", "green", "blue", "white"]
TURNED = {
    "turned-left.mp4": ["green", "white", "red", "blue"],
    "turned-right.mp4": ["blue", "red", "white", "green"],
    "upside-down.mp4": ["white", "blue", "green", "red"],
    "mirrored.mp4": ["green", "red", "white", "blue"],
}
# Seconds, frames per second: writers round times to ticks, and sound to whole frames.
TOLERANCE = 0.06


@pytest.mark.parametrize("name", NAMES)
def test_probe_of_a_file_of_the_corpus(corpus: Path, name: str) -> None:
    file = FILES[name]
    path = make(file.recipe, corpus)
    with path.open("rb") as opened:
        if file.rejected:
            with pytest.raises(UnreadableMedia) as caught:
                probe(opened, path.stat().st_size)
            assert caught.value.code == file.rejected
            return
        probed = probe(opened, path.stat().st_size)
    media = probed.media
    assert {fact: getattr(media, fact) for fact in file.facts} == file.facts
    assert {fact: getattr(media, fact) for fact in file.near} == pytest.approx(file.near, abs=TOLERANCE, rel=0)
    assert (media.size, media.damaged) == (path.stat().st_size, False)
    assert probed.thumbnail is not None
    (width, height), order = colours(probed.thumbnail)
    assert width / height == pytest.approx(media.width / media.height, rel=0.02)
    assert order == TURNED.get(name, QUARTERS)


def test_short_run_has_a_file_of_each_group() -> None:
    assert all(any(file.short for file in group) for group in GROUPS.values())
    assert len(FILES) == sum(map(len, GROUPS.values()))


def test_frames_and_sound_of_the_corpus_are_told_apart(corpus: Path) -> None:
    """Each frame shows its number, and a beep sounds when the picture flashes."""
    path = make(FILES["index-first.mp4"].recipe, corpus)
    with av.open(path) as container:
        frames = list(container.decode(video=0))
    assert [number_of(frame) for frame in frames] == list(range(60))
    flashing = [number for number, frame in enumerate(frames) if _centre(frame) > 240]
    with av.open(path) as container:
        pieces = av.AudioResampler("s16", "mono", 48_000)
        sound = [piece for frame in container.decode(audio=0) for piece in pieces.resample(frame)]
    assert flashing == [0, 1, 30, 31]
    samples = array.array("h", b"".join(bytes(one.planes[0])[: 2 * one.samples] for one in sound))
    # `pts` of the first piece counts from the start of the picture, whatever the encoder put before it.
    start = sound[0].pts
    loud = [at + start for at, value in enumerate(samples) if abs(value) > 3000]
    starts = [at for before, at in itertools.pairwise([-48_000, *loud]) if at - before > 24_000]
    assert [at / 48_000 for at in starts] == pytest.approx([0, 1], abs=0.005)


def _centre(frame: av.VideoFrame) -> int:
    grey = frame.reformat(format="gray")
    return bytes(grey.planes[0])[frame.height // 2 * grey.planes[0].line_size + frame.width // 2]
