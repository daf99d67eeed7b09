"""The simulator of YouTube (docs/platforms/youtube.md 8)."""

from clipcast.sandbox.youtube.channel import YouTube

simulator = YouTube
