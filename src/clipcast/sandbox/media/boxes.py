"""The reader of MP4 and QuickTime files: a tree of boxes, whose `moov` describes the tracks."""

from typing import BinaryIO

from clipcast.sandbox.media.bits import Picture, av1_picture, h264_picture, hevc_picture, vp9_picture
from clipcast.sandbox.media.fragments import add_fragment
from clipcast.sandbox.media.groups import H264, HEVC, Coding, has_closed_groups, read_coding
from clipcast.sandbox.media.reading import Damaged, Reading, Trait, is_steady, rate_of, take
from clipcast.sandbox.media.sounds import elementary_stream, read_sound
from clipcast.sandbox.media.tracks import MOST_SAMPLES, Track, read_tracks
from clipcast.sandbox.media.tree import child, inside, number, outermost

# Limits of the reader's work on an untrusted file.
MOST_BOXES = 200_000
VIDEO = {
    b"avc1": "h264", b"avc3": "h264", b"dva1": "h264", b"dvav": "h264", b"hvc1": "hevc", b"hev1": "hevc",
    b"dvh1": "hevc", b"dvhe": "hevc", b"vp08": "vp8", b"vp09": "vp9", b"av01": "av1", b"s263": "h263", b"h263": "h263",
    b"jpeg": "jpeg", b"mjpa": "mjpeg", b"png ": "png", b"apch": "prores", b"apcn": "prores", b"apcs": "prores",
    b"apco": "prores", b"ap4h": "prores", b"ap4x": "prores",
    b"m2v1": "mpeg2video", b"AVdn": "dnxhd", b"AVdh": "dnxhd",
}  # fmt: skip
PICTURES = ("jpeg", "png")
ENCRYPTED = (b"encv", b"enca")
# Where the boxes of a picture's description begin.
DETAILS = 78
READERS = {b"avcC": h264_picture, b"hvcC": hevc_picture, b"av1C": av1_picture, b"vpcC": vp9_picture}


def read_boxes(file: BinaryIO, size: int) -> Reading:
    """Read an MP4 or QuickTime file. Raises Damaged if it is incomplete, encrypted or contradictory."""
    brand, moov, moov_at, mdat_at, tracks = b"qt  ", b"", None, None, list[Track]()
    samples = 0
    for count, (kind, at, start, end) in enumerate(outermost(file, size)):
        if count > MOST_BOXES:
            raise Damaged
        if kind == b"ftyp":
            file.seek(start)
            brand = take(file, min(4, end - start))
        elif kind == b"mdat" and mdat_at is None:
            mdat_at = at
        elif kind == b"moov" and not moov:
            file.seek(start)
            moov, moov_at = take(file, end - start), at
            tracks = read_tracks(moov)
        elif kind == b"moof":
            file.seek(start)
            samples += add_fragment(take(file, end - start), at, {track.id: track for track in tracks})
            if samples > MOST_SAMPLES:
                raise Damaged
    if moov_at is None or any(track.codec in ENCRYPTED for track in tracks):
        raise Damaged
    videos = [one for one in tracks if one.kind == b"vide"]
    # A cover is a video track of one picture.
    video = next((one for one in videos if VIDEO.get(one.codec) not in PICTURES), videos[0] if videos else None)
    if video is None or video.timescale <= 0:
        raise Damaged
    sounds = [one for one in tracks if one.kind == b"soun"]
    return _describe(
        file,
        size,
        moov,
        video,
        next((one for one in sounds if one.is_enabled), sounds[0] if sounds else None),
        is_quicktime=brand == b"qt  ",
        headers_first=mdat_at is None or moov_at < mdat_at,
    )


def _describe(
    file: BinaryIO,
    size: int,
    moov: bytes,
    video: Track,
    audio: Track | None,
    *,
    is_quicktime: bool,
    headers_first: bool,
) -> Reading:
    mvhd = child(moov, b"mvhd")
    film_timescale = number(mvhd, 20 if mvhd[:1] == b"\x01" else 12) if mvhd else 0
    details = dict(inside(video.entry, DETAILS))
    picture = next((read(details[kind]) for kind, read in READERS.items() if kind in details), Picture())
    coding = _coding(file, video, details, picture)
    width, height = _shown_width(video, details), int.from_bytes(video.entry[26:28], "big")
    sound = None if audio is None or not audio.codec else read_sound(audio)
    traits: dict[Trait, bool] = {
        "edit list": video.edits > 0 or (audio is not None and audio.edits > 0),
        "fragmented": bool(child(moov, b"mvex")),
        "more than 8 bit": picture.depth is not None and picture.depth > 8,
        "no sound": sound is None,
        "turned": video.turned,
        "wide pixels": width != int.from_bytes(video.entry[24:26], "big"),
    }
    return Reading(
        "mov" if is_quicktime else "mp4",
        elementary_stream(video.entry, DETAILS).codec if video.codec == b"mp4v" else VIDEO.get(video.codec, "unknown"),
        *((height, width) if video.turned else (width, height)),
        max(one.seconds(film_timescale) for one in (video, audio) if one is not None),
        size,
        _rate(video),
        picture.chroma,
        picture.interlaced or coding.fields or details.get(b"fiel", b"")[:1] == b"\x02",
        headers_first,
        sound,
        picture.depth,
        has_closed_groups([(sample.shown_at, sample.is_key) for sample in video.head]) and not coding.continues,
        _states_only_starts(video) or is_steady(video.ticks),
        video.bit_rate(),
        audio.bit_rate() if audio is not None else None,
        frozenset(trait for trait, is_there in traits.items() if is_there),
    )


def _coding(file: BinaryIO, video: Track, details: dict[bytes, bytes], picture: Picture) -> Coding:
    avcc, hvcc = details.get(b"avcC", b""), details.get(b"hvcC", b"")
    if len(avcc) > 4:
        return read_coding(file, video.head, H264, (avcc[4] & 3) + 1, picture.field_bits)
    return read_coding(file, video.head, HEVC, (hvcc[21] & 3) + 1, 0) if len(hvcc) > 21 else Coding()


def _shown_width(video: Track, details: dict[bytes, bytes]) -> int:
    """Return the width in square pixels."""
    width, shape = int.from_bytes(video.entry[24:26], "big"), details.get(b"pasp", b"")
    across, down = (number(shape, 0), number(shape, 4)) if len(shape) >= 8 else (1, 1)
    return round(width * across / down) or width if down else width


def _states_only_starts(video: Track) -> bool:
    """Return whether the fragments state only their starts, not the frames' lengths."""
    return video.end > 0 and 2 * video.ticks[0] > sum(video.ticks.values())


def _rate(video: Track) -> float | None:
    if _states_only_starts(video):
        return sum(video.ticks.values()) * video.timescale / video.end
    return rate_of(video.ticks, video.timescale)
