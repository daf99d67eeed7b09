"""YouTube simulated (sheet section 8)."""

from clipcast.sandbox.youtube.channel import YouTube

simulator = YouTube
