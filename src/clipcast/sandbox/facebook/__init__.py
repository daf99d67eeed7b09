"""Facebook Pages simulated: Reels and Page videos (sheet section 8)."""

from clipcast.sandbox.facebook.posting import Facebook

simulator = Facebook
