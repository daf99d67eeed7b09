"""Garbage collection of a server: it excludes the objects of start-up, which live as long as the process.

Without this, collection takes a fifth of the API's CPU, and delays the requests of that moment (`make bench`).
"""

import gc

# The number of new objects that starts a collection. Python's default of 700 suits small heaps.
YOUNG = 20_000


def pause_gc() -> None:
    """Disable collection during start-up, which makes no garbage."""
    gc.disable()


def freeze_startup_objects() -> None:
    """Exclude all present objects from collection, and enable it."""
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
    gc.enable()
