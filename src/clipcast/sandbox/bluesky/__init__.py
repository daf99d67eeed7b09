"""Bluesky simulated: a PDS, the directory of DIDs, the AppView, and the video service (sheet section 8)."""

from clipcast.sandbox.bluesky.posting import Bluesky

simulator = Bluesky
