"""The timeline of an attempt: what was sent when, what came back, what was decided."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from clipcast.clock import clock
from clipcast.ids import new_id
from clipcast.publishing.models import AttemptEvent

DETAIL_MAX = 1000


@dataclass
class Timeline:
    """Events not written yet. They are written with the run's next write, so that they cost no trip of their own."""

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
        """Adds one event that ends now."""
        now = clock.now()
        self._events.append(
            {
                "id": new_id(),
                "attempt_id": self.attempt_id,
                "kind": kind,
                "name": name,
                "started_at": started_at or now,
                "ended_at": now,
                "http_status": http_status,
                "bytes_sent": bytes_sent,
                "platform_request_id": platform_request_id,
                "detail": detail[:DETAIL_MAX].replace("\x00", "") if detail else None,
            }
        )

    async def write(self, connection: AsyncConnection) -> None:
        """Writes what is new."""
        if self._events:
            await connection.execute(insert(AttemptEvent), self._events)
            self._events = []
