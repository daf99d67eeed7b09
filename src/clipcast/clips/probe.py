"""The probe under its old name, for the sandbox."""

from clipcast.rendering.errors import UnreadableMedia as NotAVideo
from clipcast.rendering.probe import Probed, probe

__all__ = ["NotAVideo", "Probed", "probe"]
