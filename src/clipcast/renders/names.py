"""Names of renders whose caller gives none: the video's title, and what is changed. Words for what conversions do."""

from collections.abc import Iterator

from clipcast.common.media import Media
from clipcast.common.media_words import codec_title, quality_words
from clipcast.rendering.recipe import Action
from clipcast.renders.edit_schemas import EditBody

TITLE_MAX = 180


def name_of(title: str, edit: EditBody) -> str:
    """Return the name of a render, such as `harbour, 0:02 to 0:10, 9:16`."""
    return ", ".join((title[:TITLE_MAX], *_changes(edit)))


def what_is_made(action: str, output: Media | None) -> str:
    """Return what a conversion does, such as `1080p, H.264, AAC`. `output` are the properties of its file, if known."""
    if action == Action.REMUX:
        return "written anew as MP4, picture and sound unchanged"
    if action == Action.AUDIO:
        return f"sound as {codec_title((output and output.audio_codec) or 'aac')}, picture unchanged"
    return quality_words(output) if output else "converted"


def _changes(edit: EditBody) -> Iterator[str]:
    if edit.trim:
        start = _time(edit.trim.start)
        yield f"from {start}" if edit.trim.end is None else f"{start} to {_time(edit.trim.end)}"
    if edit.speed != 1:
        yield f"speed {edit.speed:g}"
    if edit.aspect_ratio != "source":
        yield edit.aspect_ratio
    if edit.resolution != "source":
        yield edit.resolution
    for name in ("captions", "watermark", "cover", "fade", "audio", "intro", "outro"):
        if getattr(edit, name):
            yield name


def _time(seconds: float) -> str:
    """Return minutes and seconds: `1:05`, or `1:05.25`."""
    hundredths = round(seconds * 100)
    minutes, rest = divmod(hundredths, 6000)
    fraction = f".{rest % 100:02}".rstrip("0").rstrip(".")
    return f"{minutes}:{rest // 100:02}{fraction}"
