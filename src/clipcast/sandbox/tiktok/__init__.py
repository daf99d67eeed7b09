"""The simulator of TikTok (docs/platforms/tiktok.md 8)."""

from clipcast.sandbox.tiktok.posting import TikTok

simulator = TikTok
