"""The choice of the engine by the settings."""

from clipcast.common.settings import Settings
from clipcast.database import Database
from clipcast.jobs.engines import Engine
from clipcast.jobs.engines.rows import RowsEngine


def make_engine(settings: Settings, database: Database) -> Engine:
    """Return the engine of CLIPCAST_ENGINE."""
    if settings.temporal is None:
        return RowsEngine(database)
    from clipcast.jobs.engines.temporal.engine import TemporalEngine  # its package is an extra

    return TemporalEngine(settings, database)
