"""Instants as callers write them: ISO 8601 with an offset, and nothing looser."""

from datetime import UTC, datetime
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError


def parse_instant(value: Any) -> datetime:
    """The instant that `value` names, in UTC. Raises PydanticCustomError with what is wrong and how to write it."""
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(UTC)
    try:
        instant = datetime.fromisoformat(value)
        if instant.tzinfo is not None:
            return instant.astimezone(UTC)
    except (TypeError, ValueError, OverflowError):
        raise PydanticCustomError(
            "invalid_time", "Not a time. Write it in ISO 8601 with an offset, such as 2026-12-24T18:00:00-03:00."
        ) from None
    raise PydanticCustomError(
        "offset_missing", "The time has no offset, so it could mean several instants. Add one, such as Z or -03:00."
    )


def show(instant: datetime | None) -> str | None:
    """How answers write an instant: UTC with `Z`, milliseconds."""
    if instant is None:
        return None
    return instant.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


Instant = Annotated[datetime, BeforeValidator(parse_instant), WithJsonSchema({"type": "string", "format": "date-time"})]
