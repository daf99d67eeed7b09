"""The reader of MP4 and QuickTime files: a tree of boxes, whose `moov` describes the tracks."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO

from clipcast.sandbox.media.bits import aac_sound, h264_picture, hevc_picture
from clipcast.sandbox.media.reading import Damaged, Reading, Sound, rate_of, take

# Limits of the reader's work on an untrusted file.
MOST_BOXES = 200_000
MOST_TRACKS = 32
MOST_SAMPLES = 2_000_000
VIDEO = {
    b"avc1": "h264", b"avc3": "h264", b"dva1": "h264", b"dvav": "h264", b"hvc1": "hevc", b"hev1": "hevc",
    b"dvh1": "hevc", b"dvhe": "hevc", b"vp08": "vp8", b"vp09": "vp9", b"av01": "av1",
    b"mp4v": "mpeg4", b"jpeg": "jpeg", b"mjpa": "mjpeg", b"png ": "png", b"apch": "prores", b"apcn": "prores",
    b"apcs": "prores", b"apco": "prores", b"ap4h": "prores",
}  # fmt: skip
PICTURES = ("jpeg", "png")
# The boxes that hold a film.
MEDIA = (b"moov", b"mdat", b"moof")
SOUND = {
    b"ac-3": "ac3", b"ec-3": "eac3", b".mp3": "mp3", b"Opus": "opus", b"fLaC": "flac", b"alac": "alac", b"samr": "amr",
    b"sowt": "pcm", b"twos": "pcm", b"lpcm": "pcm", b"in24": "pcm", b"in32": "pcm", b"fl32": "pcm", b"fl64": "pcm",
    b"raw ": "pcm", b"ipcm": "pcm", b"fpcm": "pcm", b"ulaw": "pcm", b"alaw": "pcm",
}  # fmt: skip
# The codecs of an mp4a entry, by the object type in its esds box.
OBJECT_TYPES = {0x40: "aac", 0x66: "aac", 0x67: "aac", 0x68: "aac", 0x69: "mp3", 0x6B: "mp3"}


@dataclass
class Track:
    number: int = 0
    kind: bytes = b""
    timescale: int = 0
    duration: int = 0
    turned: bool = False
    entry: bytes = b""
    codec: bytes = b""
    # The number of samples of each length.
    ticks: Counter[int] = field(default_factory=Counter)
    default_tick: int = 0
    # The end of the last fragment.
    end: int = 0
    # The duration in the track's edit list, in the film's timescale; 0 if not stated.
    shown: int = 0

    def seconds(self, film_timescale: int) -> float:
        if self.shown and film_timescale:
            return self.shown / film_timescale
        ticks = sum(length * samples for length, samples in self.ticks.items())
        return (max(ticks, self.end) or self.duration) / self.timescale if self.timescale > 0 else 0.0


def read_boxes(file: BinaryIO, size: int) -> Reading:
    """Read an MP4 or QuickTime file. Raises Damaged if it is incomplete or contradictory."""
    brand, moov, moov_at, mdat_at, tracks = b"qt  ", b"", None, None, list[Track]()
    samples = 0
    for count, (kind, at, start, end) in enumerate(_top(file, size)):
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
            tracks = _tracks(moov)
        elif kind == b"moof":
            file.seek(start)
            samples += _add_fragment(take(file, end - start), {track.number: track for track in tracks})
            if samples > MOST_SAMPLES:
                raise Damaged
    if moov_at is None:
        raise Damaged
    videos = [one for one in tracks if one.kind == b"vide"]
    # A cover is a video track of one picture.
    video = next((one for one in videos if VIDEO.get(one.codec) not in PICTURES), videos[0] if videos else None)
    if video is None or video.timescale <= 0:
        raise Damaged
    sound = next((one for one in tracks if one.kind == b"soun"), None)
    film_timescale = _film_timescale(moov)
    chroma, interlaced = _picture(video)
    width, height = _shown_width(video), int.from_bytes(video.entry[26:28], "big")
    if video.turned:
        width, height = height, width
    return Reading(
        "mov" if brand == b"qt  " else "mp4",
        VIDEO.get(video.codec, "unknown"),
        width,
        height,
        max(one.seconds(film_timescale) for one in (video, sound) if one is not None),
        size,
        _rate(video),
        chroma,
        interlaced,
        mdat_at is None or moov_at < mdat_at,
        _sound(sound),
    )


def _top(file: BinaryIO, size: int) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield the outermost boxes: the kind, and the positions of the box, its content and its end."""
    at, seen, last = 0, set[bytes](), b""
    while at + 8 <= size:
        file.seek(at)
        length, kind, start = int.from_bytes(take(file, 4), "big"), take(file, 4), at + 8
        if length == 1:
            length, start = int.from_bytes(take(file, 8), "big"), at + 16
        end = size if length == 0 else at + length
        if not start <= end <= size:
            if kind not in MEDIA and b"moov" in seen and not seen.isdisjoint((b"mdat", b"moof")):
                return  # some phones and sites append data to a complete file
            raise Damaged  # the file ends early
        seen.add(kind)
        last = kind
        yield kind, at, start, end
        at = end
    if last == b"moof":
        raise Damaged  # the fragment's pictures are missing


def _inside(content: bytes, start: int = 0) -> Iterator[tuple[bytes, bytes]]:
    """Yield the boxes within a box: kind and content."""
    while start + 8 <= len(content):
        length, kind = int.from_bytes(content[start : start + 4], "big"), content[start + 4 : start + 8]
        head = 8
        if length == 1:
            length, head = int.from_bytes(content[start + 8 : start + 16], "big"), 16
        length = length or len(content) - start
        if length < head or start + length > len(content):
            return
        yield kind, content[start + head : start + length]
        start += length


def _number(content: bytes, at: int, length: int = 4) -> int:
    if at + length > len(content):
        raise Damaged
    return int.from_bytes(content[at : at + length], "big")


def _tracks(moov: bytes) -> list[Track]:
    tracks: list[Track] = []
    for kind, content in _inside(moov):
        if kind == b"trak" and len(tracks) < MOST_TRACKS:
            tracks.append(_track(content))
    for kind, content in _inside(next((inside for kind, inside in _inside(moov) if kind == b"mvex"), b"")):
        if kind == b"trex":
            for track in tracks:
                if track.number == _number(content, 4):
                    track.default_tick = _number(content, 12)
    return tracks


def _track(trak: bytes) -> Track:
    track = Track()
    for kind, content in _inside(trak):
        if kind == b"tkhd":
            long = _number(content, 0, 1) == 1
            track.number = _number(content, 20 if long else 12)
            matrix = 52 if long else 40
            # The matrix of a quarter turn has zeros on its diagonal.
            track.turned = _number(content, matrix) == 0 and _number(content, matrix + 4) != 0
        elif kind == b"edts":
            track.shown = _shown_length(next((inside for kind, inside in _inside(content) if kind == b"elst"), b""))
        elif kind == b"mdia":
            _add_media(track, content)
    return track


def _shown_length(elst: bytes) -> int:
    """Return the sum of all edits, or 0 if one is open and lasts as long as the fragments."""
    if len(elst) < 8:
        return 0
    wide, step = (8, 20) if elst[0] == 1 else (4, 12)
    edits = [_number(elst, at, wide) for at in range(8, min(len(elst) - step + 1, 8 + step * _number(elst, 4)), step)]
    return sum(edits) if all(edits) else 0


def _film_timescale(moov: bytes) -> int:
    content = next((inside for kind, inside in _inside(moov) if kind == b"mvhd"), b"")
    return _number(content, 20 if content[:1] == b"\x01" else 12) if content else 0


def _shown_width(video: Track) -> int:
    """Return the width in square pixels."""
    width = int.from_bytes(video.entry[24:26], "big")
    for kind, content in _inside(video.entry, 78):
        if kind == b"pasp" and len(content) >= 8 and _number(content, 4):
            return round(width * _number(content, 0) / _number(content, 4)) or width
    return width


def _rate(video: Track) -> float | None:
    frames = sum(video.ticks.values())
    if video.end and 2 * video.ticks[0] > frames:  # the fragments state only their starts
        return frames * video.timescale / video.end
    return rate_of(video.ticks, video.timescale)


def _add_media(track: Track, mdia: bytes) -> None:
    for kind, content in _inside(mdia):
        if kind == b"mdhd":
            long = _number(content, 0, 1) == 1
            track.timescale = _number(content, 20 if long else 12)
            track.duration = _number(content, 24 if long else 16, 8 if long else 4)
        elif kind == b"hdlr":
            track.kind = content[8:12]
        elif kind == b"minf":
            table = next((inside for kind, inside in _inside(content) if kind == b"stbl"), b"")
            for kind, inside in _inside(table):
                if kind == b"stsd":
                    track.codec, track.entry = next(_inside(inside, 8), (b"", b""))
                elif kind == b"stts":
                    _count(track, inside)


def _count(track: Track, stts: bytes) -> None:
    entries = _number(stts, 4)
    if entries > MOST_SAMPLES:
        raise Damaged
    for at in range(8, min(len(stts) - 7, 8 + 8 * entries), 8):
        track.ticks[_number(stts, at + 4)] += _number(stts, at)


def _add_fragment(moof: bytes, tracks: dict[int, Track]) -> int:
    """Add the samples of a fragment to their tracks. Returns the number of samples."""
    samples = 0
    for kind, traf in _inside(moof):
        if kind != b"traf":
            continue
        track, tick, starts_at, lengths = Track(), 0, None, Counter[int]()
        for kind, content in _inside(traf):
            if kind == b"tfhd":
                track, flags = tracks.get(_number(content, 4), track), _number(content, 1, 3)
                tick = track.default_tick
                if flags & 0x8:
                    tick = _number(content, 8 + (8 if flags & 0x1 else 0) + (4 if flags & 0x2 else 0))
            elif kind == b"tfdt":
                starts_at = _number(content, 4, 8 if content[:1] == b"\x01" else 4)
            elif kind == b"trun":
                lengths += _run(content, tick)
        samples += sum(lengths.values())
        track.ticks.update(lengths)
        lasts = sum(length * count for length, count in lengths.items())
        track.end = (track.end if starts_at is None else starts_at) + lasts
    return samples


def _run(trun: bytes, tick: int) -> Counter[int]:
    """Count the samples of a run by their length."""
    flags, samples = _number(trun, 1, 3), _number(trun, 4)
    if samples > MOST_SAMPLES:
        raise Damaged
    if not flags & 0x100:
        return Counter({tick: samples})
    step = 4 * sum(bool(flags & flag) for flag in (0x100, 0x200, 0x400, 0x800))
    start = 8 + (4 if flags & 0x1 else 0) + (4 if flags & 0x4 else 0)
    return Counter(_number(trun, at) for at in range(start, min(len(trun) - 3, start + step * samples), step))


def _picture(video: Track) -> tuple[str | None, bool]:
    for kind, content in _inside(video.entry, 78):
        if kind == b"avcC":
            return h264_picture(content)
        if kind == b"hvcC":
            return hevc_picture(content)
        if kind == b"av1C" and len(content) > 2:
            return {0: "4:4:4", 2: "4:2:2", 3: "4:2:0"}.get(content[2] >> 2 & 3, "4:4:4"), False
        if kind == b"vpcC" and len(content) > 6:
            return ("4:2:0", "4:2:0", "4:2:2", "4:4:4")[min(content[6] >> 1 & 7, 3)], False
    return None, False


def _sound(track: Track | None) -> Sound | None:
    if track is None or not track.codec:
        return None
    entry = track.entry
    version, channels, rate = _number(entry, 8, 2), _number(entry, 16, 2), _number(entry, 24, 2)
    if version == 2:
        channels, rate = _number(entry, 40), track.timescale
    children = 28 + {1: 16, 2: 36}.get(version, 0)
    if track.codec != b"mp4a":
        return Sound(SOUND.get(track.codec, "unknown"), rate or track.timescale, channels)
    esds = _find_esds(entry, children)
    codec, configuration = _descriptor(esds) if esds else ("unknown", b"")
    if codec == "aac" and configuration:
        stated_rate, stated_channels = aac_sound(configuration)
        rate, channels = stated_rate or rate, stated_channels or channels
    return Sound(codec, rate or track.timescale, channels)


def _find_esds(entry: bytes, start: int) -> bytes | None:
    """Return the descriptor of the sound, or None. In QuickTime files it is inside a `wave` box."""
    for kind, content in _inside(entry, start):
        if kind == b"esds":
            return content[4:]
        if kind == b"wave" and (found := _find_esds(content, 0)):
            return found
    return None


def _descriptor(content: bytes) -> tuple[str, bytes]:
    """Read an elementary stream descriptor. Returns the codec and its configuration."""
    codec, configuration, at = "unknown", b"", 0
    while at + 2 <= len(content):
        tag, at, length = content[at], at + 1, 0
        for _ in range(4):
            byte = _number(content, at, 1)
            length, at = length << 7 | byte & 0x7F, at + 1
            if not byte & 0x80:
                break
        if tag == 3:
            flags = _number(content, at + 2, 1)
            at += 3 + (2 if flags & 0x80 else 0) + (2 if flags & 0x20 else 0)
            if flags & 0x40:
                at += 1 + _number(content, at, 1)
        elif tag == 4:
            codec = OBJECT_TYPES.get(_number(content, at, 1), "unknown")
            at += 13
        elif tag == 5:
            configuration = content[at : at + length]
            at += length
        else:
            at += length
    return codec, configuration
