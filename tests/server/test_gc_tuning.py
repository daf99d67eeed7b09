"""What the garbage collector is told, in a process of its own."""

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
assert seen() is None, "what comes later is collected"
"""


def test_what_is_there_stays_and_what_comes_later_is_collected() -> None:
    subprocess.run([sys.executable, "-c", PROGRAM], check=True)
