"""Garbage collection of a server, in a separate process."""

import subprocess
import sys

PROGRAM = """
import gc
from clipcast.server import gc_tuning
gc_tuning.pause_gc()
assert not gc.isenabled()
gc_tuning.freeze_startup_objects()
assert gc.isenabled() and gc.get_freeze_count() > 1000 and gc.get_threshold()[0] == gc_tuning.YOUNG
class Loop: pass
import weakref
loop = Loop(); loop.itself = loop; seen = weakref.ref(loop); del loop
more = [[] for _ in range(gc_tuning.YOUNG + 1)]
assert seen() is None, "objects made after start-up are collected"
"""


def test_freeze_excludes_startup_objects_from_collection_and_no_later_ones() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
