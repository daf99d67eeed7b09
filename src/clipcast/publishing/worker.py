"""The worker that publishes items, with the tasks that only it has."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from typing import TypeVar

from clipcast.common.settings import Settings
from clipcast.common.vault import Vault
from clipcast.database import Database
from clipcast.installation.sealed import seal_again
from clipcast.jobs.kinds import FINISH, NETWORK, PUBLISH, QUARANTINE
from clipcast.jobs.worker import Background, Part, RunnersByKind, WorkerProcess, every
from clipcast.publishing.housekeeping import delete_expired
from clipcast.publishing.programs import runnable_programs
from clipcast.publishing.quarantine import Quarantine
from clipcast.publishing.runner import Runner
from clipcast.storage import Storage

HOUSEKEEPING_EVERY = timedelta(minutes=10)
RENEW_EVERY = timedelta(minutes=5)
SEAL_EVERY = timedelta(hours=1)
T = TypeVar("T")
# Seconds before these tasks restart after a failure.
HOUSEKEEPING_PAUSE = 60.0


class Worker(WorkerProcess):
    """One process that publishes items, and does what the `parts` bring."""

    def __init__(
        self, settings: Settings, database: Database, storage: Storage, vault: Vault, parts: Sequence[Part] = ()
    ) -> None:
        runner = Runner(settings, database, storage, vault)
        runners = RunnersByKind({PUBLISH: runner, FINISH: runner} | _joined(part.runners for part in parts))
        slots = {NETWORK: settings.worker_slots[NETWORK]} | _joined(part.slots for part in parts)
        super().__init__(settings, database, runners, slots, runnable_programs())
        self.renew_idle = runner.renew_idle
        housekeep = partial(delete_expired, database, storage)
        self.background |= {
            "quarantine": Background(Quarantine(settings, database, self.slots).run),
            "housekeeping": Background(partial(every, HOUSEKEEPING_EVERY, housekeep), HOUSEKEEPING_PAUSE),
            "keys": Background(partial(every, SEAL_EVERY, partial(seal_again, database, vault)), HOUSEKEEPING_PAUSE),
            "renewals": Background(partial(every, RENEW_EVERY, runner.renew_idle), HOUSEKEEPING_PAUSE),
        } | _joined(part.background for part in parts)
        self.channels |= _joined(part.channels for part in parts)

    async def run_due(self, more: Mapping[str, int] | None = None, keeps_lease: bool = False) -> int:
        self._programs = runnable_programs()  # tests deploy others meanwhile
        return await super().run_due({QUARANTINE: 1} | dict(more or {}), keeps_lease)


def _joined(parts: Iterable[Mapping[str, T]]) -> dict[str, T]:
    return {name: value for part in parts for name, value in part.items()}
