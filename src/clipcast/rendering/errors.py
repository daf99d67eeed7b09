"""Why a file cannot be used at all."""


class UnreadableMedia(Exception):
    """A file that nobody could read as a video. The message says why and what to do, for the file's owner.

    `code` is one of: not_a_video, file_cut_off, video_codec_unknown, encrypted, no_picture, too_many_pixels,
    too_many_samples, too_many_streams, media_unreadable.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def cut_off(what: str) -> UnreadableMedia:
    """The error of a file whose end is missing."""
    return UnreadableMedia("file_cut_off", f"The file was cut off: {what}. Upload the whole file.")
