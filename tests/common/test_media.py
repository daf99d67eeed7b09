"""The stored form of a clip's properties."""

import pytest

from clipcast.common.media import FactsUnreadable, Media, stored_media

# The form that the first version stored.
FIRST = {"container": "mp4", "size": 10, "duration": 1.5, "width": 90, "height": 160, "frame_rate": 30.0,
         "video_codec": "h264", "audio_codec": None}  # fmt: skip


def test_facts_of_the_first_version_are_read() -> None:
    assert stored_media(FIRST) == Media("mp4", 10, 1.5, 90, 160, 30.0, "h264", None)


def test_facts_of_a_newer_version_are_read() -> None:
    assert stored_media(FIRST | {"a_later_fact": 1}).width == 90


def test_stored_facts_are_those_that_were_probed() -> None:
    media = Media("ts", 10, 1.5, 90, 160, 30.0, "h264", "aac", audio_delay=0.5, has_location=True, damaged=True)
    assert stored_media(vars(media)) == media


@pytest.mark.parametrize("change", [{"width": "wide"}, {"damaged": []}, {"brand": 5}])
def test_damaged_facts_are_unreadable(change: dict[str, object]) -> None:
    with pytest.raises(FactsUnreadable):
        stored_media(FIRST | change)
