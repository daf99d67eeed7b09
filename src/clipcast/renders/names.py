"""Names of renders whose caller gives none: the video's title, and what is changed."""

from collections.abc import Iterator

from clipcast.renders.edit_schemas import EditBody

TITLE_MAX = 180


def name_of(title: str, edit: EditBody) -> str:
    """Return the name of a render, such as `harbour, 0:02 to 0:10, 9:16`."""
    return ", ".join((title[:TITLE_MAX], *_changes(edit)))


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
