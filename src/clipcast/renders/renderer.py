"""The renderer: a process that makes renditions. Workers that publish never encode."""

from datetime import timedelta
from functools import partial

from clipcast.common.settings import Settings
from clipcast.database import Database
from clipcast.jobs.worker import Background, WorkerProcess, every
from clipcast.rendering.children import Children
from clipcast.renders.runner import RenderRunner
from clipcast.renders.sweeps import sweep
from clipcast.storage import Storage

SWEEP_EVERY = timedelta(hours=1)
# Seconds before the sweep restarts after a failure.
SWEEP_PAUSE = 60.0


class Renderer(WorkerProcess):
    """One process that makes renditions, as many at a time as it has slots."""

    def __init__(self, settings: Settings, database: Database, storage: Storage) -> None:
        slots = settings.renderer_slots
        # A run probes its file when its conversion has ended, so that it never waits for a place.
        children = Children(at_once=max(1, sum(slots.values())))
        super().__init__(settings, database, RenderRunner(settings, database, storage, children), slots, {})
        sweeping = partial(every, SWEEP_EVERY, partial(sweep, settings, database, storage))
        self.background |= {"sweep": Background(sweeping, SWEEP_PAUSE)}
