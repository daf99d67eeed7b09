"""The renderer: a process that makes renditions and analyzes videos. Workers that publish never encode."""

from datetime import timedelta
from functools import partial

from clipcast.common.settings import Settings
from clipcast.database import Database
from clipcast.jobs.kinds import ANALYZE, RENDITION_KINDS
from clipcast.jobs.worker import Background, Runner, RunnersByKind, WorkerProcess, every
from clipcast.rendering.children import Children
from clipcast.renders.analysis import AnalysisRunner
from clipcast.renders.orphans import OrphanSearch
from clipcast.renders.runner import RenderRunner
from clipcast.renders.sweeps import sweep
from clipcast.storage import Storage

SWEEP_EVERY = timedelta(hours=1)
# Seconds before the sweep restarts after a failure.
SWEEP_PAUSE = 60.0


class Renderer(WorkerProcess):
    """One process that makes renditions and finds clips, as many at a time as it has slots."""

    def __init__(self, settings: Settings, database: Database, storage: Storage) -> None:
        slots = settings.renderer_slots
        # A run probes its file when its conversion has ended, so that it never waits for a place.
        children = Children(at_once=max(1, sum(slots.values())))
        renditions: Runner = RenderRunner(settings, database, storage, children)
        runners = dict.fromkeys(RENDITION_KINDS, renditions)
        runners[ANALYZE] = AnalysisRunner(database, storage, children)
        super().__init__(settings, database, RunnersByKind(runners), slots, {})
        sweeping = partial(
            every, SWEEP_EVERY, partial(sweep, settings, database, storage, OrphanSearch(database, storage))
        )
        self.background |= {"sweep": Background(sweeping, SWEEP_PAUSE)}
