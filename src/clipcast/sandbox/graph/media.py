"""What Instagram and Threads ask of every file (the table of section 3 in both sheets)."""

from clipcast.sandbox.media.reading import Reading

# Grey pictures are decoded as 4:2:0 by nearly everything; None is not told.
GREYS_AND_HALVES = ("4:2:0", "4:0:0", None)


def has_good_picture(media: Reading | None) -> bool:
    """MP4 or MOV with its headers first; H.264 or HEVC, progressive, 4:2:0, at most 1920 wide."""
    return (
        media is not None
        and media.container in ("mp4", "mov")
        and media.headers_first
        and media.video_codec in ("h264", "hevc")
        and not media.interlaced
        and media.chroma in GREYS_AND_HALVES
        and media.width <= 1920
    )


def has_good_sound(media: Reading) -> bool:
    """AAC of at most 48 kHz, or none at all; how many channels, each names on its own."""
    return media.sound is None or (media.sound.codec == "aac" and media.sound.rate <= 48_000)
