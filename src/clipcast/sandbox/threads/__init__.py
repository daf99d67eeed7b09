"""Threads simulated (sheet section 8)."""

from clipcast.sandbox.threads.posting import Threads

simulator = Threads
