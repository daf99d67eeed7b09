"""The rules that Instagram and Threads share for files (docs/platforms/instagram.md 3, threads.md 3)."""

from clipcast.sandbox.media.reading import Reading

# Nearly every decoder reads grey pictures as 4:2:0. None: the file does not state its chroma.
GREYS_AND_HALVES = ("4:2:0", "4:0:0", None)


def has_good_picture(media: Reading | None) -> bool:
    """Return whether the picture obeys the rules.

    They require MP4 or MOV with its headers first, and H.264 or HEVC, progressive, with closed groups of pictures,
    4:2:0, at most 1920 px wide.
    """
    return (
        media is not None
        and media.container in ("mp4", "mov")
        and media.headers_first
        and media.video_codec in ("h264", "hevc")
        and not media.interlaced
        and media.closed_groups is not False
        and media.chroma in GREYS_AND_HALVES
        and media.width <= 1920
    )


def has_good_sound(media: Reading) -> bool:
    """Return whether the file has no sound, or AAC of at most 48 kHz. Each platform checks the channels itself."""
    return media.sound is None or (media.sound.codec == "aac" and media.sound.rate <= 48_000)
