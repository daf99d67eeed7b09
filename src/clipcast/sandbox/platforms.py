"""The list of the simulators."""

from clipcast.sandbox.bluesky import Bluesky
from clipcast.sandbox.facebook import Facebook
from clipcast.sandbox.instagram import Instagram
from clipcast.sandbox.linkedin import LinkedIn
from clipcast.sandbox.pinterest import Pinterest
from clipcast.sandbox.simulator import Simulator
from clipcast.sandbox.threads import Threads
from clipcast.sandbox.tiktok import TikTok
from clipcast.sandbox.youtube import YouTube

SIMULATORS: tuple[type[Simulator], ...] = (
    TikTok,
    YouTube,
    Instagram,
    Threads,
    Pinterest,
    LinkedIn,
    Facebook,
    Bluesky,
)
