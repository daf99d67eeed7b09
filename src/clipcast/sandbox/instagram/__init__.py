"""The simulator of Instagram: the API with Instagram Login and Facebook Login (docs/platforms/instagram.md 8)."""

from clipcast.sandbox.instagram.posting import Instagram

simulator = Instagram
