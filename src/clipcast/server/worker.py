"""The worker with everything that it does: it publishes, and delivers events."""

from clipcast.installation import Installation
from clipcast.publishing.worker import Worker
from clipcast.webhooks.part import webhooks_part


def make_worker(installation: Installation) -> Worker:
    """Return a worker of this installation."""
    parts = [webhooks_part(installation)]
    return Worker(installation.settings, installation.database, installation.storage, installation.vault, parts)
