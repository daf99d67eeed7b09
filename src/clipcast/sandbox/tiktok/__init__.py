"""TikTok simulated (sheet section 8)."""

from clipcast.sandbox.tiktok.posting import TikTok

simulator = TikTok
