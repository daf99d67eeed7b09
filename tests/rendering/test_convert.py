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
from clipcast.rendering.planner import can_copy_picture
from clipcast.rendering.recipe import Picture, Recipe, Sound
from clipcast.testing.media_files import colours
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES, NTSC
from tests.rendering.measured import Measured, measure
from tests.rendering.test_corpus import QUARTERS, TURNED

WHOLE = os.environ.get("CORPUS") == "whole"
NAMES = [name for name, file in FILES.items() if not file.rejected and (file.short or WHOLE)]
RATES = [24 * NTSC, Fraction(24), Fraction(25), 30 * NTSC, Fraction(30), Fraction(50), 60 * NTSC, Fraction(60)]
# The bars of these are turned or woven, their light is changed, they are too coarse, or their frames have no times.
WITHOUT_NUMBERS = {*TURNED, "av1.mp4", "interlaced.mp4", "interlaced.mpg", "pq.mp4", "hlg.mp4", "h264.mpg"}
# The times of these are uneven.
UNEVEN = {"phone.mp4", "ordinary.mpg"}


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
    assert_shows_every_frame(made.path, path, before, name)


def assert_shows_every_frame(path: Path, original: Path, before: Media, name: str) -> None:
    recipe = FILES[name].recipe
    honoured, ignored = measure(path), measure(path, ignore_edit_lists=True)
    assert honoured == ignored
    wanted = sorted(set(measure(original).numbers))
    assert len(wanted) == len(recipe.frame_times()) or before.edit_list == "cut"
    if before.frame_rate > 61 and honoured.times[1] > 0.01:
        wanted = wanted[::2]
    shown = honoured.numbers
    # A last frame that comes too early for its own tick, as times say, has none.
    assert sorted(set(shown)) in (wanted, wanted[:-1] if name in UNEVEN else None)
    assert list(shown) == sorted(shown)
    if before.audio_codec and recipe.sound_start == 0 and before.edit_list != "cut":
        assert_in_step(honoured, measure(original), 0.035 if name in UNEVEN else 0.02)


def assert_in_step(measured: Measured, before: Measured | None = None, within: float = 0.02) -> None:
    """Flashes and beeps come at the same times, or as far from each other as before.

    At 0 the encoder of AAC puts silence.
    """
    pairs = list(zip(measured.flashes, measured.beeps, strict=False))
    offsets = [flash - beep for flash, beep in zip(before.flashes, before.beeps, strict=False)] if before else []
    for at, (flash, beep) in enumerate(pairs[1:], 1):
        assert flash - beep == pytest.approx(offsets[at] if before else 0, abs=within)
    assert len(pairs) > 1 or (before and measured.times[-1] < 1)


@pytest.mark.parametrize("name", NAMES)
async def test_copied_file_of_the_corpus_conforms(corpus: Path, tmp_path: Path, name: str) -> None:
    """A copy keeps every frame, and has no edit list: picture and sound start together all the same."""
    path = make(FILES[name].recipe, corpus)
    before = (await examined(path)).media
    if before.container == "wmv":
        pytest.skip("Whether its pictures can be copied depends on how they are stored: it is never planned.")
    if not can_copy_picture(before):
        with pytest.raises(ConversionError):
            await converted(Recipe(), tmp_path, path)
        return
    after = await examined((made := await converted(Recipe(), tmp_path, path)).path)
    assert_conforms(after.media)
    kept = ("video_codec", "width", "height", "hdr", "rotation", "mirrored", "bit_depth", "interlaced")
    assert {one: getattr(after.media, one) for one in kept} == {one: getattr(before, one) for one in kept}
    assert after.media.video_tag != "hev1"
    if name not in WITHOUT_NUMBERS:
        assert_shows_every_frame(made.path, path, before, name)


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
