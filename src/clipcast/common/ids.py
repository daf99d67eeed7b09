"""Identifiers: version 7 UUIDs, so that sorting by id is sorting by creation."""

from uuid import UUID

from uuid_utils.compat import uuid7


def new_id() -> UUID:
    return uuid7()


def parse_id(text: object) -> UUID | None:
    """The identifier that `text` spells, or None: an unknown spelling is simply something that does not exist."""
    try:
        return UUID(text) if isinstance(text, str) else None
    except ValueError:
        return None
