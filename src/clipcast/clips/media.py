"""What a video file is, as the probe found it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Media:
    """Facts about one video file. Width and height are as shown, after the file's rotation is applied."""

    container: str  # mp4, mov, webm, mkv
    size: int  # bytes
    duration: float  # seconds
    width: int
    height: int
    frame_rate: float
    video_codec: str
    audio_codec: str | None
    rotation: int = 0

    @property
    def is_vertical_or_square(self) -> bool:
        return self.width <= self.height


CONTENT_TYPES = {
    "mp4": "video/mp4",
    "mov": "video/quicktime",
    "webm": "video/webm",
    "mkv": "video/x-matroska",
}
