"""A video file in words, for messages and pages."""

from clipcast.common.containers import CONTAINERS
from clipcast.common.media import Media

CONTAINER_TITLES = {one.name: one.title for one in CONTAINERS}
CODEC_TITLES = {
    "h264": "H.264",
    "hevc": "HEVC",
    "vp8": "VP8",
    "vp9": "VP9",
    "av1": "AV1",
    "mpeg4": "MPEG-4",
    "mpeg2video": "MPEG-2",
    "prores": "ProRes",
    "mjpeg": "Motion JPEG",
    "aac": "AAC",
    "opus": "Opus",
    "vorbis": "Vorbis",
    "mp3": "MP3",
    "ac3": "AC-3",
    "eac3": "E-AC-3",
    "flac": "FLAC",
}


def container_title(name: str) -> str:
    """Return a container's name for people."""
    return CONTAINER_TITLES.get(name, name)


def codec_title(name: str) -> str:
    """Return a codec's name for people."""
    return "PCM" if name.startswith("pcm_") else CODEC_TITLES.get(name, name)


def resolution(media: Media) -> str:
    """Return the length of the short edge, as screens are named: 1080p."""
    return f"{min(media.width, media.height)}p"


def format_words(media: Media) -> str:
    """Return the formats of a file: WebM, VP9, Opus."""
    codecs = (media.video_codec, media.audio_codec)
    return ", ".join([container_title(media.container), *(codec_title(codec) for codec in codecs if codec)])


def quality_words(media: Media) -> str:
    """Return a file's picture and sound: 1080p, H.264, AAC."""
    return ", ".join([resolution(media), *(codec_title(one) for one in (media.video_codec, media.audio_codec) if one)])
