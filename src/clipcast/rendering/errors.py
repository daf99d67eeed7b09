"""The error of a file that cannot be read as a video."""


class UnreadableMedia(Exception):
    """A file that cannot be read as a video. The message holds the reason and a fix for the file's owner.

    `code` is one of: not_a_video, file_cut_off, video_codec_unknown, encrypted, no_picture, too_many_pixels,
    too_many_samples, too_many_streams, media_unreadable.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def cut_off(reason: str) -> UnreadableMedia:
    """Return the error of a truncated file."""
    return UnreadableMedia("file_cut_off", f"The file is truncated: {reason}. Upload the whole file.")
