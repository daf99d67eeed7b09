"""The simulator of Facebook Pages: Reels and Page videos (docs/platforms/facebook.md 8)."""

from clipcast.sandbox.facebook.posting import Facebook

simulator = Facebook
