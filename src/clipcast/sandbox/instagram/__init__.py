"""Instagram simulated: the Instagram API with Instagram Login (sheet section 8)."""

from clipcast.sandbox.instagram.posting import Instagram

simulator = Instagram
