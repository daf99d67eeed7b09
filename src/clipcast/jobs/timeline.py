"""The timeline of an attempt: its requests, responses and decisions, with their times."""

import json
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from clipcast.clock import clock
from clipcast.common.ids import new_id
from clipcast.common.storable import storable

DETAIL_MAX = 1000
REQUEST_ID_MAX = 200


@dataclass
class Timeline:
    """The unsaved events of an attempt. The run's next write saves them in the same round trip."""

    attempt_id: UUID
    _events: list[dict[str, Any]] = field(default_factory=list)

    def add(
        self,
        kind: str,
        name: str,
        started_at: datetime | None = None,
        *,
        http_status: int | None = None,
        bytes_sent: int | None = None,
        platform_request_id: str | None = None,
        detail: str | None = None,
    ) -> None:
        """Add one event that ends now."""
        now = clock.now()
        self._events.append(
            {
                "id": str(new_id()),
                "attempt_id": str(self.attempt_id),
                "kind": kind,
                "name": name,
                "started_at": (started_at or now).isoformat(),
                "ended_at": now.isoformat(),
                "http_status": http_status,
                "bytes_sent": bytes_sent,
                "platform_request_id": storable(platform_request_id, REQUEST_ID_MAX) if platform_request_id else None,
                "detail": storable(detail, DETAIL_MAX) if detail else None,
            }
        )

    def take(self) -> str:
        """Remove all unsaved events and return them as JSON for `WRITE_EVENTS`."""
        events, self._events = self._events, []
        return json.dumps(events)


# A common table expression that inserts the events of `:events` if `held` has a row.
WRITE_EVENTS = """
    INSERT INTO attempt_events (id, attempt_id, kind, name, started_at, ended_at, http_status, bytes_sent,
                                platform_request_id, detail)
    SELECT e.* FROM held, jsonb_to_recordset(CAST(:events AS jsonb)) AS e(
        id uuid, attempt_id uuid, kind text, name text, started_at timestamptz, ended_at timestamptz,
        http_status int, bytes_sent int, platform_request_id text, detail text)
"""
