"""The simulator of Bluesky: PDS, DID directory, AppView and video service (docs/platforms/bluesky.md 8)."""

from clipcast.sandbox.bluesky.posting import Bluesky

simulator = Bluesky
