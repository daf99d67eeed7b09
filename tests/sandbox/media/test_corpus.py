"""The sandbox's reading of the corpus finds the facts that its files were made for."""

import os
from pathlib import Path
from typing import Any

import pytest

from clipcast.sandbox.media import read_path
from clipcast.sandbox.media.reading import Reading
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES

# The containers of which the sandbox reads only the name.
NAMED_ONLY = ("ts", "avi", "mpg", "wmv", "flv")
# What the sandbox does not read: ProRes states its chroma only in the pictures, HE-AAC's second rate is an extension.
UNREAD = {"prores.mov": ("chroma", "bit_depth"), "he-aac.mp4": ("audio_rate",), "ordinary.3gp": ("container",)}
# A few files whose facts the rules need, beside those of a quick run.
NEEDED = (
    "index-last.mp4", "fragmented.mp4", "444.mp4", "10-bit.mp4", "interlaced.mp4", "phone.mp4", "5.1.mp4",
    "open-groups.mp4", "open-groups-hevc.mp4", "closed-groups-hevc.mp4", "negative-times.mp4", "sound-longer.mkv",
)  # fmt: skip
NAMES = [name for name, file in FILES.items() if file.short or name in NEEDED or os.environ.get("CORPUS") == "whole"]
SAME_CODECS = {"pcm_s16le": "pcm", "pcm_s24le": "pcm"}
TOLERANCE = 0.06


def facts_of(media: Reading) -> dict[str, Any]:
    """Return the facts of a reading by their names in the corpus."""
    codec = media.sound.codec if media.sound else None
    return {
        "container": media.container,
        "video_codec": media.video_codec,
        "width": media.width,
        "height": media.height,
        "duration": media.duration,
        "frame_rate": media.frame_rate,
        "chroma": media.chroma,
        "bit_depth": media.depth,
        "interlaced": media.interlaced,
        "index_first": media.headers_first,
        "fragmented": "fragmented" in media.traits,
        "closed_gop": media.closed_groups,
        "variable_frame_rate": not media.steady,
        "square_pixels": "wide pixels" not in media.traits,
        "audio_codec": codec,
        "audio_rate": media.sound.rate if media.sound else None,
        "audio_channels": media.sound.channels if media.sound else None,
    }


@pytest.mark.parametrize("name", NAMES)
def test_reading_of_a_file_of_the_corpus(corpus: Path, name: str) -> None:
    file = FILES[name]
    media = read_path(make(file.recipe, corpus))
    if file.rejected:
        assert media is None or media.video_codec == "unknown"
        return
    assert media is not None
    facts = facts_of(media)
    if media.container in NAMED_ONLY:
        assert facts["container"] == file.facts.get("container", media.container)
        return
    known = {fact: SAME_CODECS.get(value, value) for fact, value in file.facts.items() if fact in facts}
    expected = {fact: value for fact, value in known.items() if fact not in UNREAD.get(name, ())}
    assert {fact: facts[fact] for fact in expected} == expected
    near = {fact: value for fact, value in file.near.items() if fact in facts}
    assert {fact: facts[fact] for fact in near} == pytest.approx(near, abs=TOLERANCE, rel=0)
