"""The simulator of Pinterest (docs/platforms/pinterest.md 8)."""

from clipcast.sandbox.pinterest.pinning import Pinterest

simulator = Pinterest
