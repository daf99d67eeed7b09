"""Files that are made by recipes, from files of all kinds."""

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from clipcast.common.media import Media
from clipcast.rendering.children import Children
from clipcast.rendering.convert import Converted, Input, convert
from clipcast.rendering.errors import ConversionError
from clipcast.rendering.examine import Examined, examine
from clipcast.rendering.recipe import Picture, Recipe, Sound
from clipcast.testing.media_files import colours
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES, NTSC
from tests.rendering.measured import Measured, measure
from tests.rendering.test_corpus import QUARTERS, TURNED

WHOLE = os.environ.get("CORPUS") == "whole"
NAMES = [name for name, file in FILES.items() if not file.rejected and (file.short or WHOLE)]
COPIED = {"h264", "hevc", "av1"}
RATES = [24 * NTSC, Fraction(24), Fraction(25), 30 * NTSC, Fraction(30), Fraction(50), 60 * NTSC, Fraction(60)]
# The bars of these are turned or woven, or their light is changed.
WITHOUT_NUMBERS = {*TURNED, "interlaced.mp4", "interlaced.mpg", "pq.mp4", "hlg.mp4"}


def reading(path: Path) -> Any:
    async def read(start: int, end: int) -> Any:
        with path.open("rb") as file:
            file.seek(start)
            yield file.read(end - start)

    return read


def source(path: Path, duration: float = 12) -> Input:
    return Input(reading(path), path.stat().st_size, duration)


async def converted(recipe: Recipe, folder: Path, *paths: Path, **options: Any) -> Converted:
    return await convert(Children(), [source(path) for path in paths], recipe, folder, **options)


async def examined(path: Path) -> Examined:
    return await examine(Children(), reading(path), path.stat().st_size)


def even(value: int) -> int:
    return max(2, value // 2 * 2)


def picture_for(media: Media, **changes: Any) -> Picture:
    """Return the picture that keeps the size and the rate, as far as they are usual."""
    rate = media.frame_rate / 2 if media.frame_rate > 61 else media.frame_rate
    nearest = min(RATES, key=lambda one: abs(one - Fraction(rate)))
    if media.variable_frame_rate or media.frame_rate < 20:
        nearest = Fraction(30)
    return Picture(even(media.width), even(media.height), (nearest.numerator, nearest.denominator), **changes)


def assert_conforms(media: Media) -> None:
    """The file has the universal profile."""
    assert (media.container, media.index_first, media.edit_list, media.fragmented) == ("mp4", True, "none", False)
    assert (media.other_tracks, media.has_location, media.damaged, media.duration_in_header) == (0, False, False, True)


def assert_conforms_encoded(media: Media, picture: Picture) -> None:
    assert_conforms(media)
    assert (media.width, media.height) == (picture.width, picture.height)
    assert media.frame_rate == pytest.approx(picture.rate[0] / picture.rate[1], rel=0.002)
    assert not (media.variable_frame_rate)
    assert not (media.interlaced)
    assert not (media.full_range)
    assert not (media.mirrored)
    assert media.square_pixels
    assert media.closed_gop
    assert (media.video_codec, media.video_tag, media.pixel_format) == ("h264", "avc1", "yuv420p")
    assert (media.rotation, media.hdr, media.color_primaries) == (0, None, "bt709")


def assert_aac(media: Media) -> None:
    assert (media.audio_codec, media.audio_profile, media.audio_rate) == ("aac", "LC", 48_000)
    assert (media.audio_channels, media.audio_delay) == (2, 0)


@pytest.mark.parametrize("name", NAMES)
async def test_encoded_file_of_the_corpus_conforms(corpus: Path, tmp_path: Path, name: str) -> None:
    """It is upright, has every frame, holds the last one, and picture and sound start together."""
    path = make(FILES[name].recipe, corpus)
    before = (await examined(path)).media
    picture = picture_for(before)
    made = await converted(Recipe(picture=picture, sound=Sound()), tmp_path, path)
    after = await examined(made.path)
    assert_conforms_encoded(after.media, picture)
    if before.audio_codec:
        assert_aac(after.media)
    assert after.media.video_duration == pytest.approx(before.duration, abs=0.16)
    assert after.thumbnail
    assert colours(after.thumbnail)[1] == TURNED.get(name, QUARTERS)
    if name in WITHOUT_NUMBERS:
        return
    assert_shows_every_frame(made.path, before, name)


def assert_shows_every_frame(path: Path, before: Media, name: str) -> None:
    recipe = FILES[name].recipe
    honoured, ignored = measure(path), measure(path, ignore_edit_lists=True)
    assert honoured == ignored
    wanted = range(len(recipe.frame_times()))
    if before.frame_rate > 61:
        wanted = wanted[::2]
    elif before.edit_list == "cut":
        wanted = wanted[15:]
    shown = honoured.numbers
    if before.variable_frame_rate:
        assert set(shown) <= set(wanted)
        assert len(set(shown)) > 0.9 * len(wanted)
    else:
        assert sorted(set(shown)) == list(wanted)
    assert list(shown) == sorted(shown)
    if before.audio_codec and recipe.sound_start == 0 and before.edit_list != "cut":
        assert_in_step(honoured)


def assert_in_step(measured: Measured) -> None:
    """Flashes and beeps come at the same times, except at 0, where the encoder of AAC puts silence."""
    both = min(len(measured.flashes), len(measured.beeps))
    assert both >= 2
    assert measured.flashes[1:both] == pytest.approx(measured.beeps[1:both], abs=0.02)


@pytest.mark.parametrize("name", NAMES)
async def test_copied_file_of_the_corpus_conforms(corpus: Path, tmp_path: Path, name: str) -> None:
    """A copy keeps every frame, and has no edit list: picture and sound start together all the same."""
    path = make(FILES[name].recipe, corpus)
    before = (await examined(path)).media
    if before.video_codec not in COPIED or before.container == "avi":
        with pytest.raises(ConversionError):
            await converted(Recipe(), tmp_path, path)
        return
    after = await examined((made := await converted(Recipe(), tmp_path, path)).path)
    assert_conforms(after.media)
    kept = ("video_codec", "width", "height", "hdr", "rotation", "mirrored", "bit_depth", "interlaced")
    assert {one: getattr(after.media, one) for one in kept} == {one: getattr(before, one) for one in kept}
    assert after.media.video_tag != "hev1"
    if name not in WITHOUT_NUMBERS and before.edit_list != "cut":
        assert_shows_every_frame(made.path, before, name)


async def test_sound_is_encoded_beside_a_copied_picture(corpus: Path, tmp_path: Path) -> None:
    path = make(FILES["hev1.mp4"].recipe, corpus)
    made = await converted(Recipe(sound=Sound(bit_rate=64_000, channels=1)), tmp_path, path)
    media = (await examined(made.path)).media
    assert_conforms(media)
    assert (media.video_tag, media.audio_channels) == ("hvc1", 1)
    assert_in_step(measure(made.path))


async def test_small_file_is_filled_up(corpus: Path, tmp_path: Path) -> None:
    path = make(FILES["tiny-picture.mp4"].recipe, corpus)
    made = await converted(Recipe(min_bytes=75_000), tmp_path, path)
    assert made.size == 75_000
    assert_conforms((await examined(made.path)).media)
