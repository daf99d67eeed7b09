"""The worker that publishes items, with the tasks that only it has."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from clipcast.common.settings import Settings
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.jobs.kinds import QUARANTINE
from clipcast.jobs.worker import Background, WorkerProcess, every
from clipcast.publishing.housekeeping import delete_expired
from clipcast.publishing.programs import runnable_programs
from clipcast.publishing.quarantine import Quarantine
from clipcast.publishing.runner import Runner
from clipcast.storage import Storage

HOUSEKEEPING_EVERY = timedelta(minutes=10)
RENEW_EVERY = timedelta(minutes=5)
# Seconds before these tasks restart after a failure.
HOUSEKEEPING_PAUSE = 60.0


class Worker(WorkerProcess):
    """One process that publishes items."""

    def __init__(self, settings: Settings, database: Database, storage: Storage, vault: Vault) -> None:
        runner = Runner(settings, database, storage, vault)
        super().__init__(settings, database, runner, settings.worker_slots, runnable_programs())
        self.renew_idle = runner.renew_idle
        housekeep = partial(delete_expired, database, storage)
        self.background |= {
            "quarantine": Background(Quarantine(settings, database, self.slots).run),
            "housekeeping": Background(partial(every, HOUSEKEEPING_EVERY, housekeep), HOUSEKEEPING_PAUSE),
            "renewals": Background(partial(every, RENEW_EVERY, runner.renew_idle), HOUSEKEEPING_PAUSE),
        }

    async def run_due(self, more: Mapping[str, int] | None = None) -> int:
        self._programs = runnable_programs()  # tests deploy others meanwhile
        return await super().run_due({QUARANTINE: 1} | dict(more or {}))
