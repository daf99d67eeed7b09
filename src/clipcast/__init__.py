"""Clipcast: publish many clips to many accounts, each exactly once."""

__version__ = "0.1.0"
