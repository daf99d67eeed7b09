"""The edits of recipes: trims, speed, fades, loudness, framing, captions, watermarks, intros."""

import itertools
import random
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import pytest
from PIL import Image, ImageChops, ImageStat, features

from clipcast.rendering.convert import SYSTEM_FONTS, Converted
from clipcast.rendering.encode.lettering import Lettering
from clipcast.rendering.encode.loudness import Meter
from clipcast.rendering.errors import ConversionError, WatermarkUnreadable
from clipcast.rendering.recipe import (
    Captions,
    CaptionStyle,
    Cue,
    Edit,
    Focus,
    Picture,
    Recipe,
    Sound,
    Trim,
    Watermark,
)
from clipcast.renders.edit_schemas import FOCUS_MAX
from tests.rendering.corpus import Recipe as File
from tests.rendering.corpus import make
from tests.rendering.corpus_files import FILES
from tests.rendering.measured import RATE, measure, samples
from tests.rendering.test_convert import assert_aac, assert_conforms, converted, examined
from tests.rendering.test_thumbnail import hlg, pq, write

PICTURE = Picture(180, 320, (30, 1))
GROUPS = File("groups.mp4", seconds=4, video={"g": "30", "bf": "0"})


def frames(path: Path) -> list[Any]:
    with av.open(str(path)) as container:
        return [frame.reformat(format="rgb24") for frame in container.decode(video=0)]


def pixel(frame: Any, x: float, y: float) -> tuple[int, ...]:
    """Return the colour at these shares of the width and height."""
    row = bytes(frame.planes[0])[int(y * frame.height) * frame.planes[0].line_size :]
    return tuple(row[3 * int(x * frame.width) :][:3])


def is_near(found: tuple[int, ...], wanted: tuple[float, ...], within: int = 40) -> bool:
    return all(abs(a - b) <= within for a, b in zip(found, wanted, strict=True))


async def edited(corpus: Path, folder: Path, edit: Edit, *more: Path, **recipe: Any) -> Converted:
    recipe = {"picture": PICTURE, "sound": Sound()} | recipe
    return await converted(Recipe(edit=edit, **recipe), folder, make(GROUPS, corpus), *more)


async def test_exact_trim_keeps_its_frames_and_its_sound(corpus: Path, tmp_path: Path) -> None:
    made = await edited(corpus, tmp_path, Edit(trim=Trim(1.5, 3.2)), sound=None)
    found = measure(made.path)
    assert list(found.numbers) == list(range(45, 96))
    assert found.flashes == pytest.approx([0.5, 1.5], abs=0.001)
    assert found.beeps == pytest.approx([0.5, 1.5], abs=0.002)
    media = (await examined(made.path)).media
    assert_aac(media)
    assert media.audio_duration == pytest.approx(1.7, abs=0.001)


async def test_trim_at_a_key_frame_starts_earlier_and_copies(corpus: Path, tmp_path: Path) -> None:
    path = make(GROUPS, corpus)
    made = await converted(Recipe(edit=Edit(trim=Trim(1.5, 3.2, "keyframe"))), tmp_path, path)
    found = measure(made.path)
    assert list(found.numbers) == list(range(30, 96))
    assert (made.start, made.warnings) == (1, ("The file starts at 1.00 s, the keyframe before 1.5 s.",))
    assert_conforms((await examined(made.path)).media)
    assert found.flashes == pytest.approx([0, 1, 2], abs=0.001)
    assert found.beeps[1:] == pytest.approx([1, 2], abs=0.02)


@pytest.mark.parametrize("container", ["mp4", "mkv", "ts"])
@pytest.mark.parametrize(("start", "first"), [(0.2, 0), (0.9, 0), (1.2, 30), (1.9995, 60), (2.5, 60)])
async def test_trim_at_a_key_frame_begins_at_the_last_one_before(
    corpus: Path, tmp_path: Path, container: str, start: float, first: int
) -> None:
    """Also at the one at 0, at one whose time was rounded, and in files without an index of key frames."""
    path = make(replace(GROUPS, name=f"groups.{container}"), corpus)
    made = await converted(Recipe(edit=Edit(trim=Trim(start, 4, "keyframe"))), tmp_path, path)
    found = measure(made.path)
    assert list(found.numbers) == list(range(first, 120))
    assert made.start == first / 30
    assert found.beeps[-1] == pytest.approx(3 - first / 30, abs=0.03)


@pytest.mark.parametrize(
    ("frames", "trim", "first"), [(3, None, 0), (60, None, 0), (60, Trim(0.7, precision="keyframe"), 20)]
)
async def test_reordered_pictures_of_matroska_are_copied(
    corpus: Path, tmp_path: Path, frames: int, trim: Trim | None, first: int
) -> None:
    """Its first packets have no times of decoding: FFmpeg finds the others'."""
    video = {"x265-params": "log-level=none:keyint=20:open-gop=0:bframes=3"}
    path = make(File(f"reordered{frames}.mkv", codec="libx265", seconds=frames / 30, video=video), corpus)
    made = await converted(Recipe(edit=Edit(trim=trim)), tmp_path, path)
    assert list(measure(made.path).numbers) == list(range(first, frames))


async def test_trim_of_one_frame(corpus: Path, tmp_path: Path) -> None:
    made = await edited(corpus, tmp_path, Edit(trim=Trim(2, 2 + 1 / 30)))
    assert measure(made.path).numbers == [60]


@pytest.mark.parametrize("trim", [Trim(9), Trim(4.5, 9), Trim(2, 2)])
async def test_trim_that_leaves_nothing_is_an_error(corpus: Path, tmp_path: Path, trim: Trim) -> None:
    with pytest.raises(ConversionError, match="The trim leaves nothing"):
        await edited(corpus, tmp_path, Edit(trim=trim))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["ordinary.ts", "ordinary.mkv", "ordinary.avi"])
async def test_trim_of_other_containers(corpus: Path, tmp_path: Path, name: str) -> None:
    recipe = Recipe(picture=PICTURE, sound=Sound(), edit=Edit(trim=Trim(0.5, 1.5)))
    found = measure((await converted(recipe, tmp_path, make(FILES[name].recipe, corpus))).path)
    assert list(found.numbers) == list(range(15, 45))
    assert found.flashes == pytest.approx([0.5], abs=0.001)
    assert found.beeps == pytest.approx([0.5], abs=0.02)


@pytest.mark.parametrize("speed", [0.25, 0.8, 2, 4])
async def test_speed_changes_picture_and_sound_in_its_pitch(corpus: Path, tmp_path: Path, speed: float) -> None:
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0, 3), speed=speed))
    found = measure(made.path)
    assert len(found.times) == pytest.approx(90 / speed, abs=1)
    if speed < 4:  # a flash lasts two frames
        assert found.flashes == pytest.approx([0, 1 / speed, 2 / speed], abs=0.035)
    # The windows of the filter blur the start of a beep.
    assert found.beeps[1] == pytest.approx(1 / speed, abs=0.03 * max(1, 1 / speed))
    values, _ = samples(made.path)
    at = round((found.beeps[1] + 0.01) * RATE)
    beep = values[at : at + RATE // 100]
    rises = sum(before < 0 <= after for before, after in itertools.pairwise(beep))
    assert rises == pytest.approx(10, abs=2)  # 1 kHz


async def test_fades_darken_picture_and_sound(corpus: Path, tmp_path: Path) -> None:
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0, 3), fade_in=1, fade_out=1))
    shown = frames(made.path)
    brightness = [sum(pixel(shown[at], 0.75, 0.75)) for at in (0, 15, 30, 59, 75, 89)]
    assert brightness[0] < 20
    assert brightness[5] < 60
    assert brightness[1] == pytest.approx(brightness[2] / 2, abs=60)
    assert brightness[2] == pytest.approx(brightness[3], abs=10)
    assert brightness[4] == pytest.approx(brightness[2] / 2, abs=60)
    values, _ = samples(made.path)
    loudest = [max(values[second * RATE + RATE // 25 : second * RATE + RATE // 10]) for second in range(3)]
    assert loudest[0] < loudest[1] / 5
    assert loudest[2] == pytest.approx(loudest[1], rel=0.15)  # the beep is at the start of the fade


def loudness(path: Path) -> float:
    meter = Meter(Sound())
    with av.open(str(path)) as container:
        for frame in container.decode(audio=0):
            meter.play(frame)
    return meter.finish()[0]


@pytest.mark.parametrize("name", ["index-first.mp4", "mono.mp4", "5.1.mp4"])
@pytest.mark.parametrize("wanted", [-14.0, -30.0])
async def test_loudness_is_reached(corpus: Path, tmp_path: Path, wanted: float, name: str) -> None:
    path = make(FILES[name].recipe, corpus)
    made = await converted(Recipe(sound=Sound(loudness=wanted)), tmp_path, path)
    assert loudness(made.path) == pytest.approx(wanted, abs=1)
    assert max(map(abs, samples(made.path)[0])) < 32_000


@pytest.mark.parametrize(
    ("name", "sound", "codec"),
    [
        ("index-first.mp4", Sound(mute=True), None),
        ("index-first.mp4", Sound(mute=True, silent_track=True), "aac"),
        ("no-sound.mp4", Sound(), None),
        ("no-sound.mp4", Sound(silent_track=True), "aac"),
        ("no-sound.mp4", Sound(silent_track=True, loudness=-14), "aac"),
    ],
)
async def test_missing_and_muted_sound(
    corpus: Path, tmp_path: Path, name: str, sound: Sound, codec: str | None
) -> None:
    made = await converted(Recipe(sound=sound), tmp_path, make(FILES[name].recipe, corpus))
    media = (await examined(made.path)).media
    assert media.audio_codec == codec
    if codec:
        assert_aac(media)
        assert max(map(abs, samples(made.path)[0])) == 0
        assert media.audio_duration == pytest.approx(2, abs=0.03)


async def test_crop_follows_its_focus(corpus: Path, tmp_path: Path) -> None:
    """A wide part of the picture goes from the top (red and green) to the bottom (blue and white)."""
    focus = (Focus(0.5, 0.5, 0), Focus(1.5, 0.5, 1))
    made = await edited(corpus, tmp_path, Edit(), picture=Picture(180, 60, (30, 1), fit="crop", focus=focus))
    shown = frames(made.path)
    assert (shown[0].width, shown[0].height) == (180, 60)
    assert is_near(pixel(shown[10], 0.1, 0.5), (200, 30, 30))
    assert is_near(pixel(shown[30], 0.1, 0.25), (200, 30, 30))
    assert is_near(pixel(shown[30], 0.1, 0.75), (30, 30, 200))
    assert is_near(pixel(shown[50], 0.1, 0.5), (30, 30, 200))


async def test_crop_follows_a_hundred_points(corpus: Path, tmp_path: Path) -> None:
    """The same way as above, by the most points that a render accepts."""
    focus = tuple(Focus(0.5 + number / 99, 0.5, number / 99) for number in range(FOCUS_MAX))
    made = await edited(corpus, tmp_path, Edit(), picture=Picture(180, 60, (30, 1), fit="crop", focus=focus))
    shown = frames(made.path)
    assert is_near(pixel(shown[10], 0.1, 0.5), (200, 30, 30))
    assert is_near(pixel(shown[30], 0.1, 0.25), (200, 30, 30))
    assert is_near(pixel(shown[30], 0.1, 0.75), (30, 30, 200))
    assert is_near(pixel(shown[50], 0.1, 0.5), (30, 30, 200))


@pytest.mark.parametrize(("fit", "left"), [("pad", (255, 0, 0)), ("pad_blur", (200, 30, 30))])
async def test_padded_picture_keeps_its_shape(corpus: Path, tmp_path: Path, fit: Any, left: tuple[int, ...]) -> None:
    made = await edited(corpus, tmp_path, Edit(), picture=Picture(480, 320, (30, 1), fit=fit, pad_color="#ff0000"))
    shown = frames(made.path)[20]
    assert (shown.width, shown.height) == (480, 320)
    assert is_near(pixel(shown, 0.1, 0.2), left, 60)
    # 180 pixels in the middle of 480.
    for x, y, colour in ((170, 20, (200, 30, 30)), (310, 20, (30, 160, 30)), (170, 270, (30, 30, 200))):
        assert is_near(pixel(shown, x / 480, y / 320), colour)


def is_white(frame: Any, y: float) -> bool:
    """Return whether any pixel of the left half of a row is white. Captions there are white on red or blue."""
    return any(min(pixel(frame, x / 200, y)) > 120 for x in range(10, 72))


@pytest.mark.parametrize(("position", "y"), [("top", 0.15), ("middle", 0.44), ("bottom", 0.85)])
async def test_captions_are_drawn_at_their_times(corpus: Path, tmp_path: Path, position: Any, y: float) -> None:
    style = CaptionStyle(size=0.06, position=position, uppercase=True, max_lines=2)
    cues = (Cue(0.5, 1, "hhhhhhhh"), Cue(1.5, 1.8, "hhhhhhhh"))
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0, 2), captions=Captions(cues, style)))
    shown = frames(made.path)
    rows = [value / 200 for value in range(round(200 * (y - 0.06)), round(200 * (y + 0.06)))]
    drawn = [any(is_white(frame, row) for row in rows) for frame in shown]
    assert [at for at, one in enumerate(drawn) if one] == [*range(15, 30), *range(45, 54)]
    assert made.warnings == ()


async def test_captions_with_a_background_in_several_lines(corpus: Path, tmp_path: Path) -> None:
    style = CaptionStyle(size=0.05, background="#0000ff", outline=None, max_lines=2)
    cues = (Cue(0, 1, "a caption of many words " * 3),)
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0, 0.2), captions=Captions(cues, style)))
    assert any("more than 2 lines" in warning for warning in made.warnings)
    shown = frames(made.path)[3]
    blue = sum(is_near(pixel(shown, 0.75, y / 200), (46, 46, 246), 60) for y in range(100, 200))
    assert 10 < blue < 60


@pytest.mark.skipif(not features.check("raqm"), reason="needs the library fribidi")
async def test_captions_in_all_scripts_are_drawn_or_reported(corpus: Path, tmp_path: Path) -> None:
    """What no font has is a warning that names the characters."""
    hebrew, arabic = "\u05e9\u05dc\u05d5\u05dd 12", "\u0645\u0631\u062d\u0628\u0627 \U0001f600"
    texts = (hebrew, arabic, "a \U0001f469\u200d\U0001f680", "\U0010fffd", "x" * 200_000, "\u202e\x00\x1b\t")
    cues = tuple(Cue(at / 10, at / 10 + 0.1, text) for at, text in enumerate(texts))
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0, 0.6), captions=Captions(cues)))
    assert any("U+10FFFD" in warning for warning in made.warnings)
    assert len(frames(made.path)) == 18


async def test_trim_within_the_last_frame_keeps_it(corpus: Path, tmp_path: Path) -> None:
    made = await edited(corpus, tmp_path, Edit(trim=Trim(3.97)))
    assert len(frames(made.path)) == 1


HEBREW = "\u05e9\u05dc\u05d5\u05dd"


@pytest.mark.skipif(not features.check("raqm"), reason="needs the library fribidi")
async def test_captions_from_right_to_left_are_drawn_in_their_order(corpus: Path, tmp_path: Path) -> None:
    """The confined child draws the word as Raqm does, and not its letters from left to right."""
    style = CaptionStyle(size=0.1, position="middle", outline=None, background="#000000")
    lettering = Lettering(style, PICTURE, None, SYSTEM_FONTS)
    drawn = [lettering.draw(text) for text in (HEBREW, HEBREW[::-1])]
    if lettering.missing:
        pytest.skip("needs a font with Hebrew letters")
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0, 0.2), captions=Captions((Cue(0, 1, HEBREW),), style)))
    shown = frames(made.path)[2].to_image().convert("L")
    ordered, reversed_ = (_unlikeness(shown, *one) for one in drawn if one is not None)
    assert ordered < reversed_ / 2
    assert made.warnings == ()


def _unlikeness(shown: Image.Image, drawn: Image.Image, left: int, top: int) -> float:
    """Return the mean difference of a frame to what was drawn at this place."""
    wanted = drawn.convert("L")
    box = (left, top, left + wanted.width, top + wanted.height)
    return float(ImageStat.Stat(ImageChops.difference(shown.crop(box), wanted)).mean[0])


def picture_file(path: Path, size: tuple[int, int] = (40, 20), format: str = "PNG") -> Path:
    Image.new("RGBA", size, (255, 255, 0, 255)).save(path, format)
    return path


@pytest.mark.parametrize("format", ["PNG", "WEBP"])
@pytest.mark.parametrize(
    ("position", "x", "y"), [("top_left", 0.15, 0.05), ("bottom_right", 0.85, 0.94), ("center", 0.5, 0.53)]
)
async def test_watermark_is_drawn(corpus: Path, tmp_path: Path, position: Any, x: float, y: float, format: str) -> None:
    mark = picture_file(tmp_path / "mark", format=format)
    shown = Watermark(1, position, width=0.3, opacity=1, margin=0.02)
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0.5, 0.7), watermark=shown), mark)
    for frame in frames(made.path):
        assert is_near(pixel(frame, x, y), (255, 255, 0))


DRAWN = {"#00ff00": (0, 255, 0), "#ff0000": (255, 0, 0), "#ff7800": (255, 120, 0)}
# Of files that do not name their colours, the higher ones are in BT.709.
HIGH = File("high.mp4", seconds=0.5, size=(360, 640), sound=None)
TAGGED = replace(HIGH, name="tagged.mp4", video={"x264-params": "colorprim=bt709:transfer=bt709:colormatrix=bt709"})


def as_bt709(path: Path) -> Any:
    """Return a picture without a flash, decoded by BT.709."""
    with av.open(str(path)) as container:
        frame = list(container.decode(video=0))[10]
    assert (int(frame.colorspace), int(frame.color_range)) == (1, 1)
    return frame.reformat(format="rgb24", src_colorspace="ITU709", src_color_range="MPEG", dst_color_range="JPEG")


def count(frame: Any, wanted: tuple[float, ...]) -> int:
    """Return how many pixels have this colour, within 3 of each channel."""
    plane = frame.planes[0]
    content, line = bytes(plane), plane.line_size
    starts = (y * line + 3 * x for y in range(frame.height) for x in range(frame.width))
    found = Counter(tuple(content[at : at + 3]) for at in starts)
    return sum(number for colour, number in found.items() if is_near(colour, wanted, 3))


@pytest.mark.parametrize("file", [HIGH, TAGGED, replace(GROUPS, seconds=0.5)], ids=["untagged", "tagged", "low"])
@pytest.mark.parametrize("color", DRAWN)
async def test_drawn_colours_are_as_wanted(corpus: Path, tmp_path: Path, file: File, color: str) -> None:
    path, wanted = make(file, corpus), DRAWN[color]
    padded = Picture(640, 640, (30, 1), fit="pad", pad_color=color)
    shown = as_bt709((await converted(Recipe(picture=padded), tmp_path, path)).path)
    assert is_near(pixel(shown, 0.1, 0.3), wanted, 3)

    picture = Picture(360, 640, (30, 1))
    mark = tmp_path / "mark.png"
    Image.new("RGBA", (100, 100), color).save(mark)
    edit = Edit(watermark=Watermark(1, "center", width=0.5, opacity=1))
    shown = as_bt709((await converted(Recipe(picture=picture, edit=edit), tmp_path, path, mark)).path)
    assert is_near(pixel(shown, 0.5, 0.5), wanted, 3)

    style = CaptionStyle(size=0.2, color=color, outline="#00ffff", background="#ff00ff", position="top")
    edit = Edit(captions=Captions((Cue(0, 1, "HH"),), style))
    shown = as_bt709((await converted(Recipe(picture=picture, edit=edit), tmp_path, path)).path)
    assert count(shown, wanted) > 200
    assert count(shown, (0, 255, 255)) > 200
    below = pixel(shown, 0.25, 0.05)
    mixed = tuple((200 * over + 55 * under) / 255 for over, under in zip((255, 0, 255), below, strict=True))
    assert count(shown, mixed) > 200


async def test_watermark_is_as_opaque_as_wanted(corpus: Path, tmp_path: Path) -> None:
    mark = picture_file(tmp_path / "mark")
    shown = Watermark(1, "top_left", width=0.3, opacity=0.5, margin=0.02)
    made = await edited(corpus, tmp_path, Edit(trim=Trim(0.5, 0.7), watermark=shown), mark)
    assert is_near(pixel(frames(made.path)[3], 0.15, 0.05), (227, 142, 15))


@pytest.mark.parametrize("content", [b"", b"\x89PNG\r\n\x1a\n" + bytes(200), b"<svg/>", None, "huge", "gif"])
async def test_bad_watermark_is_an_error(corpus: Path, tmp_path: Path, content: Any) -> None:
    mark = tmp_path / "mark"
    if content == "huge":
        Image.new("1", (20_000, 20_000)).save(mark, "PNG")
    elif content in (None, "gif"):
        picture_file(mark, format="GIF" if content else "PNG")
        mark.write_bytes(mark.read_bytes() if content else mark.read_bytes()[:60])
    else:
        mark.write_bytes(content)
    folder = tmp_path / "work"
    folder.mkdir()
    with pytest.raises(WatermarkUnreadable, match="watermark"):
        await edited(corpus, folder, Edit(trim=Trim(0.5, 0.7), watermark=Watermark(1)), mark)
    assert list(folder.iterdir()) == []


async def test_intro_and_outro_are_joined(corpus: Path, tmp_path: Path) -> None:
    """They come in any shape and rate, and with or without sound."""
    intro = make(FILES["turned-left.mp4"].recipe, corpus)
    outro = make(FILES["no-sound.mp4"].recipe, corpus)
    edit = Edit(trim=Trim(1, 2), intro=1, outro=2, fade_in=0.5)
    made = await edited(corpus, tmp_path, edit, intro, outro)
    media = (await examined(made.path)).media
    assert_conforms(media)
    assert (media.width, media.height, media.video_duration, media.audio_duration) == (180, 320, 5, 5)
    found = measure(made.path)
    assert list(found.numbers[75:90]) == list(range(45, 60))
    assert list(found.numbers[90:]) == list(range(60))
    assert found.beeps[1:] == pytest.approx([1], abs=0.02)  # the next one fades in
    assert sum(pixel(frames(made.path)[60], 0.75, 0.75)) < 30


@pytest.mark.parametrize("names", [("index-first.mp4", "no-sound.mp4"), ("no-sound.mp4", "index-first.mp4")])
async def test_loudness_beside_an_intro_without_sound(corpus: Path, tmp_path: Path, names: tuple[str, ...]) -> None:
    """Also of an intro whose video has none: the part without sound is silent."""
    recipe = Recipe(PICTURE, Sound(loudness=-14), Edit(intro=1))
    main, intro = (make(FILES[name].recipe, corpus) for name in names)
    made = await converted(recipe, tmp_path, main, intro)
    assert loudness(made.path) == pytest.approx(-14, abs=1)
    values, _ = samples(made.path)
    silent = values[: 2 * RATE] if names[1] == "no-sound.mp4" else values[2 * RATE + RATE // 10 :]
    assert max(map(abs, silent)) < 200 < max(map(abs, values))


@pytest.mark.parametrize(("fit", "canvas"), [("pad_blur", (180, 320)), ("crop", (180, 320)), ("crop", (320, 180))])
async def test_line_of_a_picture_gets_another_shape(
    corpus: Path, tmp_path: Path, fit: Any, canvas: tuple[int, int]
) -> None:
    """Less than two pixels of it would be kept."""
    line = make(File("line.mkv", codec="ffv1", size=(2000, 2), seconds=0.1), corpus)
    made = await converted(Recipe(Picture(*canvas, (30, 1), fit=fit), Sound()), tmp_path, line)
    media = (await examined(made.path)).media
    assert (media.width, media.height) == canvas


async def test_bit_rate_is_kept(corpus: Path, tmp_path: Path) -> None:
    noise = make(File("noise.mp4", seconds=3, video={"g": "30"}), corpus)
    picture = Picture(1080, 1920, (30, 1), max_bit_rate=400_000, bit_rate=250_000)
    made = await converted(Recipe(picture=picture, sound=Sound()), tmp_path, noise)
    assert made.size * 8 / 3 < 250_000 / 0.96 + 128_000 * 1.1 + 20_000
    assert (await examined(made.path)).media.video_bit_rate < 250_000 / 0.96


async def test_file_that_became_too_large_is_encoded_with_fewer_bits(corpus: Path, tmp_path: Path) -> None:
    """Its picture has no more than its bit rate, but the index of the file takes its share, too."""
    noise = make(File("noise.mp4", seconds=3, video={"g": "30"}), corpus)
    picture = Picture(270, 480, (30, 1), max_bit_rate=400_000, bit_rate=250_000)
    made = await converted(Recipe(picture=picture, sound=Sound()), tmp_path, noise)
    most = int(0.97 * made.size)
    made = await converted(Recipe(picture=picture, sound=Sound(), max_bytes=most), tmp_path, noise)
    assert 0.8 * most < made.size <= most


async def test_file_that_became_far_too_large_is_encoded_by_its_excess(tmp_path: Path) -> None:
    """Noise takes all the bits that it gets."""
    chance, path = random.Random(1), tmp_path / "noise.mkv"
    with av.open(str(path), "w") as output:
        stream: Any = output.add_stream("ffv1", rate=30)
        stream.width, stream.height, stream.pix_fmt = 270, 480, "yuv420p"
        for number in range(60):
            frame = av.VideoFrame(270, 480, "yuv420p")
            for plane in frame.planes:
                plane.update(chance.randbytes(plane.buffer_size))
            frame.pts = number
            output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    picture = Picture(270, 480, (30, 1), max_bit_rate=8_000_000, bit_rate=4_000_000)
    made = await converted(Recipe(picture=picture), tmp_path, path)
    most = made.size // 2
    made = await converted(Recipe(picture=picture, max_bytes=most), tmp_path, path)
    assert 0.8 * most < made.size <= most


@pytest.mark.parametrize(
    ("transfer", "signals", "expected"),
    [
        ("smpte2084", [0, pq(100), pq(203), pq(1000)], [0, 0.5, 0.61, 0.81]),
        # The peak of HLG is 1,000 nits, which become white. That of PQ is 10,000.
        ("arib-std-b67", [0, hlg(1 / 20), 0.75, 1], [0, 0.31, 0.61, 0.98]),
    ],
)
async def test_hdr_becomes_sdr(tmp_path: Path, transfer: str, signals: list[float], expected: list[float]) -> None:
    path = write(tmp_path / "hdr.mp4", transfer, signals)
    made = await converted(Recipe(picture=Picture(384, 216, (30, 1))), tmp_path, path)
    media = (await examined(made.path)).media
    assert (media.hdr, media.bit_depth, media.color_primaries) == (None, 8, "bt709")
    shown = frames(made.path)[5]
    greys = [pixel(shown, (2 * stripe + 1) / 8, 0.5)[1] / 255 for stripe in range(4)]
    assert greys == pytest.approx(expected, abs=0.08)


async def test_progress_does_not_fall_and_ends(corpus: Path, tmp_path: Path) -> None:
    shares: list[float] = []
    path = make(GROUPS, corpus)
    await converted(Recipe(picture=Picture(1080, 1920, (30, 1))), tmp_path, path, progress=shares.append)
    assert shares == sorted(shares)
    assert len(shares) > 1
    assert 0 <= shares[0] < shares[-1] <= 1
