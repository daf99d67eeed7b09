"""Identifiers: version 7 UUIDs, whose order is the order of creation."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def parse_id(text: object) -> UUID | None:
    """Return the identifier in `text`, or None if it is not a UUID: then no row has it."""
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
