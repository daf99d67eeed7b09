"""The simulator of Threads (docs/platforms/threads.md 8)."""

from clipcast.sandbox.threads.posting import Threads

simulator = Threads
