"""The advisory locks of the database: arbitrary numbers, the same in every process and in every release from now on."""

from enum import IntEnum, unique

from sqlalchemy import text

# Taken until the end of the transaction.
TAKE = text("SELECT pg_advisory_xact_lock(:lock)")


@unique
class Lock(IntEnum):
    """What one transaction at a time does."""

    # Create the first owner.
    SETUP = 0x434C4950
    # Migrate the tables.
    MIGRATION = 7_236_011
    # Route events to webhooks and notices.
    ROUTER = 7_236_012
    # Agree on the secret key. Former releases took the number of ROUTER, so that starting processes waited for routers.
    # Beside one of them, nothing orders the start of two processes: that matters on a new database only.
    KEY = 7_236_013
