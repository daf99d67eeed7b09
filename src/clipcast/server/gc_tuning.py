"""What the garbage collector is told about a server: modules and their like stay for good, so it need not look at them.

Collecting is a fifth of the API's work otherwise, and a pause for whoever waits at that moment (`make bench`).
"""

import gc

# Objects made since the last collection, of which the next one follows. Python's own 700 fits small heaps.
YOUNG = 20_000


def pause_gc() -> None:
    """Nothing that start-up makes is garbage."""
    gc.disable()


def freeze_startup_objects() -> None:
    """All that is there now stays."""
    gc.freeze()
    gc.set_threshold(YOUNG, 10, 10)
    gc.enable()
