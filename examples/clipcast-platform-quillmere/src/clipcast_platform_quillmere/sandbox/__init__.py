"""Quillmere simulated."""

from clipcast_platform_quillmere.sandbox.videos import Quillmere

simulator = Quillmere
