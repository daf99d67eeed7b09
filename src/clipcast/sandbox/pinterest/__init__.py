"""Pinterest simulated (sheet section 8)."""

from clipcast.sandbox.pinterest.pinning import Pinterest

simulator = Pinterest
