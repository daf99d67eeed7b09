"""Each platform's simulator refuses the files that the platform refuses, with the platform's own error."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from clipcast.sandbox.bluesky.rules import media_problem
from clipcast.sandbox.facebook.rules import media_failure as facebook_failure
from clipcast.sandbox.instagram.rules import media_failure as instagram_failure
from clipcast.sandbox.linkedin.rules import is_accepted as linkedin_accepts
from clipcast.sandbox.media.reading import Reading, Sound, Trait
from clipcast.sandbox.pinterest.rules import is_accepted as pinterest_accepts
from clipcast.sandbox.threads.rules import media_failure as threads_failure
from clipcast.sandbox.tiktok.rules import media_failure as tiktok_failure
from clipcast.sandbox.youtube.rules import media_failure as youtube_failure
from clipcast.testing.harness import Sandbox
from clipcast.testing.media_files import make

GOOD = Reading(
    "mp4", "h264", 1080, 1920, 20, 5_000_000, 30, "4:2:0", sound=Sound("aac", 48_000, 2), depth=8, closed_groups=True,
    bit_rate=2_000_000, sound_bit_rate=128_000,
)  # fmt: skip
FORMAT, VIDEO, AUDIO = "file_format_check_failed", "FAILED_PROCESSING_VIDEO", "FAILED_PROCESSING_AUDIO"
META = {"instagram": "2207026", "story": "2207026"}
PICTURE = META | {"threads": VIDEO}
SOUND = META | {"threads": AUDIO}

# The changes to a good file by name, and the error of each platform that refuses it.
FILES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ordinary": ({}, {}),
    "quicktime": ({"container": "mov"}, {"linkedin": True, "bluesky": "unsupported_codec"}),
    "webm": (
        {"container": "webm", "video_codec": "vp9", "sound": Sound("opus", 48_000, 2)},
        PICTURE | {"linkedin": True, "pinterest": True, "bluesky": "unsupported_codec"},
    ),
    "transport stream": (
        {"container": "ts", "video_codec": None, "sound": None, "sound_bit_rate": None},
        PICTURE
        | {"tiktok": FORMAT, "linkedin": True, "pinterest": True, "bluesky": "unsupported_codec"},
    ),
    "unknown codec": (
        {"video_codec": "unknown"},
        PICTURE
        | {"tiktok": FORMAT, "linkedin": True, "pinterest": True, "bluesky": "unsupported_codec", "reel": 352}
        | {"youtube": ("failed", "codec")},
    ),
    "hevc": ({"video_codec": "hevc"}, {"linkedin": True, "bluesky": "unsupported_codec"}),
    "headers last": ({"headers_first": False}, PICTURE),
    "interlaced": ({"interlaced": True}, PICTURE | {"reel": 352}),
    "4:2:2": ({"chroma": "4:2:2"}, PICTURE | {"reel": 352}),
    "grey": ({"chroma": "4:0:0"}, {}),
    "10 bit": ({"depth": 10}, {}),
    "open groups": ({"closed_groups": False}, PICTURE | {"reel": 352}),
    "unsteady rate": ({"steady": False}, {"reel": 352}),
    "22 frames": (
        {"frame_rate": 22},
        META | {"threads": "INVALID_FRAME_RATE", "tiktok": "frame_rate_check_failed", "reel": 1363129},
    ),
    "23.976 frames": ({"frame_rate": 24_000 / 1001}, {}),
    "60.001 frames": ({"frame_rate": 60.001}, {}),
    "120 frames": (
        {"frame_rate": 120},
        META | {"threads": "INVALID_FRAME_RATE", "tiktok": "frame_rate_check_failed", "reel": 1363129},
    ),
    "26 Mbit/s": ({"bit_rate": 26_000_000}, META),
    "101 Mbit/s": ({"bit_rate": 101_000_000}, META | {"threads": "INVALID_BIT_RATE"}),
    "mp3 sound": (
        {"sound": Sound("mp3", 48_000, 2)},
        SOUND | {"linkedin": True, "bluesky": "unsupported_codec"},
    ),
    "96 kHz sound": ({"sound": Sound("aac", 96_000, 2)}, SOUND),
    "5.1 sound": ({"sound": Sound("aac", 48_000, 6)}, META | {"threads": "INVALID_AUDIO_CHANNELS"}),
    "no sound": ({"sound": None, "sound_bit_rate": None}, {}),
    "192 kbit/s sound": ({"sound_bit_rate": 192_000}, {"threads": AUDIO}),
    "69 kbit/s sound": ({"sound_bit_rate": 69_000}, {"threads": AUDIO}),
    "quiet sound": ({"sound_bit_rate": 2_000}, {"threads": AUDIO}),
    "wide": (
        {"width": 1920, "height": 1080},
        {"reel": 1363040},
    ),
    "square": ({"width": 1080, "height": 1080}, {"reel": 1363040}),
    "21:9": ({"width": 1680, "height": 720}, {"reel": 1363040, "page": 1363040, "pinterest": True}),
    "9:21": ({"width": 720, "height": 1680}, {"reel": 1363040, "page": 1363040, "pinterest": True}),
    "1:4": (
        {"width": 480, "height": 1920},
        {"reel": 1363040, "page": 1363040, "pinterest": True, "bluesky": "bad_aspect_ratio"},
    ),
    "small": ({"width": 180, "height": 320}, {"tiktok": "picture_size_check_failed", "reel": 1363127}),
    "large": (
        {"width": 2160, "height": 3840},
        PICTURE,
    ),
    "very large": ({"width": 4320, "height": 7680}, PICTURE | {"tiktok": "picture_size_check_failed"}),
    "2.5 s": (
        {"duration": 2.5},
        META | {"linkedin": True, "pinterest": True, "reel": 1363128},
    ),
    "3.5 s": ({"duration": 3.5}, {"pinterest": True}),
    "70 s": ({"duration": 70}, {"story": "2207026"}),
    "100 s": ({"duration": 100}, {"story": "2207026", "reel": 1363128}),
    "301 s": (
        {"duration": 301},
        {"story": "2207026", "reel": 1363128, "threads": "INVALID_DURATION", "tiktok": "duration_check_failed"},
    ),
    "901 s": (
        {"duration": 901},
        META
        | {"reel": 1363128, "threads": "INVALID_DURATION", "tiktok": "duration_check_failed", "pinterest": True}
        | {"youtube": ("rejected", "length"), "bluesky": "video_too_long"},
    ),
    "74 999 bytes": ({"size": 74_999}, {"linkedin": True}),
    "101 MB": ({"size": 101_000_000}, {"story": "2207026"}),
    "301 MB": ({"size": 301_000_000}, META | {"bluesky": "encoded_video_too_large"}),
    "501 MB": ({"size": 501_000_000}, META | {"bluesky": "encoded_video_too_large", "linkedin": True}),
    "1.1 GB": (
        {"size": 1_100_000_000},
        PICTURE | {"bluesky": "encoded_video_too_large", "linkedin": True},
    ),
    "2.1 GB": (
        {"size": 2_100_000_000},
        PICTURE | {"bluesky": "encoded_video_too_large", "linkedin": True, "pinterest": True},
    ),
}  # fmt: skip
DAMAGED = PICTURE | {
    "tiktok": FORMAT, "youtube": ("failed", "invalidFile"), "bluesky": "unsupported_codec", "linkedin": True,
    "pinterest": True, "reel": 352, "page": 352,
}  # fmt: skip


def failures_of(media: Reading | None) -> dict[str, Any]:
    """Return the error of each platform that refuses the file."""
    verdicts = {
        "tiktok": tiktok_failure(media, 300),
        "youtube": youtube_failure(media, verified=False),
        "instagram": instagram_failure(media, {"media_type": "REELS"}),
        "story": instagram_failure(media, {"media_type": "STORIES"}),
        "threads": threads_failure(media),
        "bluesky": media_problem(media),
        "linkedin": not linkedin_accepts(media),
        "pinterest": not pinterest_accepts(media),
        "reel": facebook_failure("reel", media),
        "page": facebook_failure("video", media),
    }
    return {platform: verdict for platform, verdict in verdicts.items() if verdict}


@pytest.mark.parametrize("name", FILES)
def test_file_is_refused_by_the_platforms_whose_rules_it_breaks(name: str) -> None:
    changes, expected = FILES[name]
    assert failures_of(replace(GOOD, **changes)) == expected


def test_damaged_file_is_refused_by_all_platforms() -> None:
    assert failures_of(None) == DAMAGED


def test_sound_rate_is_not_checked_without_the_setting() -> None:
    quick = replace(GOOD, sound_bit_rate=192_000)
    assert threads_failure(quick, check_sound_rate=False) is None


@pytest.mark.parametrize(
    ("trait", "options"),
    [
        ("edit list", {}),
        ("fragmented", {"container": {"movflags": "+frag_keyframe+empty_moov"}}),
        ("more than 8 bit", {"pix_fmt": "yuv420p10le"}),
        ("no sound", {"sound": None}),
        ("turned", {"rotation": 90}),
        ("wide pixels", {"size": (240, 240), "aspect": 2}),
    ],
)
async def test_trait_is_refused_only_with_the_setting(
    sandbox: Sandbox, tmp_path: Path, trait: Trait, options: dict[str, Any]
) -> None:
    simulator = sandbox.simulators["threads"]
    upload = sandbox.state.new_upload()
    with upload.open() as file:
        upload.add(file, make(tmp_path / "a.mp4", **options).read_bytes())
    assert await simulator.read_upload(upload) is not None
    await sandbox.settings(threads={"refused_traits": [trait]})
    assert await simulator.read_upload(upload) is None


async def test_unknown_trait_is_rejected(sandbox: Sandbox) -> None:
    response = await sandbox.client.patch("/__sandbox/settings", json={"threads": {"refused_traits": ["ugly"]}})
    assert response.status_code == 422
