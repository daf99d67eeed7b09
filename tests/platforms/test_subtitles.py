"""Captions in the formats of platforms."""

from hypothesis import given
from hypothesis import strategies as st

from clipcast.platforms.subtitles import srt_of
from clipcast.rendering.recipe import Cue
from clipcast.renders.captions import as_srt, as_vtt, parse_captions

TEXTS = st.lists(st.text(st.characters(exclude_categories=("C", "Z")), min_size=1, max_size=20), min_size=1, max_size=3)


@given(st.lists(TEXTS, min_size=1, max_size=5))
def test_webvtt_becomes_srt(texts: list[list[str]]) -> None:
    """Also letters that WebVTT escapes, and several lines."""
    cues = [Cue(float(n), n + 0.5, "\n".join(lines)) for n, lines in enumerate(texts)]
    assert srt_of(as_vtt(cues).encode()).decode() == as_srt(cues)
    assert parse_captions(srt_of(as_vtt(cues).encode()).decode()).problems == []
