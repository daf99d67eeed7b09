"""The properties of an uploaded clip, where a caller needs them."""

from clipcast.common.media import FactsUnreadable, Media, stored_media
from clipcast.common.problems import Problem, ValidationFailed
from clipcast.database.models.clips import Clip


def facts_of(clip: Clip, path: str = "/video_id") -> Media:
    """Return the properties of a probed clip. Raises ValidationFailed at `path` if they cannot be read."""
    try:
        return stored_media(clip.media)
    except FactsUnreadable:
        message = "The stored properties of this video cannot be read. Upload it again."
        raise ValidationFailed([Problem(path, "clip_unreadable", message)]) from None
